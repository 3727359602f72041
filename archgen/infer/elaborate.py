"""Elaboration: walks a network from its input, evaluates every expression and infers every shape.

A step that cannot be given a shape is reported once and becomes unknown; what follows from an unknown
is silent. Equal uses of a block (same arguments, same input shapes) are elaborated once.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

from archgen.diagnostics import Findings, Label, Span
from archgen.infer.budget import Budget, TooLarge
from archgen.infer.failures import Diagnosis, Failure
from archgen.infer.frames import Frame
from archgen.infer.joins import describe
from archgen.infer.origins import told_of_values
from archgen.infer.refusals import refusal
from archgen.infer.scopes import Values, scope_of, shape_scope, uses_index
from archgen.infer.stated import promised, with_stated
from archgen.infer.tracing import (
    Passage,
    after_repeat,
    any_channels,
    either,
    is_same,
    samples,
    without_index,
)
from archgen.infer.values import Evaluator, Unknown
from archgen.ir.graph import (
    Block,
    BlockCall,
    Graph,
    JoinCall,
    NetworkGraph,
    Node,
    OpCall,
    Ref,
    UnknownCall,
)
from archgen.ir.op import JoinError, ShapeError
from archgen.ir.shape import Shape
from archgen.ir.shaped import (
    Expected,
    Run,
    ShapedBlock,
    ShapedBranch,
    ShapedGraph,
    ShapedHead,
    ShapedNetwork,
    ShapedNode,
)
from archgen.ops.settings import settings_of
from archgen.rules import UNKNOWN_REFERENCE
from archgen.spec.expressions import stand_ins
from archgen.spec.traced import Traced, formula_of, is_traced

# The uses of blocks that a walk has done, by what tells them apart, and how many steps each comes to.
Uses: TypeAlias = "dict[object, tuple[ShapedBlock, int]]"


def infer(
    network: NetworkGraph,
    findings: Findings,
    arguments: Mapping[str, object] | None = None,
    uses: Uses | None = None,
) -> ShapedNetwork | None:
    """Every shape of the network; None where it is over a limit.

    `arguments` replaces the defaults of the network's params. What `uses` holds is taken as it is, and
    what this walk does is added to it: a variant of a sound network is walked where it differs.
    """
    elaborator = _Elaborator(findings, uses)
    try:
        return elaborator.network(network, arguments or {})
    except TooLarge as error:
        findings.add(error.finding)
        return None
    except Unknown:
        return None


def diagnose(network: NetworkGraph) -> Diagnosis:
    """Which steps of a broken network fail, each with the use of its block in which it does."""
    elaborator = _Elaborator(Findings())
    with suppress(TooLarge, Unknown):
        elaborator.network(network, {})
    return elaborator.diagnosis()


def as_stated(shaped: ShapedNetwork) -> tuple[ShapedNetwork | None, frozenset[Span]]:
    """The network once more, each step taken to make the shape that its `expect` states.

    With the lines about shapes that do not hold even so: what their steps take is as it is stated.
    """
    elaborator = _Elaborator(Findings(), is_trusting=True)
    network = None
    with suppress(TooLarge, Unknown):
        network = elaborator.network(shaped.network, shaped.block.arguments)
    return network, frozenset(elaborator.broken)


def trace_block(
    shaped: ShapedBlock, arguments: Mapping[str, object], inputs: tuple[Shape, ...]
) -> ShapedBlock:
    """A sound block once more, with traced numbers: its values then carry formulas.

    Steps whose `when` is false are elaborated all the same, so that an emitter can write both cases.
    """
    return _Elaborator(Findings(), is_tracing=True).use(shaped.block, arguments, inputs, None, None)


def trace_network(
    shaped: ShapedNetwork, arguments: Mapping[str, object]
) -> tuple[ShapedBlock, tuple[ShapedHead, ...]]:
    """A sound network once more, with traced params; its input stays a plain shape."""
    again = _Elaborator(Findings(), is_tracing=True).network(shaped.network, arguments)
    return again.block, again.heads


class _Elaborator:
    """The walk, with what it shares: findings, the budget of nodes, and the blocks already done."""

    def __init__(
        self,
        findings: Findings,
        uses: Uses | None = None,
        *,
        is_tracing: bool = False,
        is_trusting: bool = False,
    ) -> None:
        self._values = Evaluator(findings, is_tracing=is_tracing)
        self._is_tracing = is_tracing
        self._budget = Budget()
        self._done: Uses = {} if uses is None else uses
        self._failures: list[Failure] = []
        self._is_trusting = is_trusting
        self.broken: set[Span] = set()  # lines of `expect` about shapes that do not hold

    def diagnosis(self) -> Diagnosis:
        """The failures so far, and how many steps the walk has looked at."""
        return Diagnosis(tuple(self._failures), self._budget.different)

    def network(self, network: NetworkGraph, arguments: Mapping[str, object]) -> ShapedNetwork:
        block = network.block
        frame = Frame(block, {}, (network.input,))
        frame.arguments = self._values.arguments(block, arguments, frame)
        scope = scope_of(frame)
        self._values.require(block, scope, frame)
        graph = self._graph(block.graph, scope, frame)
        heads = tuple(
            ShapedHead(head, self._graph(head.graph, scope, frame)) for head in network.heads
        )
        expected = self._values.expected(block.expect, scope, frame)
        shaped = ShapedBlock(block, frame.arguments, (network.input,), graph, {}, expected)
        return ShapedNetwork(network, shaped, heads)

    # --- blocks ---------------------------------------------------------------------------------

    def use(
        self,
        block: Block,
        arguments: Mapping[str, object],
        inputs: tuple[Shape, ...],
        caller: Frame | None,
        call: Node | None,
    ) -> ShapedBlock:
        """One use of a block; an equal one that was done before is shared. Raises Unknown."""
        frame = Frame(block, {}, inputs, caller, call)
        frame.arguments = self._values.arguments(block, arguments, frame)
        key = (id(block), tuple(frame.arguments.items()), inputs)
        if not self._is_tracing and key in self._done:
            shaped, size = self._done[key]
            self._budget.spend(size, block.span)
            return shaped
        before = self._budget.count
        scope = scope_of(frame)
        self._values.require(block, scope, frame)
        graph = self._graph(block.graph, scope, frame)
        ports = {name: self._value(ref, frame) for name, ref in block.outputs.items()}
        expected = self._values.expected(block.expect, scope, frame)
        shaped = ShapedBlock(block, frame.arguments, inputs, graph, ports, expected)
        self._done[key] = (shaped, self._budget.count - before)
        return shaped

    # --- graphs and nodes -----------------------------------------------------------------------

    def _graph(self, graph: Graph, scope: Values, frame: Frame) -> ShapedGraph:
        nodes: list[ShapedNode] = []
        with self._budget.nested(graph):
            for node in graph.nodes:
                shaped = self._node(node, scope, frame)
                frame.add(shaped)
                nodes.append(shaped)
        start = nodes[0].input if nodes else self._value(graph.output, frame)
        return ShapedGraph(tuple(nodes), start, self._value(graph.output, frame))

    def _value(self, ref: Ref, frame: Frame, reader: Node | None = None) -> Shape | None:
        shape, shaped = frame.values.get(ref), frame.done.get(ref.id)
        if ref.instance is None or shaped is None:
            return shape
        self._require_instance(shaped, ref.instance, reader or shaped.node)
        return without_index(shape, ref.instance)

    def _require_instance(self, shaped: ShapedNode, number: int, reader: Node) -> None:
        """Refuses the number of an instance that a repeat does not have."""
        total, name = sum(run.count for run in shaped.runs), shaped.node.name
        if number >= total and shaped.output is not None:
            message = f"`{name}` has no instance {number}: it stands {total} times, counted from 0"
            help = f"the last one is `{name}`" + (f" or `{name}.{total - 1}`" if total else "")
            label = Label(shaped.node.key, f"`{name}`")
            self._values.findings.add(
                UNKNOWN_REFERENCE.at(reader.key, message, labels=[label], help=help)
            )

    def _node(self, node: Node, scope: Values, frame: Frame) -> ShapedNode:
        self._budget.spend(1, node.span)
        self._budget.look_at(node.span)
        inputs = tuple(self._value(ref, frame, node) for ref in node.inputs)
        known = tuple(shape for shape in inputs if shape is not None)
        if isinstance(node.call, UnknownCall) or len(known) < len(inputs):
            return ShapedNode(node, inputs, None)
        if known:
            scope = {**scope, **shape_scope("here", known)}
        condition: object = True
        if node.when is not None:
            condition = self._values.evaluate("when", node.when, scope, frame)
        if condition is None:
            return ShapedNode(node, inputs, None)
        if not condition and not (self._is_tracing and is_traced(condition)):
            return ShapedNode(node, inputs, known[0], is_active=False, condition=condition)
        walk = self._active if condition else self._left_out
        shaped = walk(node, known, scope, frame)
        expected = self._values.expected(node.expect, scope, frame)
        return self._with_claims(shaped, condition, expected)

    def _with_claims(
        self, shaped: ShapedNode, condition: object, expected: tuple[Expected, ...]
    ) -> ShapedNode:
        """A step as its `when` and its `expect` leave it."""
        output = self._goes_on(shaped.output if condition else shaped.input, expected)
        if is_traced(condition) and shaped.output is not None and shaped.input is not None:
            output = either(condition, shaped.output, shaped.input)
        if condition is True and not expected and output is shaped.output:
            return shaped
        return replace(shaped, output=output, expected=expected, condition=condition)

    def _goes_on(self, made: Shape | None, expected: tuple[Expected, ...]) -> Shape | None:
        """The shape that the walk goes on with: what is made or, where that is unknown, stated.

        A walk that trusts what is stated goes on with that in any case.
        """
        if made is None or not self._is_trusting:
            return made or promised(expected)
        self.broken.update(line.span for line in expected if not line.fits(made))
        return with_stated(made, expected)

    def _left_out(
        self, node: Node, inputs: tuple[Shape, ...], scope: Values, frame: Frame
    ) -> ShapedNode:
        """A step that is not there in the traced use, as it would be; unknown where it could not be."""
        kept = self._values.findings
        found = ShapedNode(node, inputs, None)
        for values in (scope, *stand_ins(scope)):
            self._values.findings = Findings()
            shaped = self._active(node, inputs, values, frame)
            if shaped.output is not None and not self._values.findings.has_errors:
                found = shaped
                break
        self._values.findings = kept
        return found

    def _active(
        self, node: Node, inputs: tuple[Shape, ...], scope: Values, frame: Frame
    ) -> ShapedNode:
        if node.repeat is not None:
            return self._repeat(node, inputs, scope, frame)
        return self._call(node, inputs, scope, frame)

    def _call(
        self, node: Node, inputs: tuple[Shape, ...], scope: Values, frame: Frame
    ) -> ShapedNode:
        match node.call:
            case OpCall():
                return self._op(node, node.call, inputs[0], scope, frame)
            case JoinCall():
                return self._join(node, node.call, inputs, scope, frame)
            case BlockCall():
                return self._block(node, node.call, inputs, scope, frame)
        return ShapedNode(node, inputs, None)

    def _op(self, node: Node, call: OpCall, x: Shape, scope: Values, frame: Frame) -> ShapedNode:
        settings = self._values.settings(call.settings, scope, frame)
        if settings is None or not _is_complete(call, settings):
            return ShapedNode(node, (x,), None)
        op = call.op(**settings)
        try:
            return ShapedNode(node, (x,), op.infer(x), op, ports=op.parts(x))
        except ShapeError as error:
            finding = refusal(error, node, op, x, frame)
            self._failures.append(Failure(finding, error, ShapedNode(node, (x,), None, op), frame))
            self._values.report(finding, frame)
            return ShapedNode(node, (x,), None)

    def _join(
        self, node: Node, call: JoinCall, inputs: tuple[Shape, ...], scope: Values, frame: Frame
    ) -> ShapedNode:
        branches = tuple(
            ShapedBranch(branch, self._graph(branch.graph, scope, frame))
            for branch in call.branches
        )
        settings = self._values.settings(call.settings, scope, frame)
        ends = tuple(branch.graph.output for branch in branches) if branches else inputs
        known = tuple(shape for shape in ends if shape is not None)
        if settings is None or len(known) < len(ends):
            # a residual whose body is unknown still has its shortcut's shape
            survivor = ends[0] if call.op.name == "residual" else None
            return ShapedNode(node, inputs, survivor, None, branches)
        op = call.op(**settings)
        try:
            return ShapedNode(node, inputs, op.join(known), op, branches)
        except JoinError as error:
            finding = describe(error, node, branches, known, inputs, frame)
            failed = ShapedNode(node, inputs, error.goes_on, None, branches)
            self._failures.append(Failure(finding, error, failed, frame))
            self._values.report(finding, frame)
            return failed

    def _block(
        self, node: Node, call: BlockCall, inputs: tuple[Shape, ...], scope: Values, frame: Frame
    ) -> ShapedNode:
        since = len(self._values.findings.diagnostics)
        arguments = self._values.settings(call.arguments, scope, frame)
        if arguments is None:
            self._values.label_declared(since, call)
            return ShapedNode(node, inputs, None)
        try:
            block = self.use(call.block, arguments, inputs, frame, node)
        except Unknown:
            return ShapedNode(node, inputs, None)
        output = self._goes_on(block.output, block.expected)
        return ShapedNode(node, inputs, output, block=block, ports=block.ports)

    # --- repeats --------------------------------------------------------------------------------

    def _repeat(
        self, node: Node, inputs: tuple[Shape, ...], scope: Values, frame: Frame
    ) -> ShapedNode:
        assert node.repeat is not None
        count = self._values.evaluate("repeat", node.repeat, scope, frame)
        if not isinstance(count, int):
            return ShapedNode(node, inputs, None)
        try:
            self._budget.afford(count, node.repeat.span)
        except TooLarge as error:
            raise TooLarge(told_of_values(frame, error.finding, node.repeat)) from None
        total = samples(count, is_tracing=self._is_tracing)
        runs: list[Run] = []
        x: Shape | None = inputs[0]
        last = x if count == 0 else None
        is_indexed = uses_index(node)
        passage = self._passage(node, inputs[0], scope, frame) if is_traced(count) else None
        number = 0
        while number < total and x is not None:
            self._budget.look_at(node.span)
            before, errors = self._budget.count, len(self._values.findings.diagnostics)
            taken = x if passage is None else passage.entering(x)
            instance = self._numbered(node, taken, number, scope, frame)
            output = without_index(instance.output, number)
            same = 1 if is_indexed or not is_same(output, x) else total - number
            self._budget.spend((same - 1) * max(1, self._budget.count - before), node.repeat.span)
            if number > 0:
                self._values.label_since(
                    errors, Label(node.repeat.span, f"repeat {number} takes {x}")
                )
            self._values.note_repeats(errors, number, same)
            runs.append(Run(number, same, instance))
            number, x = number + same, output
            last = x if number >= count and last is None else last
        if passage is not None and last is not None:
            channels = passage.leaving(formula_of(count), frame.block)
            last = after_repeat(inputs[0], last, count, runs, channels)
        return ShapedNode(node, inputs, last, runs=tuple(runs), count=count)

    def _numbered(
        self, node: Node, x: Shape, number: int, scope: Values, frame: Frame
    ) -> ShapedNode:
        """The instance of a repeat that bears this number."""
        index = Traced.symbol(number, "i") if self._is_tracing else number
        return self._call(node, (x,), {**scope, **shape_scope("here", (x,)), "i": index}, frame)

    def _passage(self, node: Node, x: Shape, scope: Values, frame: Frame) -> Passage:
        """How channels go through the instances of a repeat, by one that takes any number of them."""
        return Passage.of(x, self._numbered(node, any_channels(x), 0, scope, frame).output)


def _is_complete(call: OpCall, settings: Values) -> bool:
    """Whether no required setting is missing, which was reported when the step was read."""
    return all(
        name in settings or not kind.is_required for name, kind in settings_of(call.op).items()
    )
