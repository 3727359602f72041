"""Random networks with one change: what the reference calls invalid is refused, there and nowhere else.

One stride, padding, kernel, count or branch of a valid network is changed. Where the reference then
finds a step that cannot be, the compiler must point at the change or at the step that it breaks, and
where three or more branches disagree, blame the one that was changed. Where the change is harmless,
the compiler must accept it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from time import process_time
from typing import Any, NamedTuple

from archgen.diagnostics import Diagnostic
from archgen.pipeline import check
from archgen.spec.files import SpecText
from tools.fuzzing.generate import network
from tools.fuzzing.outcome import Failure, Outcome
from tools.fuzzing.plan import Network, Step, spec_text
from tools.fuzzing.reference import Fault, meaning

NAME = "faults"
BATCH = 500
PATIENCE = 60.0
TRIES = 6
SPEC_NAME = "net.yaml"
WINDOWS = ("conv", "max_pool", "avg_pool")


class Case(NamedTuple):
    """A changed network: where it was changed, what was done, and the fault that follows, if one does."""

    network: Network
    text: str
    changed: Step | None
    what: str
    fault: Fault | None


def run(seeds: range) -> Iterator[Outcome]:
    """One outcome a seed."""
    for seed in seeds:
        began = process_time()
        found = case(seed)
        try:
            broken = _broken(found)
        except Exception as error:  # noqa: BLE001  # the promise is that there is none
            broken = f"{type(error).__name__}: {error}"
        failure = Failure(broken, found.text) if broken else None
        end = "refused" if found.fault else "still valid"
        yield Outcome(seed, process_time() - began, failure, f"{found.what}: {end}")


def text_of(seed: int) -> str:
    """The changed spec of a seed."""
    return case(seed).text


def show(seed: int) -> str:
    """The case, the change, and what the compiler finds."""
    found = case(seed)
    lines = found.changed.lines if found.changed else ""
    fault = f"{found.fault} in lines {found.fault.step.lines}" if found.fault else "still valid"
    errors = [f"{d.span} {d.rule.code} {d.message}" for d in _errors(found.text)]
    return "\n".join([found.text, f"{found.what} of lines {lines}: {fault}", *errors])


def case(seed: int) -> Case:
    """The case of a seed: a change that does harm, if one is found soon."""
    cases = (_attempt(seed, attempt) for attempt in range(TRIES))
    last = next(cases)
    return last if last.fault else next((found for found in cases if found.fault), last)


def _attempt(seed: int, attempt: int) -> Case:
    made = network(seed)
    made.expect = {}
    for block in made.blocks.values():
        block.require = ()  # what a block requires is told where it requires it
    what, changed = _change(made, Random(seed * TRIES + attempt))
    return Case(made, spec_text(made), changed, what, _fault(made))


def _fault(made: Network) -> Fault | None:
    try:
        meaning(made)
    except Fault as fault:
        return fault
    ends = (steps[-1] for steps, index in made.walk() if index == 0)
    open_end = next(
        (step for step in ends if step.op == "split"), None
    )  # also where `when` is false
    return Fault(open_end, "a list ends in parts") if open_end is not None else None


# --- changes -------------------------------------------------------------------------------------


def _change(made: Network, random: Random) -> tuple[str, Step | None]:
    """Changes one thing; what it is called, and the step that now differs."""
    changes: list[Callable[[], tuple[str, Step]]] = []
    for steps, index in made.walk():
        step = steps[index]
        if step.op in WINDOWS:
            changes += [_setting(step, random, name) for name in ("kernel", "stride", "padding")]
        if step.op == "conv":
            changes += [_setting(step, random, name) for name in ("filters", "groups")]
        if step.op == "linear":
            changes.append(_setting(step, random, "features"))
        changes += [_branch(step, name, random) for name in step.branches]
    return random.choice(changes)() if changes else ("nothing", None)


def _setting(step: Step, random: Random, name: str) -> Callable[[], tuple[str, Step]]:
    values: dict[str, tuple[Any, ...]] = {
        "kernel": (1, 2, 3, 4, 5, 7, "1x3", "5x2"),
        "stride": (1, 2, 3, 4, "2x1"),
        "padding": ("valid", "same", 0, 1, 2, 3, [1, 0], [0, 1, 2, 1], {"same": "tf"}),
        "filters": (1, 2, 3, 5, 7, 11),
        "groups": (2, 3, 4, 5),
        "features": (1, 2, 3, 5, 7, 11),
    }

    def change() -> tuple[str, Step]:
        step.settings[name] = random.choice(values[name])
        return name, step

    return change


def _branch(join: Step, name: str, random: Random) -> Callable[[], tuple[str, Step]]:
    """Drops a step of a branch that nobody names, or adds one."""

    def change() -> tuple[str, Step]:
        steps = join.branches[name]
        droppable = [index for index, step in enumerate(steps) if not step.id]
        if droppable and random.random() < 0.5:
            del steps[random.choice(droppable)]
            return "dropped step", join
        settings = {"kernel": random.choice((1, 2, 3)), "stride": random.choice((1, 2))}
        added = Step("max_pool", {**settings, "padding": "valid", "ceil": False})
        if random.random() < 0.5:
            filters = random.choice((1, 2, 5))
            added = Step("conv", {**settings, "filters": filters, "padding": "valid", "groups": 1})
        steps.insert(random.randint(0, len(steps)), added)
        return "added step", added

    return change


# --- what must be found --------------------------------------------------------------------------


def _errors(text: str) -> list[Diagnostic]:
    found = check(SpecText(SPEC_NAME, text)).diagnostics
    return [finding for finding in found if finding.severity == "error"]


def _broken(found: Case) -> str:
    """What is wrong with what the compiler says of the case, or an empty text."""
    errors = _errors(found.text)
    if found.fault is None:
        return f"refused: {errors[0].span}: {errors[0].message}" if errors else ""
    if not errors:
        return f"accepted, and lines {found.fault.step.lines} cannot be: {found.fault}"
    assert found.changed is not None
    steps = (found.changed, found.fault.step)
    if not any(_points_into(error, step) for error in errors for step in steps):
        lines = [error.span.start.line for error in errors]
        return f"told in lines {lines}, and not in {[step.lines for step in steps]}"
    return _wrongly_blamed(found.fault, found.changed, errors)


def _points_into(error: Diagnostic, step: Step) -> bool:
    first, last = step.lines
    spans = (error.span, *(label.span for label in error.labels))
    return any(first <= span.start.line <= last for span in spans)


def _wrongly_blamed(fault: Fault, changed: Step, errors: list[Diagnostic]) -> str:
    """Where one branch of three or more is odd and it holds the change, it must be the one blamed."""
    join = fault.step
    if len(fault.odd) != 1 or len(join.branches) < 3:
        return ""
    name = list(join.branches)[fault.odd[0]]
    first, last = join.branch_lines[name], _end_of(join, name)
    if not first <= changed.lines[0] <= last or changed is join:
        return ""
    if any(first <= error.span.start.line <= last for error in errors):
        return ""
    return f"branch `{name}` of lines {join.lines} is to blame, and not {errors[0].span}"


def _end_of(join: Step, name: str) -> int:
    steps = join.branches[name]
    return steps[-1].lines[1] if steps else join.branch_lines[name]
