"""The layout engine: what it is given cannot crash it, and what it draws is the same each time."""

from __future__ import annotations

import re

import pytest

from archgen.diff import compare
from archgen.diff.panels import panels
from archgen.render.dot import dot_text
from archgen.render.drawing import Arrow, Box, Drawing, Kind
from archgen.render.engine import CannotDraw, laid_out
from archgen.render.styles import STYLES
from tests.compiling import network_of, shipped

LABEL = re.compile(r'label="((?:[^"\\]|\\.)*)"')
HEAD = """
    archgen: 1
    name: net
    input: {channels: 4, grid: 8}
    network:
      - conv: {filters: 4, kernel: 3, padding: same}
      - flatten
      - linear: {features: 3}
    outputs:
      aux:
        from: conv
        body: [global_avg_pool: {}, linear: {features: 2}]
"""


@pytest.fixture(autouse=True)
def unset_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that nobody has set is no zeroes: what uses it, crashes at each run and not at some."""
    monkeypatch.setenv("MALLOC_PERTURB_", "165")


def _drawing(*lines: str, faults: tuple[str, ...] = ()) -> Drawing:
    first = Box("in", ("Input",), Kind.INPUT, None)
    last = Box("last", lines, Kind.OTHER, None, beside="", faults=faults)
    return Drawing("net", "Net", (first, last), (Arrow("in", "last"),), is_overview=True)


@pytest.mark.parametrize("lines", [("",), ("", ""), ("a", "", "b"), ("\n",), ("\u200b",), ("\\l",)])
@pytest.mark.parametrize("picture_format", ["svg", "json", "png"])
def test_lines_without_letters_are_drawn(lines: tuple[str, ...], picture_format: str) -> None:
    text = dot_text(_drawing(*lines, faults=lines), STYLES["paper"])
    assert laid_out(text, picture_format)


def test_no_line_of_a_label_is_empty() -> None:
    before, after = (
        network_of(HEAD),
        network_of(HEAD.replace("linear: {features: 2}", "act: relu")),
    )
    drawn = [side for one in panels(compare(before, after), ((), ())) for side in one[1:]]
    for drawing in (*drawn, _drawing("", ""), _drawing("a", "")):
        labels = [label for label in LABEL.findall(dot_text(drawing, STYLES["paper"])) if label]
        assert len(labels) > 2
        assert all(all(re.split(r"\\[ln]", label.removesuffix("\\l"))) for label in labels)


@pytest.mark.slow
def test_a_difference_is_the_same_picture_each_time() -> None:
    before, after = (
        shipped(name).sound_network() for name in ("inception_v3", "inception_v3_torch")
    )
    overview, *_ = panels(compare(before, after), ((), ()))
    for side in (overview.before, overview.after):
        text = dot_text(side, STYLES["paper"])
        assert len({laid_out(text, "svg") for _ in range(4)}) == 1


def test_a_crash_is_an_error_with_its_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archgen.render.engine.shutil.which", lambda _name: None)
    crash = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    monkeypatch.setattr("archgen.render.engine._CHILD", crash)
    with pytest.raises(CannotDraw, match="was killed by SIGSEGV"):
        laid_out("digraph {}", "svg")
