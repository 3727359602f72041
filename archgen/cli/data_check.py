"""`archgen data check`: what a data set has, and what of it cannot be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, example, follow_links_option, format_option
from archgen.cli.report import paint_lines, reports_findings
from archgen.cli.terminal import write_lines

if TYPE_CHECKING:
    from archgen.render import Line
    from archgen.train.data.inspection import Inspected, Inspection

SCHEMA = 1
LISTED = 12


@click.command(
    "check",
    epilog=example(
        "archgen data check photos/",
        "archgen data check photos/ --format json",
    ),
)
@click.argument("path", metavar="PATH")
@follow_links_option
@format_option("table", "json")
@common_options
@reports_findings
def check(path: str, follow_links: bool | None, output_format: str) -> int:
    """Decode every image of a data set, and count what there is.

    Shows the images of each class in train/, val/ and test/, those that cannot be decoded, the files
    that are passed over and why, images that ask by EXIF to be turned or are transparent, and files that two
    splits share. Ends with 1 where a run on the data would be stopped.
    """
    from archgen.cli.training import Unusable, require_training, told_plainly
    from archgen.train.data.inspection import inspected

    require_training()
    root = Path(path)
    if not root.is_dir():
        raise Unusable(f"there is no folder `{path}`")
    with told_plainly():
        found = inspected(root, follow_links=bool(follow_links))
    if output_format == "json":
        write_lines([json.dumps(_document(root, found), indent=2)])
    else:
        write_lines(paint_lines(_table(root, found)))
    return SOUND if found.is_sound else FINDINGS


def _document(root: Path, found: Inspection) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "path": str(root),
        "sound": found.is_sound,
        "splits": {
            each.split: {
                "images": each.images,
                "classes": each.classes,
                "bad": [{"image": bad.place, "reason": bad.reason} for bad in each.bad],
                "passed_over": [
                    {"reason": reason, "count": count, "first": each.passed_over.first[reason]}
                    for reason, count in each.passed_over.counts.items()
                ],
                "exif_rotation": each.turned,
                "transparency": each.transparent,
                "problems": each.problems,
                "remarks": each.remarks,
            }
            for each in found.splits
        },
        "duplicates": [
            {"first": each.first, "again": each.again, "other_class": each.is_other_class}
            for each in found.duplicates
        ],
    }


def _table(root: Path, found: Inspection) -> Iterator[Line]:
    from archgen.render import Line, aligned

    yield Line(f"{root}", "head")
    yield Line("")
    names = list(dict.fromkeys(name for each in found.splits for name in each.classes))
    head = ("class", *(each.split for each in found.splits))
    rows = [(name, *(f"{each.classes.get(name, 0):,}" for each in found.splits)) for name in names]
    total = ("", *(f"{each.images:,}" for each in found.splits))
    yield from (Line(f"  {line}") for line in aligned([head, *rows, total], left=1))
    for each in found.splits:
        lines = list(_remarks(each))
        if lines:
            yield Line("")
            yield Line(f"  {each.split}", "head")
            yield from (Line(f"    {line}") for line in lines)
    if found.duplicates:
        others = sum(each.is_other_class for each in found.duplicates)
        yield Line("")
        told = f"  {len(found.duplicates):,} files are in two splits, byte for byte"
        yield Line(f"{told}; {others:,} of them in two classes:" if others else f"{told}:")
        yield from (
            Line(f"    {line}")
            for line in _listed([f"{each.again} is {each.first}" for each in found.duplicates])
        )


def _remarks(split: Inspected) -> Iterator[str]:
    """What there is to say of a split, problems first."""
    yield from split.problems
    if split.bad:
        yield f"{len(split.bad):,} of {split.images:,} images cannot be used:"
        yield from (f"  {line}" for line in _listed([bad.reason for bad in split.bad]))
    if split.passed_over.total:
        yield f"{split.passed_over.total:,} files are passed over: {split.passed_over.described()}"
    if split.turned:
        yield f"{split.turned:,} images ask for a rotation by EXIF (`exif:` of a preparation)"
    if split.transparent:
        yield f"{split.transparent:,} images have transparency (`alpha:` of a preparation)"
    yield from split.remarks


def _listed(lines: list[str]) -> list[str]:
    more = len(lines) - LISTED
    return [*lines[:LISTED], *([f"and {more:,} more"] if more > 0 else [])]
