"""One class of an emitted module: a traced block lowered to `__init__` and `forward`.

Each list of steps has a variable: `x` for the block, the branch's name for a branch. A step becomes
`x = self.conv(x)`, a branch of layers in a row a `Branch` that is called, and any other branch
statements over its parts. A value that a later step names by `from:` keeps a variable of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from archgen.emit.code import INDENT, LINE_LENGTH, Call, broken, with_comment
from archgen.emit.helpers import Helpers
from archgen.emit.layers import BODY, BlockCall, ClassBody, Layers
from archgen.emit.naming import Variables
from archgen.infer import Untraceable
from archgen.ir.graph import INPUT, JoinCall, Ref
from archgen.ir.op import Join, Layout
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedBlock, ShapedBranch, ShapedGraph, ShapedNode
from archgen.spec.traced import is_traced

Value = tuple[str, Shape | None]


@dataclass(frozen=True)
class Head:
    """A further output that is to be lowered."""

    name: str
    start: Ref
    graph: ShapedGraph
    training_only: bool


@dataclass(frozen=True)
class Result:
    """A value that `forward` returns: the block's own (without a name), a head's, or a port's."""

    name: str
    expression: str
    training_only: bool = False


@dataclass
class Target:
    """Where layers go: attributes of the block, or the parts of a `Branch` that is being collected."""

    path: str
    parts: list[tuple[str, Call]] | None = None

    def name(self, segment: str) -> str:
        """The Python expression for a layer."""
        return f"{self.path}.{segment}"


class Lowering:
    """Lowers one traced block; fills `body` and gives what `forward` returns."""

    def __init__(self, block_call: BlockCall, helpers: Helpers, *, comments: bool) -> None:
        self.body = ClassBody()
        self._layers = Layers(self.body, block_call, helpers)
        self._comments = comments
        self._variables = Variables()
        self._values: dict[Ref, str] = {}
        self._tapped: set[int] = set()
        self._sliced: dict[int, list[int]] = {}

    def lower(self, shaped: ShapedBlock, heads: tuple[Head, ...] = ()) -> list[Result]:
        """The whole block; its own result comes first."""
        inputs = shaped.block.inputs or ("",)
        for port in inputs:
            self._values[Ref(INPUT, port)] = self._variables.take(port or "x")
        refs = _references(shaped, heads)
        self._tapped = {ref.id for ref in refs}
        self._sliced = _sliced(refs)
        top = Target("self")
        start = self._values[Ref(INPUT, inputs[0])]
        variable = (
            start if INPUT not in self._tapped and len(inputs) == 1 else self._variables.take("out")
        )
        end = self._graph(shaped.graph, top, variable, start)
        if heads and not end.isidentifier():
            self._assign(variable, end)
            end = variable
        results = [Result("", end)]
        results += [Result(head.name, self._head(head, top), head.training_only) for head in heads]
        results += [Result(name, self._values[ref]) for name, ref in shaped.block.outputs.items()]
        return results

    def _head(self, head: Head, top: Target) -> str:
        start = self._values[head.start]
        if not head.graph.nodes:
            return start
        return self._named_branch(head.name, head.graph, top, start)

    # --- lists of steps -------------------------------------------------------------------------

    def _graph(self, graph: ShapedGraph, target: Target, variable: str, start: str) -> str:
        """Statements for all but the last step, whose value is returned as an expression."""
        value = start
        for position, node in enumerate(graph.nodes):
            value = self._values.get(node.node.inputs[0], value) if position else value
            if not node.is_active:
                self._values[Ref(node.node.id)] = value
                continue
            value = self._step(
                node, target, variable, value, is_last=position == len(graph.nodes) - 1
            )
        return value

    def _step(
        self, node: ShapedNode, target: Target, variable: str, x: str, *, is_last: bool
    ) -> str:
        expression = self._expression(node, target, x)
        if node.node.id in self._sliced:
            expression = self._slices(node, target.name(node.node.segment), x)
        tapped = node.node.id in self._tapped
        if is_last and not tapped and not node.ports:
            return expression
        name = self._variables.take(node.node.name.replace("-", "_")) if tapped else variable
        ports = [self._variables.take(f"{node.node.name}_{port}") for port in node.ports]
        for port, other in zip(node.ports, ports, strict=True):
            self._values[Ref(node.node.id, port)] = other
        self._values[Ref(node.node.id)] = name
        self._assign(", ".join([name, *ports]), expression, node.output, node.input)
        return name

    def _slices(self, node: ShapedNode, path: str, x: str) -> str:
        """A repeat of which single instances are read elsewhere runs in slices that end on those."""
        done = 0
        for number in self._sliced[node.node.id]:
            name = self._variables.take(f"{node.node.name}_{number}")
            self._assign(name, f"{path}[{done}:{number + 1}]({x})")
            self._values[Ref(node.node.id, instance=number)] = x = name
            done = number + 1
        return x if done == sum(run.count for run in node.runs) else f"{path}[{done}:]({x})"

    def _assign(
        self, name: str, expression: str, output: Shape | None = None, before: Shape | None = None
    ) -> None:
        if name == expression:
            return
        changed = output is not None and (
            before is None or (output.channels, output.grid) != (before.channels, before.grid)
        )
        comment = str(output) if self._comments and changed else ""
        self.body.forward += with_comment([f"{BODY}{name} = {expression}"], comment)

    # --- steps ----------------------------------------------------------------------------------

    def _expression(self, node: ShapedNode, target: Target, x: str) -> str:
        """The step's value; its layer, if it has one, becomes part of `target`."""
        if isinstance(node.node.call, JoinCall):
            return self._join(node, target, x)
        layer = self._layers.layer(node)
        if layer is None:
            assert node.op is not None
            assert node.input is not None
            if is_traced(node.condition):
                raise Untraceable
            return self._layers.with_attributes(node.op).expression(x, node.input)
        self._add(target, node.node.segment, layer, self._layers.condition(node))
        several = (
            [self._values[ref] for ref in node.node.inputs] if len(node.node.inputs) > 1 else []
        )
        arguments = ", ".join(several) or f"{x}{_stretch(node)}"
        return f"{target.name(node.node.segment)}({arguments})"

    def _add(self, target: Target, segment: str, layer: Call, condition: str = "") -> None:
        """Makes the layer an attribute; one with a condition is an identity where that is false."""
        name = target.name(segment)
        if target.parts is not None:
            if condition:
                raise Untraceable
            target.parts.append((segment, layer))
        elif not condition:
            self.body.init += broken(layer, f"{name} = ", "", 2)
        else:
            self.body.init += [f"{BODY}{name}: nn.Module = nn.Identity()", f"{BODY}if {condition}:"]
            self.body.init += broken(layer, f"{name} = ", "", 3)

    # --- joins ----------------------------------------------------------------------------------

    def _join(self, node: ShapedNode, target: Target, x: str) -> str:
        assert isinstance(node.op, Join)
        if is_traced(node.condition):
            raise Untraceable
        if node.branches:
            values = self._branches(node, target, x)
        else:
            values = [
                (self._values[ref], shape)
                for ref, shape in zip(node.node.inputs, node.inputs, strict=True)
            ]
        shapes = tuple(shape for _, shape in values if shape is not None)
        op = self._layers.with_attributes(node.op)
        expression = op.joined(tuple(value for value, _ in values), shapes)
        if len(f"{BODY}return {expression}") > LINE_LENGTH and expression.startswith("torch.cat(["):
            return self._long_concat([value for value, _ in values])
        return expression

    def _branches(self, node: ShapedNode, target: Target, x: str) -> list[Value]:
        """The values of a join's branches; with an `id` they live in a `Branch` of that name."""
        if not node.node.segment:
            return [
                value for branch in node.branches for value in self._branch(node, branch, target, x)
            ]
        inner, at = Target(target.name(node.node.segment), []), len(self.body.init)
        values = [
            value for branch in node.branches for value in self._branch(node, branch, inner, x)
        ]
        self._close(target, node.node.segment, inner, at)
        return values

    def _branch(
        self, join: ShapedNode, branch: ShapedBranch, target: Target, x: str
    ) -> list[Value]:
        name, graph = branch.branch.name, branch.graph
        if join.op is not None and join.op.name == "residual" and name == "body":
            return [(self._body_of_residual(graph, target, x), graph.output)]
        if not graph.nodes:
            return [(self._values.get(branch.branch.graph.output, x), graph.output)]
        if join.op is not None and join.op.name == "concat" and self._is_forked(graph):
            return self._forked(name, graph, target, x)
        return [(self._named_branch(name, graph, target, x), graph.output)]

    def _body_of_residual(self, graph: ShapedGraph, target: Target, x: str) -> str:
        variable = self._variables.take("body")
        end = self._graph(graph, target, variable, x)
        if end.isidentifier():
            return end
        before = graph.nodes[-1].input
        self._assign(variable, end, graph.output, before)
        return variable

    def _named_branch(self, name: str, graph: ShapedGraph, target: Target, x: str) -> str:
        """The value of a branch: a call of a `Branch`, or statements over its parts."""
        if self._is_chain(graph):
            self._chain(name, graph, target)
            return f"{target.name(name)}({x})"
        inner, at = Target(target.name(name), []), len(self.body.init)
        value = self._graph(graph, inner, self._variables.take(name), x)
        self._close(target, name, inner, at)
        return value

    def _is_forked(self, graph: ShapedGraph) -> bool:
        """Whether the branch ends in a concat, whose parts can join the outer concat directly."""
        last = graph.nodes[-1]
        is_concat = last.op is not None and last.op.name == "concat" and bool(last.branches)
        return is_concat and last.node.id not in self._tapped and not last.node.segment

    def _forked(self, name: str, graph: ShapedGraph, target: Target, x: str) -> list[Value]:
        inner, at = Target(target.name(name), []), len(self.body.init)
        *stem, join = graph.nodes
        variable = self._variables.take(name)
        start = self._graph(ShapedGraph(tuple(stem), graph.input, join.input), inner, variable, x)
        if not start.isidentifier():
            self._assign(variable, start, join.input, stem[-1].input)
            start = variable
        values = [
            value for branch in join.branches for value in self._branch(join, branch, inner, start)
        ]
        self._close(target, name, inner, at)
        return values

    def _close(self, target: Target, name: str, inner: Target, at: int) -> None:
        """Makes the collected parts a `Branch`, in the place where they began."""
        assert inner.parts is not None
        if not inner.parts:
            return
        made = Call("Branch", (), tuple(inner.parts))
        if target.parts is not None:
            target.parts.append((name, made))
        else:
            self.body.init[at:at] = broken(made, f"{target.name(name)} = ", "", 2)

    # --- chains ---------------------------------------------------------------------------------

    def _is_chain(self, graph: ShapedGraph) -> bool:
        """Whether the branch is layers in a row, so that a `Branch` can run them."""
        return all(
            not isinstance(node.node.call, JoinCall)
            and len(node.node.inputs) == 1
            and not node.ports
            and node.node.id not in self._tapped
            and not _stretch(node)
            and (position == 0 or node.node.inputs[0] == Ref(graph.nodes[position - 1].node.id))
            for position, node in enumerate(graph.nodes)
        )

    def _chain(self, name: str, graph: ShapedGraph, target: Target) -> None:
        nodes = [node for node in graph.nodes if node.is_active]
        layers = [
            (node.node.segment, self._layers.stand_in(node), self._layers.condition(node))
            for node in nodes
        ]
        if not any(condition for _, _, condition in layers):
            self._add(
                target,
                name,
                Call("Branch", (), tuple((segment, layer) for segment, layer, _ in layers)),
            )
            return
        self._add(target, name, Call("Branch"))
        if target.parts is not None:
            raise Untraceable
        for segment, layer, condition in layers:
            if condition:
                self.body.init.append(f"{BODY}if {condition}:")
            place = f"{target.name(name)}.{segment} = "
            self.body.init += broken(layer, place, "", 3 if condition else 2)

    def _long_concat(self, values: list[str]) -> str:
        """A concat over a list that is written first."""
        name = self._variables.take("branches")
        whole = f"{BODY}{name} = [{', '.join(values)}]"
        lines = [f"{BODY}{name} = [", *(f"{BODY}{INDENT}{value}," for value in values), f"{BODY}]"]
        self.body.forward += [whole] if len(whole) <= LINE_LENGTH else lines
        return f"torch.cat({name}, dim=1)"


def _stretch(node: ShapedNode) -> str:
    """What makes a vector a grid of one position, before an op that needs a grid."""
    first = node.runs[0].instance if node.runs else node
    needs_grid = first.op is not None and first.op.layout is Layout.GRID
    is_vector = node.input is not None and node.input.grid is None
    return "[:, :, None, None]" if needs_grid and is_vector else ""


def _references(shaped: ShapedBlock, heads: tuple[Head, ...]) -> set[Ref]:
    """The values that others than the next step read, so that they need a variable of their own."""
    refs = {*shaped.block.outputs.values(), *(head.start for head in heads)}
    graphs = [shaped.graph, *(head.graph for head in heads)]
    while graphs:
        graph = graphs.pop()
        for position, node in enumerate(graph.nodes):
            previous = Ref(graph.nodes[position - 1].node.id) if position else None
            several = len(node.node.inputs) > 1
            if position or several:
                refs.update(ref for ref in node.node.inputs if several or ref != previous)
            graphs.extend(branch.graph for branch in node.branches)
    return refs


def _sliced(refs: set[Ref]) -> dict[int, list[int]]:
    """Repeats of which single instances are read: node id to the instances' numbers."""
    numbers: dict[int, list[int]] = {}
    for ref in sorted(refs, key=lambda ref: ref.instance or 0):
        if ref.instance is not None:
            numbers.setdefault(ref.id, []).append(ref.instance)
    return numbers
