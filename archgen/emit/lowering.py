"""One class of an emitted module: a traced block lowered to `__init__` and `forward`.

Each list of steps has a variable: `x` for the block, the branch's name for a branch. A step becomes
`x = self.conv(x)`, a branch of layers in a row a `Branch` that is called, and any other branch
statements over its parts. A value that a later step names by `from:` keeps a variable of its own.

Statements run in the order in which the spec is written, so that gradients add up in that order too,
and a value is held no longer than it is needed: a repeat is a loop over `x`, the sum of a residual
takes the place of its body, and a head runs as soon as what it starts from is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archgen.emit.code import INDENT, LINE_LENGTH, Call, broken, with_comment
from archgen.emit.helpers import Helpers
from archgen.emit.layers import BODY, BlockCall, ClassBody, Layers
from archgen.emit.naming import Variables
from archgen.emit.values import (
    Head,
    Result,
    Target,
    Value,
    may_hold_sum,
    references,
    sliced,
    stretch,
)
from archgen.infer import Untraceable
from archgen.ir.graph import INPUT, JoinCall, Ref
from archgen.ir.op import Join
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedBlock, ShapedBranch, ShapedGraph, ShapedNode
from archgen.ir.walk import walk
from archgen.ops.merge import Concat, Residual
from archgen.ops.rearrange import Split
from archgen.spec.traced import is_traced


class Lowering:
    """Lowers one traced block; fills `body` and gives what `forward` returns."""

    def __init__(
        self, block_call: BlockCall, helpers: Helpers, *, comments: bool, output: str = ""
    ) -> None:
        self.body = ClassBody()
        self._layers = Layers(self.body, block_call, helpers)
        self._comments = comments
        self._variables = Variables(output)
        self._values: dict[Ref, str] = {}
        self._references: set[Ref] = set()
        self._tapped: set[int] = set()
        self._read: set[int] = set()
        self._sliced: dict[int, list[int]] = {}
        self._item = ""
        self._top = Target("self")
        self._waiting: dict[Ref, list[Head]] = {}
        self._heads: dict[str, tuple[Result, list[str]]] = {}

    def lower(self, shaped: ShapedBlock, heads: tuple[Head, ...] = ()) -> list[Result]:
        """The whole block; its own result comes first."""
        for graph in (shaped.graph, *(head.graph for head in heads)):
            for visit in walk(graph):
                branches = (branch.branch.name for branch in visit.instance.branches)
                self._layers.name_layers([visit.node.node.segment, *branches])
        self._layers.name_layers(head.name for head in heads)
        inputs = shaped.block.inputs or ("",)
        for port in inputs:
            self._values[Ref(INPUT, port)] = name = self._variables.take(port or "x")
            self.body.inputs.append(name)
        refs = self._references = references(shaped, heads)
        self._tapped = {ref.id for ref in refs}
        self._read = self._tapped | {head.start.id for head in heads}
        self._sliced = sliced(refs)
        for head in heads:
            for ref in head.reads():
                self._waiting.setdefault(ref, []).append(head)
        start = self._values[Ref(INPUT, inputs[0])]
        variable = (
            start if INPUT not in self._tapped and len(inputs) == 1 else self._variables.take("out")
        )
        self._lower_heads(*self._values)
        end = self._graph(shaped.graph, self._top, variable, start)
        if heads and not end.isidentifier():
            self._assign(variable, end)
            end = variable
        lowered = [self._heads[head.name] for head in heads]
        self.body.init += [line for _, init in lowered for line in init]
        results = [Result("", end), *(result for result, _ in lowered)]
        results += [Result(name, self._values[ref]) for name, ref in shaped.block.outputs.items()]
        return results

    # --- heads ----------------------------------------------------------------------------------

    def _lower_heads(self, *made: Ref) -> None:
        """Lowers the heads that waited for these values alone."""
        ready = {
            head.name: head
            for ref in made
            for head in self._waiting.pop(ref, [])
            if head.reads() <= self._values.keys()
        }
        for head in ready.values():
            outer = self.body.init, self.body.forward
            self.body.init, self.body.forward = [], []
            result = self._head(head)
            inner = self.body.init, self.body.forward
            self.body.init, self.body.forward = outer
            self.body.forward += inner[1]
            self._heads[head.name] = result, inner[0]

    def _head(self, head: Head) -> Result:
        """The head's statements; one for training only is None in evaluation."""
        start = self._values[head.start]
        if not head.graph.nodes:
            return Result(head.name, start, head.training_only)
        value = self._named_branch(head.name, head.graph, self._top, start)
        name = self._variables.take(head.name)
        if not head.training_only:
            self._assign(name, value)
            return Result(head.name, name)
        whole = f"{BODY}{name} = {value} if self.training else None"
        if self.body.forward or len(whole) > LINE_LENGTH:
            self._assign(name, value)
            inner = [f"{INDENT}{line}" for line in self.body.forward]
            self.body.forward = [f"{BODY}{name} = None", f"{BODY}if self.training:", *inner]
        else:
            self.body.forward.append(whole)
        return Result(head.name, name, training_only=True, is_optional=True)

    # --- lists of steps -------------------------------------------------------------------------

    def _graph(self, graph: ShapedGraph, target: Target, variable: str, start: str) -> str:
        """Statements for all but the last step, whose value is returned as an expression."""
        value = start
        for position, node in enumerate(graph.nodes):
            value = self._taken_in(node, value)
            if not node.is_active:
                value = self._passed_on(node, value)
            elif self._is_loop(node) and value == variable:
                self._loop(node, target, variable)
            else:
                is_last = position == len(graph.nodes) - 1
                value = self._step(node, target, variable, value, is_last=is_last)
            made = Ref(node.node.id)
            self._lower_heads(made, *(made._replace(port=port) for port in node.ports))
        return value

    def _taken_in(self, node: ShapedNode, value: str) -> str:
        """What the step reads: `value`, made by the one before it, or what its `from` names."""
        ref = node.node.inputs[0]
        return self._values[ref] if ref in self._references else value

    def _passed_on(self, node: ShapedNode, value: str) -> str:
        """The value of a step that is left out, under a name of its own where others read it."""
        if node.node.id in self._tapped:
            name = self._variables.take(node.node.name.replace("-", "_"))
            self._assign(name, value)
            value = name
        self._values[Ref(node.node.id)] = value
        return value

    def _is_loop(self, node: ShapedNode) -> bool:
        """Whether a step is a repeat that `forward` can write as a loop over one variable."""
        return (
            bool(node.runs)
            and not isinstance(node.node.call, JoinCall)
            and not is_traced(node.condition)
            and node.node.id not in self._tapped
            and len(node.node.inputs) == 1
            and not node.ports
            and not stretch(node)
            and self._layers.is_regular(node)
        )

    def _loop(self, node: ShapedNode, target: Target, variable: str) -> None:
        """A repeat as a loop: unlike a call of `nn.Sequential`, it does not hold the first input."""
        self._add(target, node.node.segment, self._layers.loop(node))
        self._item = self._item or self._variables.take("block")
        head = f"{BODY}for {self._item} in {target.name(node.node.segment)}:"
        step = f"{BODY}{INDENT}{variable} = {self._item}({variable})"
        self.body.forward += [*with_comment([head], self._comment(node.output, node.input)), step]
        self._values[Ref(node.node.id)] = variable

    def _step(
        self, node: ShapedNode, target: Target, variable: str, x: str, *, is_last: bool
    ) -> str:
        if isinstance(node.op, Split):
            return self._parted(node, node.op, x)
        expression = self._expression(node, target, x)
        if node.node.id in self._sliced:
            expression = self._slices(node, target.name(node.node.segment), f"{x}{stretch(node)}")
        tapped = node.node.id in self._tapped
        if is_last and node.node.id not in self._read and not node.ports:
            return expression
        name = self._variables.take(node.node.name.replace("-", "_")) if tapped else variable
        ports = [self._variables.take(f"{node.node.name}_{port}") for port in node.ports]
        for port, other in zip(node.ports, ports, strict=True):
            self._values[Ref(node.node.id, port)] = other
        self._values[Ref(node.node.id)] = name
        self._assign(", ".join([name, *ports]), expression, node.output, node.input)
        return name

    def _parted(self, node: ShapedNode, split: Split, x: str) -> str:
        """A split: a variable for each part that is read."""
        names = []
        for part in node.ports:
            ref = Ref(node.node.id, part)
            is_read = ref in self._references or ref in self._waiting
            names.append(self._variables.take(part) if is_read else "_")
            self._values[ref] = names[-1]
        assert node.input is not None
        expression = self._layers.with_attributes(split).expression(x, node.input)
        self._assign(", ".join(names), expression)
        self._values[Ref(node.node.id)] = x
        return x

    def _slices(self, node: ShapedNode, path: str, x: str) -> str:
        """A repeat of which single instances are read elsewhere runs in slices that end on those."""
        done = 0
        for number in self._sliced[node.node.id]:
            name = self._variables.take(f"{node.node.name}_{number}")
            self._assign(name, f"{path}[{done}:{number + 1}]({x})")
            self._values[Ref(node.node.id, instance=number)] = x = name
            self._lower_heads(Ref(node.node.id, instance=number))
            done = number + 1
        return x if done == sum(run.count for run in node.runs) else f"{path}[{done}:]({x})"

    def _assign(
        self, name: str, expression: str, output: Shape | None = None, before: Shape | None = None
    ) -> None:
        if name == expression:
            return
        comment = self._comment(output, before)
        self.body.forward += with_comment([f"{BODY}{name} = {expression}"], comment)

    def _comment(self, output: Shape | None, before: Shape | None) -> str:
        """The shape of a value where it is another than that before."""
        changed = output is not None and (
            before is None or (output.channels, output.grid) != (before.channels, before.grid)
        )
        return str(output) if self._comments and changed else ""

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
        condition = self._layers.condition(node)
        if condition and (node.ports or len(node.node.inputs) > 1 or stretch(node)):
            raise Untraceable  # an identity cannot stand for these
        self._add(target, node.node.segment, layer, condition)
        several = (
            [self._values[ref] for ref in node.node.inputs] if len(node.node.inputs) > 1 else []
        )
        arguments = ", ".join(several) or f"{x}{stretch(node)}"
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
        if is_traced(node.condition) or not isinstance(node.op, Join):
            raise Untraceable  # its values do not fit in the traced use
        if node.branches:
            values = self._branches(node, target, x)
        else:
            values = [
                Value(self._values[ref], shape, "")
                for ref, shape in zip(node.node.inputs, node.inputs, strict=True)
            ]
        shapes = tuple(value.shape for value in values if value.shape is not None)
        op = self._layers.with_attributes(node.op)
        if isinstance(op, Residual) and may_hold_sum(node, self._read):
            shortcut, body = (value.expression for value in values)
            self.body.forward.append(f"{BODY}{body} += {shortcut}")
            return op.activated(body)
        expression = op.joined(tuple(value.expression for value in values), shapes)
        if len(f"{BODY}return {expression}") > LINE_LENGTH and isinstance(op, Concat):
            return self._long_concat([value.expression for value in values])
        return expression

    def _branches(self, node: ShapedNode, target: Target, x: str) -> list[Value]:
        """The values of a join's branches; with an `id` they live in a `Branch` of that name."""
        if not node.node.segment:
            return self._in_order(node, node.branches, target, x)
        inner, at = Target(target.name(node.node.segment), []), len(self.body.init)
        values = self._in_order(node, node.branches, inner, x)
        self._close(target, node.node.segment, inner, at)
        return values

    def _in_order(
        self, join: ShapedNode, branches: Iterable[ShapedBranch], target: Target, x: str
    ) -> list[Value]:
        """The values of branches; what is written before a branch of statements is made before them.

        A residual's body alone goes first: nothing then holds the shortcut's value.
        """
        values: list[Value] = []
        settled = 0
        for branch in branches:
            at = len(self.body.forward)
            more = list(self._branch(join, branch, target, x))
            if len(self.body.forward) > at and not isinstance(join.op, Residual):
                pending = values[settled:]
                values[settled:] = kept = [self._kept(value) for value in pending]
                settled = len(values)
                self.body.forward[at:at] = [
                    f"{BODY}{new.expression} = {old.expression}"
                    for old, new in zip(pending, kept, strict=True)
                    if old != new
                ]
            values += more
        return values

    def _kept(self, value: Value) -> Value:
        """The value as a variable."""
        if value.expression.isidentifier():
            return value
        return value._replace(expression=self._variables.take(value.name))

    def _branch(
        self, join: ShapedNode, branch: ShapedBranch, target: Target, x: str
    ) -> Iterator[Value]:
        name, graph = branch.branch.name, branch.graph
        if branch.branch.start != join.node.inputs[0]:
            x = self._values[branch.branch.start]
        if branch.branch.is_body:
            yield Value(self._body_of_residual(graph, target, x), graph.output, name)
        elif not graph.nodes:
            yield Value(x, graph.output, name)
        elif join.op is not None and join.op.name == "concat" and self._is_forked(graph):
            yield from self._forked(name, graph, target, x)
        else:
            yield Value(self._named_branch(name, graph, target, x), graph.output, name)

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
            return f"{target.name(name)}({self._taken_in(graph.nodes[0], x)})"
        inner, at = Target(target.name(name), []), len(self.body.init)
        value = self._graph(graph, inner, self._variables.take(name), x)
        self._close(target, name, inner, at)
        return value

    def _is_forked(self, graph: ShapedGraph) -> bool:
        """Whether the branch ends in a concat, whose parts can join the outer concat directly."""
        last = graph.nodes[-1]
        is_concat = last.op is not None and last.op.name == "concat" and bool(last.branches)
        is_concat = is_concat and not is_traced(last.condition)
        return is_concat and last.node.id not in self._read and not last.node.segment

    def _forked(self, name: str, graph: ShapedGraph, target: Target, x: str) -> list[Value]:
        inner, at = Target(target.name(name), []), len(self.body.init)
        *stem, join = graph.nodes
        variable = self._variables.take(name)
        start = self._graph(ShapedGraph(tuple(stem), graph.input, join.input), inner, variable, x)
        if not start.isidentifier():
            self._assign(variable, start, join.input, stem[-1].input)
            start = variable
        values = self._in_order(join, join.branches, inner, self._taken_in(join, start))
        self._close(target, name, inner, at)
        return [value._replace(name=f"{name}_{value.name}") for value in values]

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
            and node.node.id not in self._read
            and not stretch(node)
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
