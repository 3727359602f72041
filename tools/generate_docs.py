#!/usr/bin/env python3
"""Writes what the code knows best: docs/rules.md, ops.md, archgen.1, pictures, archgen/spec.schema.json.

    generate_docs.py            # writes those that are out of date
    generate_docs.py --check    # lists those that are out of date, and exits 1 if there are any

Ops and rules are described where they are defined, and the reasons in archgen/explanations/. A picture is
out of date when its text for Graphviz is; laying it out takes the engine of the extra `render`.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from archgen.catalog import find
from archgen.cli.checking import example_report
from archgen.cli.explain import EXPLANATIONS
from archgen.cli.manual import man_page
from archgen.diagnostics import Rule
from archgen.diff import Difference, compare
from archgen.diff.panels import panels
from archgen.diff.pictures import pictures as side_by_side
from archgen.diff.pictures import stacked
from archgen.diff.wording import verdict
from archgen.ir.op import Branches, Join, Op
from archgen.ir.shape import Window
from archgen.ops import OPS
from archgen.ops.settings import SettingType, settings_of
from archgen.pipeline import check
from archgen.render.dot import dot_text
from archgen.render.drafting import Drafter, uses
from archgen.render.drawing import Drawing
from archgen.render.engine import laid_out
from archgen.render.page import HERE
from archgen.render.styles import STYLES
from archgen.rules import RULES
from archgen.schema import general_schema, schema_text
from archgen.spec.files import read_spec

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SCHEMA = ROOT / "archgen" / "spec.schema.json"
NOTICE = "<!-- Written by tools/generate_docs.py; changes made here are lost. -->"


def main() -> int:
    """Runs the script; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, and list what differs")
    only_check = parser.parse_args().check
    stale = [name for name, make in PAGES.items() if _text(DOCS / name) != _page(make)]
    for name in stale:
        if not only_check:
            (DOCS / name).write_bytes(_page(PAGES[name]).encode())
        print(f"{'stale' if only_check else 'wrote'} docs/{name}")
    stale += [*_manual(only_check), *_difference_files(only_check)]
    pictures = [name for name in PICTURES if _text(FOLDER / f"{name}.dot") != _picture(name)]
    for name in pictures:
        if not only_check:
            (FOLDER / f"{name}.dot").write_bytes(_picture(name).encode())
            (FOLDER / f"{name}.svg").write_bytes(laid_out(_picture(name), "svg"))
        print(f"{'stale' if only_check else 'wrote'} docs/pictures/{name}.svg")
    schema = schema_text(general_schema())
    is_stale = _text(SCHEMA) != schema
    if is_stale and not only_check:
        SCHEMA.write_bytes(schema.encode())
    if is_stale:
        print(f"{'stale' if only_check else 'wrote'} archgen/{SCHEMA.name}")
    is_old = _text(FOLDER / "explorer.txt") != explorer_fingerprint()
    if is_old:
        print("stale docs/pictures/explorer.png: take it anew with tools/screenshot")
    return 1 if (stale or pictures or is_stale or is_old) and only_check else 0


def _manual(only_check: bool) -> Iterator[str]:
    """Writes the manual page where it is out of date, and names it then."""
    path = DOCS / "archgen.1"
    if _text(path) != man_page():
        if not only_check:
            path.write_bytes(man_page().encode())
        print(f"{'stale' if only_check else 'wrote'} docs/{path.name}")
        yield path.name


def _difference_files(only_check: bool) -> Iterator[str]:
    """The same of the picture of a difference."""
    if _text(FOLDER / "diff.dot") != _difference_as_dot():
        if not only_check:
            (FOLDER / "diff.dot").write_bytes(_difference_as_dot().encode())
            (FOLDER / "diff.svg").write_bytes(_difference_picture().encode())
        print(f"{'stale' if only_check else 'wrote'} docs/pictures/diff.svg")
        yield "diff.svg"


def _page(make: Callable[[], Iterable[str]]) -> str:
    return "\n\n".join([NOTICE, *make()]) + "\n"


def _text(path: Path) -> str:
    """The text of a file; empty where there is none, or where not being text is its point."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(_in_cell(cell) for cell in line)} |" for line in lines)


def _in_cell(text: str) -> str:
    return text.replace("|", "\\|")


# ------------------------------------------------------------------------------------------- rules


def rules() -> Iterator[str]:
    """The page of codes."""
    yield "# Codes"
    yield (
        "Every finding has a code. A code is permanent: it is never used for anything else, and one "
        "that goes away is not given out again. `archgen explain CODE` shows the same texts."
    )
    yield _table(
        ("code", "name", "severity", "what it says"),
        (
            (f"[{rule.code}](#{_anchor(rule)})", rule.name, str(rule.severity), rule.summary)
            for rule in RULES
        ),
    )
    for rule in RULES:
        yield from _rule(rule)


def _anchor(rule: Rule) -> str:
    return f"{rule.code} {rule.name}".lower().replace(" ", "-")


def _rule(rule: Rule) -> Iterator[str]:
    folder = EXPLANATIONS / rule.code
    yield f"## {rule.code} {rule.name}"
    yield f"*{rule.severity}: {rule.summary}*"
    yield _text(folder / "why.md").strip()
    failing = folder / "fails.yaml"
    if failing.is_file():
        if text := _text(failing):
            yield from ("This fails:", _fenced(text, "yaml"))
        yield from ("`archgen check` says:", _fenced("\n".join(example_report(failing)), "text"))
        yield from ("This does not:", _fenced(_text(folder / "passes.yaml"), "yaml"))


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text.strip()}\n```"


# --------------------------------------------------------------------------------------------- ops

BRANCHES = {
    Branches.NAMED: (
        "Written with branches, each a name and a list of steps, all of which receive what the step "
        "receives; an empty list passes it on. Or without, as `{}`, beside `from: [a, b]`."
    ),
    Branches.RESIDUAL: (
        "Written with the branch `body`, a list of steps, and where its input cannot be added as it "
        "is, with the branch `shortcut`."
    ),
}


def ops() -> Iterator[str]:
    """The page of ops."""
    yield "# Ops"
    yield (
        "A step of a network is an op with its settings: `- conv: {filters: 64, kernel: 3, padding: "
        "same}`. A setting without default must be written, at the step or once for all under "
        "`defaults:`. Where a number may be written, so may an expression. Input channels are never "
        "written: they follow from the step before."
    )
    for op in OPS:
        yield from _op(op)


def _op(op: type[Op]) -> Iterator[str]:
    yield f"## {op.name}"
    yield inspect.getdoc(op) or ""
    if issubclass(op, Join):
        yield BRANCHES[op.branches]
    settings = settings_of(op).values()
    if settings:
        yield _table(("setting", "takes", "default", "meaning"), map(_setting, settings))
    elif not issubclass(op, Join):
        yield "It has no settings."
    if op.whole:
        yield f"The setting is written without its name: `{op.name}: VALUE`."
    elif op.bare:
        yield f"`{op.name}: VALUE` is short for `{op.name}: {{{op.bare}: VALUE}}`."


def _setting(setting: SettingType) -> tuple[str, ...]:
    default = "must be written" if setting.is_required else f"`{_as_written(setting.default)}`"
    return f"`{setting.name}`", setting.slot.takes, default, setting.doc


def _as_written(value: object) -> str:
    """A default as a spec would write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Window) and value.height == value.width:
        return str(value.height)
    return str(value)


# ---------------------------------------------------------------------------------------- pictures

FOLDER = DOCS / "pictures"
BROKEN = EXPLANATIONS / "AG301" / "fails.yaml"


class Picture(NamedTuple):
    """What a picture shows: a spec, one of its blocks or all of it, in which colours, how far opened."""

    spec: str
    block: str = ""
    style: str = "paper"
    depth: int = 1


PICTURES = {
    "inception_v4": Picture("inception_v4"),
    "inception_c": Picture("inception_v4", "inception_c"),
    "inception_resnet_a": Picture("inception_resnet_v1", "inception_resnet_a"),
    "reduction_b_color": Picture("inception_v4", "reduction_b", "color"),
    "inception_resnet_b_dark": Picture("inception_resnet_v2", "inception_resnet_b", "dark"),
    "conv5_x_opened": Picture("resnet_50", "conv5_x", depth=2),
    "broken": Picture(str(BROKEN)),
}


def _picture(name: str) -> str:
    """A picture as text for Graphviz."""
    return dot_text(_drawing(name), STYLES[PICTURES[name].style])


def _drawing(name: str) -> Drawing:
    picture = PICTURES[name]
    compilation = check(read_spec(find(picture.spec)))
    network = compilation.network
    assert network is not None
    drafter = Drafter(network, compilation.diagnostics)
    if not picture.block:
        return drafter.overview(picture.depth)
    use = next(use for use in uses(network) if use.path == picture.block)
    return drafter.block(use.block, use.path, use.start, picture.depth)


def explorer_fingerprint() -> str:
    """What is to be seen on the screenshot of the explorer, as one number: words, style and script."""
    drawings = (_drawing("inception_v4"), _drawing("inception_c"))
    words = [(box.lines, box.beside) for drawing in drawings for box in drawing.boxes]
    files = [(HERE / name).read_text() for name in ("explorer.css", "explorer.js")]
    return sha256(repr((words, files)).encode()).hexdigest() + "\n"


NAMES = ("m: 256, as in Table 1", "m: 320")


@cache
def _difference() -> Difference:
    """Inception-v4 as it is, and with another number of filters in its first reduction."""
    file = check(read_spec(find("inception_v4"))).file
    assert file is not None
    text = file.text
    other = text.text.replace("{variant: inception_v4}", "{variant: inception_v4, m: 320}")
    other = re.sub(r"\n *expect: [^\n]*(1024|42679816)[^\n]*", "", other)
    sides = [check(text._replace(text=side)).sound_network() for side in (text.text, other)]
    return compare(sides[0], sides[1])


def _difference_as_dot() -> str:
    """Both sides of it as text for Graphviz."""
    drawings = (side for panel in panels(_difference(), ((), ())) for side in panel[1:3])
    return "\n".join(dot_text(drawing, STYLES["paper"]) for drawing in drawings)


def _difference_picture() -> str:
    drawn = list(panels(_difference(), ((), ())))
    titles = [panel.title for panel in drawn]
    return stacked(list(side_by_side(drawn, NAMES)), titles, verdict(_difference()))


PAGES: dict[str, Callable[[], Iterable[str]]] = {"rules.md": rules, "ops.md": ops}

if __name__ == "__main__":
    sys.exit(main())
