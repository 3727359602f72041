"""Both sides of a difference as drawings with marks: the overview, and each block that has changed."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.diff.changes import NETWORK
from archgen.diff.common_drawing import Marks, Panel, Sides, panel, same_runs, with_names
from archgen.diff.compare import Difference, Findings
from archgen.diff.wording import KINDS
from archgen.render.drafting import Drafter, Use, uses
from archgen.render.drawing import Box, Mark

MOST_PANELS = 12


def panels(difference: Difference, findings: tuple[Findings, Findings]) -> Iterator[Panel]:
    """The overview, then the blocks that are drawn otherwise; of many blocks the first."""
    drafters = (
        Drafter(difference.before, findings[0]),
        Drafter(difference.after, findings[1]),
    )
    before, after = (drafter.overview() for drafter in drafters)
    sides = same_runs((with_names(before, _names_of_parts(difference)), after))
    yield panel("The network", sides, _marks_of_parts(difference, sides))
    found = 0
    for old, new in _used(difference):
        names = _names_of_steps(difference, new.block.block.name)
        drawn = with_names(drafters[0].block(old.block, old.path, old.start), names)
        sides = same_runs((drawn, drafters[1].block(new.block, new.path, new.start)))
        marks = _marks_of_steps(difference, new, sides)
        if found < MOST_PANELS and any(mark is not Mark.SAME for mark in marks.values()):
            found += 1
            yield panel(f"{sides[1].title} ({new.path})", sides, marks)


def _used(difference: Difference) -> Iterator[tuple[Use, Use]]:
    """The uses of blocks that are on both sides, by their paths; one of each definition."""
    parts = {new: old for old, new in _names_of_parts(difference).items()}
    old = {use.path: use for use in uses(difference.before)}
    drawn: set[tuple[str, str]] = set()
    for new in uses(difference.after):
        part, dot, rest = new.path.partition(".")
        same = old.get(f"{parts.get(part, part)}{dot}{rest}")
        names = (same.block.block.name, new.block.block.name) if same is not None else ("", "")
        if same is not None and names not in drawn:
            drawn.add(names)
            yield same, new


# --- names --------------------------------------------------------------------------------------


def _names_of_parts(difference: Difference) -> dict[str, str]:
    """What the parts of the old network are called in the new one."""
    return {
        row.before.name: row.after.name
        for row in difference.rows
        if row.before is not None and row.after is not None
    }


def _names_of_steps(difference: Difference, block: str) -> dict[str, str]:
    """What the steps and branches of a block were called that have other names now."""
    return {
        f"{change.step.rpartition('.')[0]}.{change.before}".lstrip("."): change.step
        for change in difference.changes
        if change.block == block and change.what == "name"
    }


# --- marks --------------------------------------------------------------------------------------


def _marks_of_parts(difference: Difference, sides: Sides) -> Marks:
    """Each box of an overview by what has become of the part it is in."""
    signs = {row.name: KINDS[row.sign] for row in difference.rows}
    old = {box.path: box for box in sides[0].boxes}
    other = [b for b in sides[1].boxes if b.path not in old or _says(old[b.path]) != _says(b)]
    differing = {box.path for box in other}
    parts = {path.partition(".")[0] for path in differing}
    marks = {}
    for box in sides[1].boxes:
        is_same, part = box.path not in differing, box.path.partition(".")[0]
        kind = signs.get(box.path)
        # of a part that is several boxes, those that differ; all where it is read or wired otherwise
        if kind is None and not (is_same and part in parts):
            kind = signs.get(part)
        told = Mark(kind) if kind else Mark.SAME if is_same else Mark.INDUCED
        marks[box.path] = told
    return marks


def _marks_of_steps(difference: Difference, use: Use, sides: Sides) -> Marks:
    """Each box of a block: changed where it says so, induced where only its sizes are others."""
    name = use.block.block.name
    part = use.path.partition(".")[0]
    own = {c.step for c in difference.changes if c.block == name}
    is_given = any(c.block == NETWORK and c.part == part for c in difference.changes)
    old = {box.path: box for box in sides[0].boxes}
    marks = {}
    for box in sides[1].boxes:
        was = old.get(box.path)
        if was is None or _says(was) == _says(box):
            marks[box.path] = Mark.SAME if was is not None else Mark.NEW
        elif box.path in own or (is_given and was.lines != box.lines):
            marks[box.path] = Mark.CHANGED
        else:
            marks[box.path] = Mark.INDUCED
    gone = set(old) - set(marks)
    return {**marks, **dict.fromkeys(gone, Mark.GONE)}


def _says(box: Box) -> object:
    """What makes a box another one: its words, its settings, its size and its cost, but not its place."""
    return box.lines, box.output, box.details[1:]
