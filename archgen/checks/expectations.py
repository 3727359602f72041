"""`expect:` lines against what was inferred."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archgen.cost import Costs
from archgen.diagnostics import Diagnostic, Label
from archgen.infer import as_stated
from archgen.ir.shape import Shape, Window
from archgen.ir.shaped import (
    Expected,
    ShapedBlock,
    ShapedGraph,
    ShapedNetwork,
    ShapedNode,
    instances,
)
from archgen.rules import BUDGET, EXPECTATION


def expectations(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """Every stated grid, channel count, number of params and of MACs must be what comes out.

    A line about an unknown shape says nothing: the reason was reported already. Nor does one that
    would hold if the shapes stated before it did, or a sum over steps whose own shapes are not as
    stated: these follow from what is told.
    """
    found = list(_found(network))
    if found:
        other, broken = as_stated(network)
        still = () if other is None else (finding.span for finding in _found(other))
        independent = {*broken, *still}
        found = [finding for finding in found if finding.span in independent]
    yield from found


def _found(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """Every line that does not hold, sums only of what is known and as stated."""
    costs = Costs()
    graphs = [network.block.graph, *(head.graph for head in network.heads)]
    own = _shape_values(network.output)
    if all(_is_known(graph) for graph in graphs) and _fits(network.block.expected, network.output):
        whole = costs.network(network)
        training = whole.params_training
        own |= {"params": whole.cost.params, "macs": whole.cost.macs, "params_training": training}
    yield from _compare(network.block.expected, own)
    for graph in graphs:
        yield from _in_graph(graph, costs)
    for block in network.blocks():
        values = _shape_values(block.output)
        if _is_known(block.graph) and _fits(block.expected, block.output):
            cost = costs.block(block)
            values |= {"params": cost.params, "macs": cost.macs}
        where = f"`{block.block.name}` {block.scope_text()}".rstrip() + f" {_makes(block)}"
        yield from _compare(block.expected, values, [where])
        yield from _in_graph(block.graph, costs)


def _in_graph(graph: ShapedGraph, costs: Costs) -> Iterator[Diagnostic]:
    for node in graph.nodes:
        if node.expected and node.output is not None:
            values = _shape_values(node.output)
            if _fits(node.expected, node.output) and all(map(_is_known_node, instances(node))):
                cost = costs.node(node)
                values = {**values, "params": cost.params, "macs": cost.macs}
            step = Label(node.node.key, _makes(node))
            yield from _compare(node.expected, values, labels=[step])
        for instance in instances(node):
            for branch in instance.branches:
                yield from _in_graph(branch.graph, costs)


def _is_known(graph: ShapedGraph) -> bool:
    """Whether every value in the graph has a shape of its own, and the stated one where one is stated.

    Then its cost is known, and says something.
    """
    return all(
        _fits(node.expected, node.output) and _is_known_node(instance)
        for node in graph.nodes
        for instance in instances(node)
        if node.count != 0
    )


def _fits(lines: tuple[Expected, ...], shape: Shape | None) -> bool:
    return shape is None or all(line.fits(shape) for line in lines)


def _is_known_node(node: ShapedNode) -> bool:
    is_made = node.op is not None or node.block is not None or not node.is_active
    if (
        node.output is None
        or not is_made
        or (node.block is not None and not _is_known(node.block.graph))
        or (node.block is not None and not _fits(node.block.expected, node.block.output))
    ):
        return False
    return all(
        branch.graph.output is not None and _is_known(branch.graph) for branch in node.branches
    )


def _shape_values(shape: Shape | None) -> dict[str, object]:
    if shape is None:
        return {}
    return {"grid": Window(shape.height, shape.width), "channels": shape.channels}


def _compare(
    lines: tuple[Expected, ...],
    values: dict[str, object],
    notes: Sequence[str] = (),
    labels: Sequence[Label] = (),
) -> Iterator[Diagnostic]:
    for line in lines:
        actual = values.get(line.key)
        if actual is None:
            continue
        if line.exact is not None and line.exact != actual:
            is_of_shape = line.key in ("grid", "channels")
            yield EXPECTATION.at(
                line.span,
                f"`{line.key}` should be {_shown(line.exact)}, and is {_shown(actual)}",
                notes=notes if is_of_shape else (),
                labels=labels if is_of_shape else (),
                help=f"write `{line.key}: {_plain(actual)}` if that is what you mean",
            )
        if isinstance(actual, int):
            yield from _over_bounds(line, actual)


def _over_bounds(line: Expected, actual: int) -> Iterator[Diagnostic]:
    bound, word = line.minimum, "at least"
    if line.maximum is not None and actual > line.maximum:
        bound, word = line.maximum, "at most"
    elif line.minimum is None or actual >= line.minimum:
        return
    message = f"`{line.key}` should be {word} {bound:,}, and is {actual:,}"
    yield BUDGET.at(line.span, message, help="make the network fit, or move the bound")


def _makes(part: ShapedNode | ShapedBlock) -> str:
    inputs = " and ".join(str(shape) for shape in part.inputs)
    return f"takes {inputs} and makes {part.output}"


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)


def _plain(value: object) -> object:
    return value.height if isinstance(value, Window) and value.is_square else value
