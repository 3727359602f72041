"""The search for repairs: for each finding about shapes, the smallest single edits that end it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from math import gcd
from pathlib import Path
from typing import NamedTuple

from archgen.checks import wrong_lines
from archgen.diagnostics import Diagnostic, Fix
from archgen.infer import Aspect, Failure, Frame, diagnose
from archgen.ir.op import JoinError
from archgen.ir.shape import Grid, Shape, Window
from archgen.ir.shaped import Expected, ShapedBlock, ShapedNetwork, instances
from archgen.repairs.arms import (
    Arm,
    arm_of_block,
    arms_of_join,
    inner_frame,
    steps_in,
    upstream,
    wanted_before,
)
from archgen.repairs.backwards import SOME, Edited, Wanted
from archgen.repairs.candidates import (
    Candidate,
    channel_candidates,
    channel_setting,
    grid_candidates,
    names_of,
    spelt,
    window_candidates,
)
from archgen.repairs.trials import MAX_TRIALS, Trials
from archgen.repairs.writing import text_edit
from archgen.resolve import Resolved
from archgen.rules import (
    EXPECTATION,
    GROUPS,
    INPUT_TOO_SMALL,
    MENDED_BY_SHAPE,
    RESIDUAL_MISMATCH,
)

MAX_SHOWN = 3
_NUMBERS = ("no", "one", "both", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Repair(NamedTuple):
    """A candidate and what it brings about: `gives 17x17 in all three branches`."""

    candidate: Candidate
    outcome: str


def mended(
    resolved: Resolved,
    network: ShapedNetwork,
    found: tuple[Diagnostic, ...],
    sources: Mapping[str, str],
) -> tuple[Diagnostic, ...]:
    """The findings, those about shapes with their repairs as fixes and as help.

    `sources` are the texts to edit; without them a fix is told in words alone.
    """
    diagnosis = diagnose(network.network)
    failures = {failure.finding.key: failure for failure in reversed(diagnosis.failures)}
    before = [*found, *wrong_lines(network)]
    trials = Trials(replace(resolved, network=network.network), before, diagnosis.steps)
    result: list[Diagnostic] = []
    for finding in found:
        if finding.rule not in MENDED_BY_SHAPE or not trials.is_affordable:
            result.append(finding)
            continue
        failure = failures.get(finding.key)
        repairs = _of_failure(failure) if failure is not None else _of_expectation(network, finding)
        holding = list(islice(_holding(repairs, trials, finding), MAX_SHOWN))
        result.append(_told(finding, holding, sources) if holding else finding)
    return tuple(result)


def _holding(repairs: Iterator[Repair], trials: Trials, finding: Diagnostic) -> Iterator[Repair]:
    """The repairs that stand their trial, smallest first, one for each setting of each step."""
    mended: set[tuple[int, str]] = set()
    tried = 0
    for repair in sorted(repairs, key=lambda repair: repair.candidate.size):
        if repair.candidate.place in mended:
            continue
        if tried == MAX_TRIALS:
            return
        tried += 1
        if trials.mends(repair.candidate, finding):
            mended.add(repair.candidate.place)
            yield repair


# --- what would mend a finding --------------------------------------------------------------------


def _of_failure(failure: Failure) -> Iterator[Repair]:
    rule = failure.error.rule
    if isinstance(failure.error, JoinError):
        yield from _of_join(failure, failure.error)
    elif rule is INPUT_TOO_SMALL:
        for candidate in _room_for(failure):
            yield Repair(candidate, "makes the window fit")
    elif rule is GROUPS:
        for candidate in _divisible(failure):
            yield Repair(candidate, "lets the channels be divided")


def _of_join(failure: Failure, error: JoinError) -> Iterator[Repair]:
    """Each blamed arm brought to what the others end on; where two disagree, either to the other.

    Of a residual the body comes first: the shortcut is what it has to fit.
    """
    arms = arms_of_join(failure.node, failure.frame)
    if not error.is_sayable or len(error.odd) > 1 or (not error.odd and len(arms) > 2):
        return  # one edit cannot mend two branches
    for index in error.odd or reversed(range(len(arms))):
        other = next(arm for i, arm in enumerate(arms) if i != index and i not in error.odd)
        if arms[index].output is None or other.output is None:
            continue
        where = _others(failure, error, index, len(arms))
        yield from _brought_to(arms[index], other, other.output, where)


def _others(failure: Failure, error: JoinError, index: int, count: int) -> str:
    if error.rule is RESIDUAL_MISMATCH:
        return ", as the body has" if index == 0 else ", as the shortcut has"
    what = "branches" if failure.node.branches else "inputs"
    if count == 2:
        return f" in both {what}"
    return f" in all {_NUMBERS[count] if count < len(_NUMBERS) else count} {what}"


def _brought_to(arm: Arm, other: Arm, goal: Shape, where: str) -> Iterator[Repair]:
    assert arm.output is not None
    if arm.output.grid != goal.grid:
        if goal.grid is not None:
            outcome = f"gives {goal.grid}{where}"
            for candidate in grid_candidates(arm, Wanted.exactly(goal.grid)):
                yield Repair(candidate, outcome)
        return
    channels = int(goal.channels)
    for candidate in channel_candidates(arm, channels, _phrase(other)):
        yield Repair(candidate, f"gives {channels} channels{where}")


def _phrase(arm: Arm) -> tuple[str, ...]:
    """How the other arm writes its channels, where that is an expression of the block's own names."""
    last = arm.steps[0] if arm.steps else None
    name = channel_setting(last) if last is not None else None
    if last is None or name is None:
        return ()
    term = getattr(last.node.call, "settings", {})[name]
    used = names_of(term)
    is_shared = used and not any(part == "i" or part.startswith("here.") for part in used)
    return (term.form.text.strip(),) if is_shared else ()


def _room_for(failure: Failure) -> Iterator[Candidate]:
    """Padding or a smaller kernel here, or a smaller stride or more padding before."""
    node, frame = failure.node, failure.frame
    yield from window_candidates(node, frame, SOME)
    wanted = wanted_before(node, SOME)
    for arm in upstream(frame, node):
        if wanted is None:
            return
        yield from grid_candidates(arm, wanted)
        for step in arm.steps:
            wanted = wanted_before(step, wanted) if wanted is not None else None


def _divisible(failure: Failure) -> Iterator[Candidate]:
    """Another number of groups, or channels that the groups divide."""
    node, frame, op, x = failure.node, failure.frame, failure.node.op, failure.node.input
    if x is None:
        return
    groups, filters = getattr(op, "groups", 1), getattr(op, "filters", x.channels)
    for count in _nearest_divisors(gcd(x.channels, filters), groups):
        edited = Edited("groups", str(count), 1, abs(count - groups))
        yield from spelt(node.node, frame, edited)
    if x.channels % groups == 0:
        for count in _nearest_multiples(filters, groups):
            phrase = ["here.channels"] if count == x.channels and frame.caller else []
            for text in (*phrase, str(count)):
                edited = Edited("filters", text, 1, abs(count - filters))
                yield from spelt(node.node, frame, edited)
        return
    for arm in islice(upstream(frame, node), 1):
        for count in _nearest_multiples(x.channels, groups):
            yield from channel_candidates(arm, count)


def _nearest_divisors(number: int, wanted: int) -> list[int]:
    """The divisors next below and next above `wanted`."""
    divisors = [count for count in range(1, min(number, 4096) + 1) if number % count == 0]
    below = [count for count in divisors if count < wanted][-1:]
    above = [count for count in divisors if count > wanted][:1]
    return [count for count in (*below, *above) if count > 1]


def _nearest_multiples(number: int, of: int) -> list[int]:
    below = number // of * of
    return [count for count in (below, below + of) if count not in (0, number)]


# --- expectations ---------------------------------------------------------------------------------


def _of_expectation(network: ShapedNetwork, finding: Diagnostic) -> Iterator[Repair]:
    """Edits of the step, or of what the block consists of, that yield what is expected of it."""
    for arm, line in islice(_expecting(network, finding), 1):
        if line.key == "grid" and isinstance(line.exact, Window):
            goal = Grid(*line.exact)
            for candidate in grid_candidates(arm, Wanted.exactly(goal)):
                yield Repair(candidate, f"gives {goal}")
        elif line.key == "channels" and isinstance(line.exact, int):
            for candidate in channel_candidates(arm, line.exact):
                yield Repair(candidate, f"gives {line.exact} channels")


def _expecting(network: ShapedNetwork, finding: Diagnostic) -> Iterator[tuple[Arm, Expected]]:
    """What ends at the `expect` that does not hold, in the first use in which it does not."""
    whole = network.block
    frame = Frame(whole.block, whole.arguments, whole.inputs)
    for arm, lines in _expectations(whole, frame, set()):
        for line in lines:
            is_it = line.span == finding.span
            if is_it and arm.output is not None and line.exact != _value(arm.output, line.key):
                yield arm, line


def _value(shape: Shape, key: str) -> object:
    return Window(shape.height, shape.width) if key == "grid" else shape.channels


def _expectations(
    block: ShapedBlock, frame: Frame, seen: set[int]
) -> Iterator[tuple[Arm, tuple[Expected, ...]]]:
    if id(block) in seen:
        return
    seen.add(id(block))
    yield arm_of_block(block, frame), block.expected
    for node in steps_in(block.graph).values():
        if node.expected:
            yield Arm(node.output, (node,), frame), node.expected
        for instance in instances(node):
            inner = inner_frame(instance, frame)
            if inner is not None and instance.block is not None:
                yield from _expectations(instance.block, inner, seen)


# --- how it is told -------------------------------------------------------------------------------


def _told(finding: Diagnostic, repairs: list[Repair], sources: Mapping[str, str]) -> Diagnostic:
    fixes = tuple(_fix(repair, finding, sources) for repair in repairs)
    by_outcome: dict[str, list[str]] = {}
    for repair in repairs:
        by_outcome.setdefault(repair.outcome, []).append(_words(repair, finding))
    parts = [f"{' or '.join(words)} {outcome}" for outcome, words in by_outcome.items()]
    help = ", or ".join([*parts, *_otherwise(finding)])
    return finding._replace(help=help, fixes=(*fixes, *finding.fixes))


def _fix(repair: Repair, finding: Diagnostic, sources: Mapping[str, str]) -> Fix:
    edit = text_edit(repair.candidate, sources)
    title = f"{_words(repair, finding)} {repair.outcome}"
    return Fix(title, () if edit is None else (edit,))


def _words(repair: Repair, finding: Diagnostic) -> str:
    candidate = repair.candidate
    place = candidate.node.key
    where = f"line {place.start.line}"
    if place.source != finding.span.source:
        where = f"{Path(place.source).name}:{place.start.line}"
    return f"`{candidate.setting}: {candidate.text}` on `{candidate.node.name}` ({where})"


def _otherwise(finding: Diagnostic) -> list[str]:
    """What may be meant instead: the end of the help that the finding had."""
    if finding.rule is RESIDUAL_MISMATCH and finding.cause == Aspect.CHANNELS:
        return ["give the residual a `shortcut:`"]
    return [finding.help] if finding.rule is EXPECTATION and finding.help else []
