"""A difference in words and cells, for all that show it to people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from archgen.cost import Cost
from archgen.diagnostics import Span
from archgen.diff.changes import Change
from archgen.diff.compare import Difference, Row, Severity
from archgen.diff.parts import State
from archgen.diff.ripple import Widened

LONGEST_TEXT = 60
LAYERS_NAMED = 4
COLUMNS = ("", "part", "output", "params", "", "MACs", "", "weights kept")
OF_MACS = slice(5, 7)  # the columns that a narrow screen can do without
KINDS = {"~": "changed", ">": "induced", "+": "new", "-": "gone", "?": "unknown", "": "same"}
VERDICTS = {
    Severity.EQUAL: "The networks are equal.",
    Severity.COSMETIC: "Cosmetic: nothing that is computed has changed.",
    Severity.NUMERICS: "Numerics: the same weights and sizes, and other results.",
    Severity.WEIGHT_COMPATIBLE: "Weight-compatible: checkpoints load, and sizes inside are others.",
    Severity.WEIGHT_BREAKING: "Weight-breaking: checkpoints do not fit.",
    Severity.SHAPE_BREAKING: "Shape-breaking: the network takes or makes something else.",
}
NOT_KNOWN = "Not known: errors hide what this change does."
NOTHING_KNOWN = "Nothing is known to have changed, and errors hide a part of it."


def verdict(difference: Difference) -> str:
    """What the change is, in one sentence."""
    text = VERDICTS[difference.severity]
    if difference.is_known:
        return text
    if difference.severity is Severity.EQUAL:
        return NOTHING_KNOWN
    is_broken = difference.severity >= Severity.WEIGHT_BREAKING
    return f"At least {text[0].lower()}{text[1:]}" if is_broken else NOT_KNOWN


def closing(difference: Difference) -> str:
    """The verdict and how many parts it is about."""
    signs = [row.sign for row in difference.rows]
    own = sum(sign in ("~", "+", "-") for sign in signs)
    counts = [f"{'1 part' if own == 1 else f'{own} parts'} changed"]
    counts += [f"{signs.count('>')} only by what goes in", f"{signs.count('')} as before"]
    if "?" in signs:
        counts.append(f"{signs.count('?')} hidden by errors")
    return f"{verdict(difference)} {', '.join(counts)}."


def change_cells(change: Change) -> tuple[str, str, str, str, str]:
    """Sign, definition, what in it, from what to what, and the place."""
    what = f"{change.before} -> {change.after}" if change.sign == "~" else ""
    named = "" if change.what in ("step", "branch", "op") else change.what
    return (
        change.sign,
        change.block or "network",
        " ".join(part for part in (change.step, named) if part),
        cut(what or change.before or change.after),
        place(change.place),
    )


def place(span: Span) -> str:
    """`specs/net.yaml:12`."""
    return f"{span.source}:{span.start.line}"


def cut(text: str) -> str:
    """The text, or its beginning where it is long."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 3]}..."


def row_cells(row: Row) -> tuple[str, ...]:
    """A part under COLUMNS."""
    before, after = row.before, row.after
    total = len(before.tensors) if before is not None else 0
    kept = f"{row.kept} of {total}" if total else ""
    if row.renamed:
        kept += f", {row.renamed} renamed"
    numbers = [state and state.cost for state in (before, after)]
    is_hidden = [state is not None and not state.is_known for state in (before, after)]
    return (
        row.sign,
        part_words(row),
        both(before, after, lambda state: str(state.output or "?")),
        *_numbers(numbers[0], numbers[1], (is_hidden[0], is_hidden[1])),
        "?" if any(is_hidden) else kept,
    )


def part_words(row: Row) -> str:
    """`4 -> 5 x unit (was block)`."""
    before, after = row.before, row.after
    there = after or before
    assert there is not None
    name = f"{there.times} x {there.name}" if there.times != 1 else there.name
    if before is not None and after is not None:
        if before.times != after.times:
            name = f"{before.times} -> {after.times} x {after.name}"
        if before.name != after.name:
            name = f"{name} (was {before.name})"
    return name


def total_cells(difference: Difference) -> tuple[str, ...]:
    """The whole network under COLUMNS."""
    old, _, kept = difference.tensors
    before, after = difference.totals
    hidden = before is None, after is None
    weights = "?" if any(hidden) else f"{kept} of {old}"
    return ("", "total", "", *_numbers(before, after, hidden), weights)


def both(before: State | None, after: State | None, text: Callable[[State], str]) -> str:
    """What the text is on both sides, once where it is the same."""
    texts = [text(state) if state is not None else "" for state in (before, after)]
    if texts[0] == texts[1] or not texts[0]:
        return texts[1]
    return f"{texts[0]} -> {texts[1] or 'gone'}"


def _numbers(before: Cost | None, after: Cost | None, hidden: tuple[bool, bool]) -> Iterator[str]:
    """Params and MACs of both sides, each with its share of change; what errors hide is a `?`."""
    old, new = before or Cost(), after or Cost()
    for one, other in ((old.params, new.params), (old.macs, new.macs)):
        texts = ["?" if h else short(n) for h, n in zip(hidden, (one, other), strict=True)]
        same = texts[0] == texts[1] and (one == other or all(hidden))
        yield texts[1] if same else f"{texts[0]} -> {texts[1]}"
        yield "" if one == other or not one or any(hidden) else f"{(other - one) / one:+.1%}"


def short(number: int) -> str:
    """`384`, `1,024`, `22.76M`, `12.3G`: four digits or so."""
    for size, letter in ((10**9, "G"), (10**6, "M")):
        if number >= size:
            return f"{number / size:.4g}{letter}"
    return f"{number:,}"


def ripple_words(widened: Widened) -> str:
    """`reduction_a m 256 -> 320 widens what 4 layers of inception_b.0 take, 1024 -> 1088 channels: ...`."""
    path = _common(widened.layers)
    tails = [layer.removeprefix(path).lstrip(".") for layer in widened.layers]
    count = len(tails)
    which = f"{count} layers of {path or 'the network'}" if count > 1 else widened.layers[0]
    verb = ("make" if widened.is_made else "take") + ("" if count > 1 else "s")
    channels = f"{widened.before} -> {widened.after} channels"
    named = ", ".join([*tails[:LAYERS_NAMED], *(["..."] if count > LAYERS_NAMED else [])])
    listed = f" ({named})" if count > 1 else ""
    does = "widens" if widened.after > widened.before else "narrows"
    cause = widened.cause or "what goes in"
    params = f"{widened.params:+,} params"
    return f"{cause} {does} what {which} {verb}, {channels}: {params}{listed}"


def _common(paths: Sequence[str]) -> str:
    """The path that all of these lie in."""
    split = [path.split(".") for path in paths]
    shared = []
    for names in zip(*split, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return ".".join(shared)
