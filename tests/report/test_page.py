from __future__ import annotations

import base64
import re
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from archgen.report import page, read_run
from tests.report.conftest import MakeRun, evaluated, trained

HOSTILE = "</title><script>alert(1)</script>"
INERT = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "pre", "footer"),
    *("ul", "li", "span", "div", "section", "figure", "figcaption"),
    *("table", "thead", "tbody", "tr", "th", "td"),
    *("svg", "g", "path", "line", "rect", "circle", "text", "clippath"),
}


class Reader(HTMLParser):
    """What a browser finds in a page: tags with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def written(*runs: object) -> str:
    return page([read_run(run) for run in runs], "1.2.3")  # type: ignore[arg-type]  # paths


@pytest.fixture
def text(make_run: MakeRun) -> str:
    """The page of two runs."""
    lines = [trained(step) for step in range(1, 101)]
    first = make_run("one", [*lines, evaluated(50, 0.7), evaluated(100, 0.8)], body="residual")
    second = make_run("two", [*lines[:60], evaluated(50, 0.6)], recipe="{batch: 32}")
    return written(first, second)


def test_a_page_asks_for_nothing_and_runs_nothing(text: str) -> None:
    read = Reader(text)
    assert {tag for tag, _ in read.tags} <= INERT
    for _, attributes in read.tags:
        assert not {"src", "href", "style", "xlink:href"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    assert "http:" not in text
    assert "https:" not in text
    assert all(ref.startswith("#") for ref in re.findall(r"url\(([^)]*)\)", text))


def test_the_policy_admits_the_one_style_sheet_and_nothing_else(text: str) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_a_page_shows_results_differences_and_how_to_run_again(text: str) -> None:
    read = " ".join(Reader(text).texts)
    assert "20.00% at 10" in read
    assert "40.00% at 5" in read
    assert re.search(r"batch 16 32 ", " ".join(read.split()))
    assert "schedule.name" in read
    assert "torch" not in read.split()
    assert re.search(r"archgen train \S+/two/spec.yaml --recipe \S+ --data photos --seed 3", read)
    assert "archgen 1.2.3" in read


def test_curves_of_all_runs_lie_in_the_four_figures(text: str) -> None:
    figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    assert len(figures) == 4
    for figure in figures:
        assert re.search(r'class="c0 solid( faint)?"><title>one</title><path', figure)
        assert re.search(r'class="c1 dashed( faint)?"><title>two</title>', figure)
    assert "one: 20 after 10 epochs" in figures[0]


def test_equal_runs_make_equal_pages(make_run: MakeRun) -> None:
    run = make_run(lines=[trained(1), evaluated(10, 0.5)])
    assert written(run) == written(run)


def test_one_run_shows_all_its_settings(make_run: MakeRun) -> None:
    read = " ".join(Reader(written(make_run())).texts)
    assert "schedule.name cosine" in " ".join(read.split())
    assert "nothing yet" in read


def test_what_a_stranger_wrote_is_text_wherever_it_stands(make_run: MakeRun) -> None:
    run = make_run(
        HOSTILE.replace("/", "\N{DIVISION SLASH}"),
        [trained(1), evaluated(10, 0.5)],
        network=f"'{HOSTILE}'",
        recipe=f'{{"{HOSTILE}": "\\" onload=alert(1) x=\\"", batch: "{HOSTILE}"}}',
        facts={"status": HOSTILE, "data": HOSTILE, "device": "<img src=x onerror=alert(1)>"},
        tail="<script>\n",
    )
    read = Reader(written(run))
    assert {tag for tag, _ in read.tags} <= INERT
    assert not any(name.startswith("on") for _, given in read.tags for name in given)
    assert HOSTILE in "".join(read.texts)


def test_lines_that_are_no_reports_are_told_of(make_run: MakeRun) -> None:
    assert "one: 2 lines are no reports" in written(make_run(tail="{}\n{}\n"))


def test_a_long_run_makes_a_small_page(make_run: MakeRun) -> None:
    lines = [line for step in range(1, 2_001) for line in (trained(step), evaluated(step, 0.5))]
    assert len(written(make_run(lines=lines))) < 60_000


def test_a_figure_whose_frame_is_full_has_its_legend_below(make_run: MakeRun) -> None:
    lines = [evaluated(step, step % 2, step % 2) for step in range(1, 201)]
    text = written(make_run("one", lines), make_run("two", lines))
    first, *_, rate = re.findall(r'viewBox="0 0 480 (\d+)" role', text)
    assert int(first) > int(rate) == 310
    (top,) = re.findall(r'y="(\d+)"[^>]*class="legend"', text.split("<figcaption>")[0])
    assert int(top) == 310
