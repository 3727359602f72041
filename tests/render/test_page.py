"""The explorer page as text: what is on it, and that nothing of a spec can act there."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from archgen.cli.reporters import full
from archgen.render.explorer import explorer
from archgen.render.figure import figure
from archgen.render.layout import layouts
from archgen.render.markup import element, html_text
from archgen.render.page import Finding, Look, explorer_page, findings_page
from archgen.render.styles import STYLES
from tests.compiling import compiled, network_of, shipped
from tests.render.drawings import BROKEN, EVIL, evil_drawing

NESTED = """\
archgen: 1
name: nested
input: {channels: 3, grid: 8}
defaults: {conv: {padding: same}}
blocks:
  cell: {params: {width: int}, body: [{conv: {filters: width, kernel: 3}}]}
  stage:
    body:
      - cell: {width: 4}
        id: first
      - cell: {width: 4}
        id: rest
        repeat: 2
network:
  - stage
  - residual: {body: [{cell: {width: 4}}]}
"""


class Reader(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, name: str) -> list[str]:
        """The values of one attribute, in the order of the page."""
        return [value for _, found in self.tags if (value := found.get(name)) is not None]


@pytest.fixture(scope="module")
def page() -> str:
    """The page of Inception-v4."""
    return explorer_page(explorer(shipped("inception_v4").sound_network()))


def _broken_page() -> str:
    compilation = compiled(BROKEN)
    assert compilation.network is not None
    found = [
        Finding(diagnostic, "\n".join(full([diagnostic], compilation.sources)))
        for diagnostic in compilation.diagnostics
    ]
    return explorer_page(explorer(compilation.network, compilation.diagnostics), found)


def test_stages_stand_in_order_with_their_shares(page: str) -> None:
    stages = [
        found["id"]
        for tag, found in Reader(page).tags
        if tag == "li" and "stage" in (found["class"] or "")
    ]
    assert stages[:4] == ["in", "stem", "inception_a", "reduction_a"]
    assert "4 x Inception-A" in page
    assert "20,553,792 params, 48.2%" in page
    assert "Output: 17x17x1024" in page


def test_a_layer_can_be_linked_to_and_says_what_it_is(page: str) -> None:
    (layer,) = [
        found for _, found in Reader(page).tags if found.get("id") == "inception_a.dbl3x3.conv_2"
    ]
    assert layer["aria-label"] == "3x3 Conv (96), 35x35x96"
    details = (layer["data-details"] or "").split("\n")
    assert details[0] == "inception_a.dbl3x3.conv_2"
    assert details[2:5] == [
        "output 96 x 35 x 35",
        "221,952 params, 270,950,400 MACs",
        "4 times 55,488 params, 67,737,600 MACs",
    ]
    assert re.fullmatch(
        r"inception_v4\.yaml, line \d+; Figure 4 of arXiv:1602\.07261v2", details[5]
    )


def test_no_id_stands_twice(page: str) -> None:
    for text in (page, explorer_page(explorer(network_of(NESTED))), _broken_page()):
        ids = Reader(text).values("id")
        assert len(ids) == len(set(ids))


def test_the_page_asks_for_nothing_and_allows_only_itself(page: str) -> None:
    style, script = (
        re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL) for tag in ("style", "script")
    )
    (policy,) = [
        found["content"]
        for _, found in Reader(page).tags
        if found.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    for kind, (text,) in (("style", style), ("script", script)):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "connect-src" not in policy
    assert not Reader(page).values("src")
    assert not Reader(page).values("style")
    assert all(target.startswith("#") for target in Reader(page).values("href"))
    assert not [name for _, found in Reader(page).tags for name in found if name.startswith("on")]


def test_the_page_is_small_and_the_same_every_time(page: str) -> None:
    assert len(page) < 150_000
    assert explorer_page(explorer(shipped("inception_v4").sound_network())) == page


def test_a_block_inside_a_block_is_a_link_to_its_own_figure() -> None:
    text = explorer_page(explorer(network_of(NESTED)))
    ids, links = Reader(text).values("id"), Reader(text).values("href")
    assert {"stage.first", "stage"} <= set(ids)
    assert "#stage.first" in links
    assert set(links) <= {f"#{name}" for name in ids}


def test_a_network_that_is_no_chain_shows_its_overview() -> None:
    assert not explorer(network_of(NESTED)).is_chain
    text = explorer_page(explorer(network_of(NESTED)))
    assert '<h2 id="page:overview">Overview</h2>' in text
    assert 'class="stages"' in text


def test_a_broken_spec_is_shown_in_red_with_its_findings() -> None:
    text = _broken_page()
    assert "error[AG301]: branches of a concat end on different grids (spec.yaml:10:11)" in text
    assert "^^^" in text
    assert 'class="stage broken" id="cell"' in text or 'id="cell" class="stage broken"' in text
    assert "line broken" in text
    assert "Output: ?" in text


def test_words_of_a_finding_are_broken_and_its_excerpt_is_not() -> None:
    text = _broken_page()
    words = re.findall('<span class="words">(.*?)</span>', text)
    assert any(line.startswith("error[AG301]") for line in words)
    assert any(line.startswith("help: ") for line in words)
    assert not any("|" in line for line in words)
    assert re.search(r"\n *10 \|  ", text)


def test_a_repeat_whose_instances_differ_is_one_stage_of_the_chain() -> None:
    spec = NESTED[: NESTED.index("network:")] + "network:\n  - cell: {width: 4}\n    repeat: 3\n"
    made = explorer(network_of(spec))
    assert made.is_chain
    assert [stage.box.lines for stage in made.stages] == [("Cell, 2 x Cell",)]
    text = explorer_page(made)
    assert "Overview" not in text
    assert {"cell", "cell.0", "cell.1..2"} <= set(Reader(text).values("id"))


def test_the_figures_of_heads_count_in_no_share() -> None:
    text = explorer_page(explorer(shipped("inception_v4_tf").sound_network()))
    assert "Output aux (in training)" in text
    assert "3,359,464 params</span>" in text


def test_the_blocks_of_heads_are_shown_too() -> None:
    text = explorer_page(explorer(shipped("googlenet").sound_network()))
    assert Reader(text).values("id").count("aux1.head") == 1
    assert "#aux1.head" in Reader(text).values("href")


def test_depth_opens_the_blocks() -> None:
    network = shipped("resnet_50").sound_network()
    pages = [explorer_page(explorer(network), look=Look(depth=depth)) for depth in (1, 2, 3)]
    assert [Reader(text).values("open").count("") for text in pages] == [0, 5, 13]


def test_only_a_live_page_listens() -> None:
    text = findings_page("net", [], Look(edition="7"))
    assert 'data-edition="7"' in text
    assert "connect-src 'self'" in text
    assert "EventSource" in text
    assert "EventSource" not in findings_page("net", [], Look())


def test_text_cannot_become_markup() -> None:
    (layout,) = layouts([evil_drawing()], STYLES["paper"])
    picture = figure(layout, "block", lambda _: "")
    text = html_text(element("p", {"title": EVIL}, EVIL, picture))
    assert "script" not in {tag for tag, _ in Reader(text).tags}
    assert "\u202e" not in text
    assert EVIL.replace("\u202e", "<U+202E>") in Reader(text).values("title")


def test_hostile_names_in_a_spec_stay_text() -> None:
    spec = BROKEN.replace("name: net", 'name: "</title><script>alert(1)</script>"').replace(
        "network:", 'source: {paper: "<img src=x onerror=alert(1)>"}\nnetwork:'
    )
    compilation = compiled(spec)
    if compilation.network is not None:
        text = explorer_page(explorer(compilation.network, compilation.diagnostics))
        assert [tag for tag, _ in Reader(text).tags].count("script") == 1
        assert "img" not in {tag for tag, _ in Reader(text).tags}
    found = [Finding(one, EVIL) for one in compilation.diagnostics]
    text = findings_page(EVIL, found, Look())
    assert [tag for tag, _ in Reader(text).tags].count("script") == 1
