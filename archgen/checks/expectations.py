"""`expect:` lines against what was inferred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from archgen.cost import Costs
from archgen.diagnostics import Diagnostic, Label
from archgen.infer import Aspect, as_stated, told_inside
from archgen.ir.shape import Shape, Window
from archgen.ir.shaped import (
    Expected,
    ShapedBlock,
    ShapedGraph,
    ShapedNetwork,
    ShapedNode,
    instances,
)
from archgen.ir.walk import walk_network
from archgen.rules import BUDGET, EXPECTATION

_ASPECTS = frozenset(Aspect)


def expectations(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """Every stated grid, channel count, number of params and of MACs must be what comes out.

    A line about an unknown shape says nothing: the reason was reported already. Nor does one that
    would hold if the shapes stated before it did, or a sum over steps whose own shapes are not as
    stated: these follow from what is told.
    """
    found = list(_Comparison(network).findings())
    if found:
        other, broken = as_stated(network)
        still = () if other is None else (line.span for line in _Comparison(other).findings())
        independent = {*broken, *still}
        found = [finding for finding in found if finding.span in independent]
    yield from found


def wrong_lines(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """Every line that does not hold, those too that follow from others."""
    return _Comparison(network, is_strict=False).findings()


@dataclass(frozen=True)
class _Comparison:
    """What is stated in a network against what comes out.

    A strict one judges no sum over steps that do not make what is stated of them.
    """

    network: ShapedNetwork
    is_strict: bool = True
    costs: Costs = field(default_factory=Costs)

    def findings(self) -> Iterator[Diagnostic]:
        """Every line that does not hold."""
        network = self.network
        graphs = [network.block.graph, *(head.graph for head in network.heads)]
        if network.block.expected:
            yield from _compare(network.block.expected, self._of_network(graphs))
        for block in network.blocks():
            if block.expected:
                where = f"`{block.block.name}` {block.scope_text()}".rstrip() + f" {_makes(block)}"
                yield from _compare(block.expected, self._of_block(block), [where])
        for visit in walk_network(network):
            node = visit.node
            for line in node.expected if visit.is_first and node.output is not None else ():
                labels = _places(node, line.key)
                yield from _compare((line,), self._of_step(node), labels=labels)

    def _of_network(self, graphs: Iterable[ShapedGraph]) -> dict[str, object]:
        network = self.network
        values = _shape_values(network.output)
        is_as_stated = self._fits(network.block.expected, network.output)
        if not is_as_stated or not all(map(self._is_known, graphs)):
            return values
        whole = self.costs.network(network)
        sums = {"params": whole.cost.params, "macs": whole.cost.macs}
        return {**values, **sums, "params_training": whole.params_training}

    def _of_block(self, block: ShapedBlock) -> dict[str, object]:
        values = _shape_values(block.output)
        if not self._is_known(block.graph) or not self._fits(block.expected, block.output):
            return values
        cost = self.costs.block(block)
        return {**values, "params": cost.params, "macs": cost.macs}

    def _of_step(self, node: ShapedNode) -> dict[str, object]:
        values = _shape_values(node.output)
        is_as_stated = self._fits(node.expected, node.output)
        if not is_as_stated or not all(map(self._is_known_node, instances(node))):
            return values
        cost = self.costs.node(node)
        return {**values, "params": cost.params, "macs": cost.macs}

    def _is_known(self, graph: ShapedGraph) -> bool:
        """Whether every value in the graph has a shape of its own, so that its cost is known."""
        return all(
            self._fits(node.expected, node.output) and self._is_known_node(instance)
            for node in graph.nodes
            for instance in instances(node)
            if node.count != 0
        )

    def _is_known_node(self, node: ShapedNode) -> bool:
        block, output = node.block, node.output
        if output is None or (node.op is None and block is None and node.is_active):
            return False
        if block is not None and not self._fits(block.expected, block.output):
            return False
        graphs = [branch.graph for branch in node.branches]
        graphs += [] if block is None else [block.graph]
        is_whole = all(branch.graph.output is not None for branch in node.branches)
        return is_whole and all(map(self._is_known, graphs))

    def _fits(self, lines: tuple[Expected, ...], shape: Shape | None) -> bool:
        return not self.is_strict or shape is None or all(line.fits(shape) for line in lines)


def _places(node: ShapedNode, key: str) -> Iterator[Label]:
    """Where a step makes something else than is stated: its own place, and in a block the one inside."""
    yield Label(node.node.key, _makes(node))
    inside = told_inside(node, Aspect(key)) if key in _ASPECTS else None
    if inside is not None:
        yield inside


def _shape_values(shape: Shape | None) -> dict[str, object]:
    if shape is None:
        return {}
    return {"grid": Window(shape.height, shape.width), "channels": shape.channels}


def _compare(
    lines: tuple[Expected, ...],
    values: dict[str, object],
    notes: Sequence[str] = (),
    labels: Iterable[Label] = (),
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
