"""Drawings for LaTeX: all boxes and arrows, and words that command nothing."""

from __future__ import annotations

import re

from archgen.render.layout import layouts
from archgen.render.styles import STYLES
from archgen.render.tikz import tikz_text
from tests.render.drawings import block_of, broken_overview, evil_drawing


def test_a_picture_has_every_box_arrow_and_word() -> None:
    drawing = block_of("inception_resnet_v1", "inception_resnet_a")
    (layout,) = layouts([drawing], STYLES["paper"])
    text = tikz_text(layout, STYLES["paper"])
    assert text.count("\\node[archgen box") + text.count("\\node[archgen sum") == 11
    assert text.count("\\draw[archgen line") == len(drawing.arrows)
    assert r"{1x1 Conv \\ (256 Linear)};" in text
    assert r"{Activation \\ Scaling (0.17)};" in text
    assert tikz_text(layout, STYLES["paper"]) == text


def test_every_colour_that_is_used_is_defined() -> None:
    (layout,) = layouts([broken_overview()], STYLES["dark"])
    text = tikz_text(layout, STYLES["dark"])
    defined = set(re.findall(r"\\definecolor\{(archgen \w+)\}\{HTML\}\{[0-9A-F]{6}\}", text))
    used = set(re.findall(r"(?:fill|text|draw)=(archgen \w+)", text))
    assert used <= defined


def test_what_is_broken_is_red_with_the_finding_beside_it() -> None:
    (layout,) = layouts([broken_overview()], STYLES["paper"])
    text = tikz_text(layout, STYLES["paper"])
    assert "\\draw[archgen line, archgen broken]" in text
    assert "AG301: branches of a concat end on different grids" in text


def test_text_cannot_command_latex() -> None:
    (layout,) = layouts([evil_drawing()], STYLES["paper"])
    text = tikz_text(layout, STYLES["paper"])
    comment, text = text.split("\n", 1)
    assert comment.startswith("% ")
    words = re.sub(r"\\text\w+\{\}", "", text)
    assert "\\textless{}script\\textgreater{}" in text
    assert "\\textbackslash{}N\\{\\}\\$\\textless{}U+202E\\textgreater{}" in text
    assert "\u202e" not in text
    assert "^^" not in text
    assert "\\N" not in words
    assert text.isascii()
