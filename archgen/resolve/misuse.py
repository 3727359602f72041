"""What is said of a step that names no op, or that uses one as it cannot be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from archgen.diagnostics import (
    Diagnostic,
    Label,
    Span,
    Suggestion,
    did_you_mean,
    listed,
    suggest,
)
from archgen.ir.graph import Block, BlockCall, Call, JoinCall, Node, OpCall, Ref, Term, UnknownCall
from archgen.ops import OPS_BY_NAME
from archgen.ops.attached import ACTIVATIONS
from archgen.ops.norms import NORMS
from archgen.ops.rearrange import Split, parts_of
from archgen.ops.slots import Setting
from archgen.rules import (
    AMBIGUOUS_INPUT,
    REPEATED_JOIN,
    UNKNOWN_OP,
    UNKNOWN_REFERENCE,
    WHEN_OF_SEVERAL,
    WRONG_INPUTS,
)
from archgen.spec.document import MappingNode, ScalarNode, around
from archgen.spec.model import Step


def unknown_op(step: Step, blocks: Iterable[str]) -> Diagnostic:
    """The finding for a step that names neither an op nor one of the blocks."""
    name, known = step.op.text, list(blocks)
    suggestion = suggest(name, [*OPS_BY_NAME, *known], role="op", own=known)
    message = f"`{name}` is neither an op nor a block"
    ops = ", ".join(OPS_BY_NAME)
    help = suggestion.help(f"define it under `blocks:`, or name an op: {ops}")
    alias, dot, _ = name.partition(".")
    is_alias = any(block.startswith(f"{alias}.") for block in known)
    if dot and not is_alias and not suggestion.advice:
        message = f"`{alias}` is no library of this file"
        help = f"write `use: {{{alias}: PATH}}`"
    if name in ACTIVATIONS or name in NORMS:
        meant = f"{'act' if name in ACTIVATIONS else 'norm'}: {name}"
        help = f"write `{meant}`"
        suggestion = Suggestion(meant if step.span == step.op.span else None, is_safe=True)
    return UNKNOWN_OP.at(step.op.span, message, help=help, instead=suggestion)


def no_step(name: ScalarNode, sight: Iterable[str], inputs: Span | None) -> Diagnostic:
    """The finding for a name that no step in sight has; `inputs` is where the block names its own."""
    legal = list(sight)
    suggestion = suggest(name.text, legal, own=legal)
    help = suggestion.help(f"in sight here: {listed(legal)}")
    is_input = inputs is not None and name.text.startswith("in.")
    labels = [Label(inputs, "the inputs of this block")] if inputs is not None and is_input else []
    message = f"`{name.text}` names no step in sight"
    return UNKNOWN_REFERENCE.at(
        name.span, message, labels=labels, help=help, instead=suggestion, subject=name.text
    )


def no_output(name: ScalarNode, owner: Node, outputs: Iterable[str], output: str) -> Diagnostic:
    """The finding for an output that a step does not have."""
    step, legal = owner.name, list(outputs)
    near = did_you_mean(output, legal)
    help = f"did you mean `{step}.{near}`?" if near else f"it has {listed(legal)}"
    if not legal and isinstance(owner.call, BlockCall):
        help = f"name `{step}` alone, or give the block `{owner.call.block.name}` an `outputs:`"
    message = f"`{step}` has no output `{output}`"
    suggestion = Suggestion(f"{step}.{near}" if near else None)
    return UNKNOWN_REFERENCE.at(name.span, message, help=help, instead=suggestion)


def no_single_input(place: Span, inputs: tuple[ScalarNode, ...]) -> Diagnostic:
    """The finding for a reader of `in` in a block that has several inputs."""
    names = [f"in.{port.text}" for port in inputs]
    message = f"this block has {len(inputs)} inputs, and `in` alone is none of them"
    label = Label(around(inputs) or place, "the inputs of this block")
    help = f"name one: `from: {names[0]}`; there are {listed(names)}"
    return AMBIGUOUS_INPUT.at(place, message, labels=[label], help=help)


def parts_of_call(call: Call) -> Mapping[str, Span]:
    """The parts of a split, and where each is named; none of anything else."""
    term = call.settings.get("sizes") if isinstance(call, OpCall) and call.op is Split else None
    parts = parts_of(term) if isinstance(term, Setting) else {}
    return {name: part.span for name, part in parts.items()}


def has_branches(step: Step) -> bool:
    """Whether a step is written with branches."""
    return isinstance(step.settings, MappingNode) and bool(step.settings.entries)


def parted(place: Span, reader: str, split: str, parts: tuple[str, ...]) -> Diagnostic:
    """The finding for a reader of one value that gets a split, which has several."""
    message = f"{reader} is one value, and `{split}` has {len(parts)}: {listed(parts)}"
    if reader.startswith("`"):
        message = f"{reader} takes one value, and `{split}` has {len(parts)}: {listed(parts)}"
    help = f"name one, as in `from: {split}.{parts[0]}`, or join branches that bear their names"
    return WRONG_INPUTS.at(place, message, help=help)


def no_part(branch: ScalarNode, split: str, parts: tuple[str, ...]) -> Diagnostic:
    """The finding for a branch behind a split that bears the name of none of its parts."""
    suggestion = suggest(branch.text, parts, own=parts)
    help = suggestion.help(f"it has {listed(parts)}")
    message = f"`{split}` has no part `{branch.text}` for this branch"
    return UNKNOWN_REFERENCE.at(branch.span, message, help=help, instead=suggestion)


def misuse(
    step: Step, call: Call, inputs: tuple[Ref, ...], repeat: Term | None
) -> Iterator[Diagnostic]:
    """A join without branches joins several values, and all else takes its own number of inputs.

    Only what has one input repeats.
    """
    if isinstance(call, UnknownCall):
        return
    if (refused := _kept_from_repeating(step, call, repeat)) is not None:
        yield refused
    elif step.when is not None and len(inputs) > 1:
        yield _left_out_of_several(step, call, len(inputs))
    if not isinstance(call, JoinCall) or call.branches:
        wanted = max(1, len(call.block.inputs)) if isinstance(call, BlockCall) else 1
        if len(inputs) != wanted:
            yield _other_number(step, call, len(inputs), wanted)
    elif len(inputs) < 2:
        place, help = _from(step), "give it branches, or `from: [a, b]`"
        yield WRONG_INPUTS.at(place, f"`{step.op.text}` joins at least two values", help=help)


def _kept_from_repeating(step: Step, call: Call, repeat: Term | None) -> Diagnostic | None:
    """The finding for what cannot be repeated, or left out, and is."""
    message, help = "", ""
    if isinstance(call, OpCall) and call.op is Split and (repeat or step.when) is not None:
        message = f"`{step.op.text}` has neither `repeat` nor `when`"
        help = "put it into a block, and repeat or leave out the block"
    elif isinstance(call, JoinCall) and repeat is not None:
        message = f"`{step.op.text}` cannot be repeated"
        help = "put it into a block and repeat the block"
    elif isinstance(call, BlockCall) and len(call.block.inputs) > 1 and repeat is not None:
        message = f"`{step.op.text}` has several inputs and cannot be repeated"
        help = "write its uses out one after the other: each names what it reads in `from:`"
    elif isinstance(call, BlockCall) and call.block.outputs and repeat is not None:
        message = f"`{step.op.text}` has `outputs` and cannot be repeated"
        help = "repeat a block without `outputs:`, or write its uses out one after the other"
    return REPEATED_JOIN.at(step.op.span, message, help=help) if message else None


def _left_out_of_several(step: Step, call: Call, inputs: int) -> Diagnostic:
    """The finding for a `when` on a step that has several values to pass on where it is left out."""
    assert step.when is not None
    message = (
        f"`{step.op.text}` reads {inputs} values, and without it one of them would go on alone"
    )
    help = (
        "give the join branches, and `when` to the steps in them"
        if isinstance(call, JoinCall)
        else "put `when` on steps that read one value"
    )
    help += (
        ", or write two blocks, one with this step and one without, and use the one that is meant"
    )
    label = Label(_from(step), "what it reads")
    return WHEN_OF_SEVERAL.at(step.when.span, message, labels=[label], help=help)


def _other_number(step: Step, call: Call, given: int, wanted: int) -> Diagnostic:
    """The finding for a step that gets more or fewer values than it takes."""
    kind = f"`{step.op.text}` with branches" if isinstance(call, JoinCall) else f"`{step.op.text}`"
    message = f"{kind} takes {wanted} input{'s' if wanted > 1 else ''}"
    if step.from_ is not None:
        message += f", and `from` names {given}"
    help = "name one, or join them before" if wanted == 1 else "list them: `from: [a, b]`"
    labels = [_declared(call.block)] if isinstance(call, BlockCall) else []
    return WRONG_INPUTS.at(_from(step), message, labels=labels, help=help)


def _from(step: Step) -> Span:
    """Where a step says what it reads; its op where it does not."""
    return around(step.from_ or ()) or step.op.span


def _declared(block: Block) -> Label:
    """Where a block says what it takes."""
    if block.inputs_span is None:
        return Label(block.span, f"`{block.name}` has no `inputs:`, and so takes one value")
    return Label(block.inputs_span, f"the inputs of `{block.name}`")
