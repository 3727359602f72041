"""A difference shown: as a comment, as a page, as a picture; what a spec says stays words in all of them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from archgen.diff import compare
from archgen.diff.common_drawing import Panel
from archgen.diff.markdown import difference_markdown
from archgen.diff.page import difference_page
from archgen.diff.panels import panels
from archgen.diff.pictures import pictures, stacked
from archgen.diff.text import difference_text
from archgen.pipeline import check
from archgen.render.drawing import Drawing, Mark
from archgen.render.outline import outline
from archgen.spec.files import SpecText
from tests.compiling import network_of, shipped
from tests.diff.test_difference import NET, changed

EVIL = "a`<script>|*b*\u202e[x](http://y)"
V1, V2 = (shipped(f"inception_resnet_{v}").sound_network() for v in ("v1", "v2"))
STAGE = "  - conv: {filters: 32, kernel: 3, stride: 2, padding: 1}\n    id: stage\n"


def outside_code(markdown: str) -> str:
    """What a reader of Markdown takes for text or markup: neither fences nor code spans."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = [token for block in parser.parse(markdown) for token in (block.children or (block,))]
    return " ".join(
        f"{token.type} {token.content}"
        for token in tokens
        if token.type not in ("code_inline", "fence")
    )


def test_names_are_no_markup_in_a_comment() -> None:
    text = difference_markdown(changed(("{m: 16}", "{m: 24}")), (EVIL, "@someone #1 GH-1 a@b.c"))
    assert EVIL.replace("\u202e", "<U+202E>") in text
    plain = outside_code(text)
    assert not re.search(r"<script|someone|GH-1|#1|http|\u202e|link_open|\bem_open", plain)
    assert re.findall(r"html_\w+ .*", plain) == [
        "html_block <details><summary>1 own change</summary>",
        "html_block </details>",
    ]


def test_the_name_of_a_file_is_no_markup_in_a_comment() -> None:
    evil = "@all ``` <img src=x> | ~~a~~.yaml"
    after = check(SpecText(evil, NET.replace("{m: 16}", "{m: 24}"))).sound_network()
    text = difference_markdown(compare(network_of(NET), after), ("a", evil))
    assert text.count("@all") == 2
    assert not re.search(r"@all|<img|~~", outside_code(text))


def test_a_row_of_a_table_has_its_eight_cells_whatever_is_in_them() -> None:
    difference = changed(("{m: 16}", "{m: 24}"))
    rows = [
        line for line in difference_markdown(difference, ("a", "b")).split("\n") if line[:1] == "|"
    ]
    assert len(rows) == 2 + 5 + 1
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {9}


def test_the_diagram_has_the_parts_with_their_kinds_and_folds_what_is_as_before() -> None:
    text = difference_markdown(changed(("{m: 16}", "{m: 24}")), ("a", "b"))
    (diagram,) = re.findall(r"```mermaid\n(.*?)```", text, flags=re.DOTALL)
    assert 'n0["2 as before"]:::same' in diagram
    assert 'n1["down"]:::changed' in diagram
    assert 'n2["3 x second"]:::induced' in diagram
    assert "n0 --> n1" in diagram
    assert "classDef changed fill:#f5c542" in diagram


def test_a_comment_is_never_longer_than_its_place() -> None:
    head = NET.partition("params:\n  rate")[0]
    conv = "  - conv: {{filters: {}, kernel: 1, padding: same}}\n".format
    rows = ("".join(conv(n % 7 + more) for n in range(2000)) for more in (1, 2))
    sides = [network_of(f"{head}network:\n{steps}") for steps in rows]
    text = difference_markdown(compare(sides[0], sides[1]), ("a" * 10_000, "b" * 10_000))
    assert len(text) <= 65_536
    assert re.search(r"\| \d+ more \|", text)
    assert re.search(r"- \d+ more\n\n</details>", text)
    assert text.count("```") == 2


def test_a_narrow_screen_has_no_macs() -> None:
    difference = compare(V1, V2)
    wide, narrow = (
        [line.text for line in difference_text(difference, ("a", "b"), width)] for width in (0, 100)
    )
    heads = [next(line for line in lines if "weights kept" in line) for lines in (wide, narrow)]
    assert ["MACs" in head for head in heads] == [True, False]
    assert len(heads[1]) <= 103 < len(heads[0])


def test_in_full_the_parts_as_before_are_shown_too() -> None:
    difference = changed(("{m: 16}", "{m: 24}"))
    lines = [line.text for line in difference_text(difference, ("a", "b"), is_full=True)]
    assert any(line.split()[:3] == ["2", "x", "first"] for line in lines)


# --- side by side -------------------------------------------------------------------------------


def marks(drawing: Drawing) -> dict[str, str]:
    """The marks of the boxes that are not as before."""
    return {box.path: str(box.mark) for box in drawing.boxes if box.mark is not Mark.SAME}


def drawn(*edits: tuple[str, str]) -> list[Panel]:
    """The panels of the network and itself with some words replaced."""
    return list(panels(changed(*edits), ((), ())))


def test_both_sides_have_the_same_boxes_and_arrows_so_that_they_are_laid_out_alike() -> None:
    for panel in (*panels(compare(V1, V2), ((), ())), *drawn(("  - down", f"{STAGE}  - down"))):
        if all(box.mark is not Mark.ABSENT for box in panel.before.boxes):
            continue  # too different to be laid out alike
        paths = [[box.path for box in side.boxes] for side in (panel.before, panel.after)]
        ways = [{a[:2] for a in side.arrows} for side in (panel.before, panel.after)]
        assert paths[0] == paths[1]
        assert ways[0] == ways[1]


def test_a_stage_put_in_keeps_its_place_on_the_other_side() -> None:
    overview, *_ = drawn(("  - down", f"{STAGE}  - down"))
    assert marks(overview.before)["stage"] == "absent"
    assert marks(overview.after)["stage"] == "new"
    through = [
        a for a in overview.before.arrows if a.tail == "first" and a.head in ("stage", "down")
    ]
    assert [(a.head, a.mark) for a in through] == [("stage", Mark.ABSENT)]


def test_in_a_block_what_was_changed_is_told_from_what_follows() -> None:
    _, panel = drawn(("filters: filters, kernel: 3", "filters: 2 * filters, kernel: 3"))
    assert panel.title == "Unit (first)"
    assert marks(panel.after) == {"conv": "changed", "conv_2": "induced"}
    assert marks(panel.before) == marks(panel.after)


def test_a_repeat_whose_instances_differ_on_one_side_is_one_box_on_both() -> None:
    text = """\
        archgen: 1
        name: net
        input: {channels: 3, grid: 16}
        defaults: {conv: {padding: same}}
        blocks:
          unit: {body: [{conv: {filters: 32, kernel: 3}}]}
        network:
          - conv: {filters: 32, kernel: 3}
          - unit: {}
            repeat: 3
        """
    other = text.replace("- conv: {filters: 32", "- conv: {filters: 40")
    overview, *_ = panels(compare(network_of(text), network_of(other)), ((), ()))
    for side in (overview.before, overview.after):
        assert [box.lines[0] for box in side.boxes] == ["Input (16x16x3)", "3x3 Conv", "3 x Unit"]


@pytest.mark.slow
def test_the_page_holds_what_a_spec_says_as_words_and_needs_nothing_else() -> None:
    difference = changed(("{m: 16}", "{m: 24}"))
    shown = list(panels(difference, ((), ())))
    parts = list(pictures(shown, (EVIL, "b")))
    page = difference_page(difference, (EVIL, "b"), [(EVIL, part) for part in parts])
    found = _Page()
    found.feed(page)
    assert "script" not in found.tags
    assert not found.addresses
    assert len(found.ids) == len(set(found.ids)) > 20
    assert "\u202e" not in page
    assert "default-src 'none'" in page


class _Page(HTMLParser):
    """The elements of a page, its ids, and the addresses that it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        loading = ("src", "href", "xlink:href", "style", "action")
        self.addresses += [name for name, _ in attrs if name in loading or name.startswith("on")]


@pytest.mark.parametrize("source", ["spec.yaml", "moved/other.yaml"])
@pytest.mark.parametrize("lines", ["", "# one more line\n# and another\n"])
def test_a_block_that_only_stands_elsewhere_is_in_no_panel(source: str, lines: str) -> None:
    text = lines + NET.replace("- dropout: {rate: rate}", "- dropout: {rate: 0.3}")
    after = check(SpecText(source, text)).sound_network()
    shown = list(panels(compare(network_of(NET), after), ((), ())))
    assert [panel.title for panel in shown] == ["The network"]
    assert marks(shown[0].after) == {"dropout": "changed"}


def test_a_repeat_drawn_as_one_box_on_both_sides_tells_the_whole_of_it() -> None:
    many = NET.replace("    id: second\n    repeat: 3", "    id: second\n    repeat: 5")
    grows = many.replace(
        "- unit: {filters: 8}\n    id: second", "- down: {m: 4 + i}\n    id: second"
    )
    shown, *_ = panels(compare(network_of(grows), network_of(many)), ((), ()))
    box = next(box for box in shown.before.boxes if box.path == "second")
    row = next(row for row in outline(network_of(grows)).rows if row.path == "second")
    assert box.output == row.output
    assert row.cost is not None
    assert any(line.startswith(f"{row.cost.params:,} params") for line in box.details)


@pytest.mark.slow
def test_the_picture_is_one_document_with_both_sides_of_every_panel() -> None:
    shown = drawn(("{m: 16}", "{m: 24}"))
    parts = list(pictures(shown, ("<a>", "b")))
    root = ET.fromstring(stacked(parts, [panel.title for panel in shown], "told"))  # noqa: S314  # ours
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "told"
    assert texts.count("<a>") == texts.count("b") == len(shown)
    assert float(root.attrib["width"]) < 2000
