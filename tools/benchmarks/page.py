"""Opening the explorer page of a network in a browser, beside an empty page.

    tools/bench page

From the start of the navigation to the end of its `load` event and, further, until all of it has been
laid out and painted once; medians of several turns, each in a page of its own of a headless Chromium.
"""

from __future__ import annotations

import statistics
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from archgen.api import load
from archgen.render.explorer import explorer
from archgen.render.page import explorer_page
from tests.oracles.browser import browser
from tools.benchmarks.ratios import versions

ROUNDS = 15
SPECS = ("inception_v4", "inception_resnet_v2", "resnet_152")
KILOBYTES, MILLISECONDS = 150, 300
EMPTY = "<!doctype html><title>empty</title>"
# two frames: the first callback comes before the first painting, the second after it
PAINTED = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done([
    performance.getEntriesByType("navigation")[0].loadEventEnd, performance.now()]))))"""


def main() -> int:
    """Measures and prints; returns the exit status."""
    ArgumentParser("tools/bench page").parse_args()  # it takes no options
    texts = {"an empty page": EMPTY, **{name: page_of(name) for name in SPECS}}
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in texts}
    with TemporaryDirectory() as folder, browser() as chrome:
        places = {name: Path(folder, f"{name}.html") for name in texts}
        for name, text in texts.items():
            places[name].write_text(text, encoding="utf-8")
        for _ in range(ROUNDS):
            for name, place in places.items():
                turns[name].append(opened(chrome, place))
    print(f"page: medians of {ROUNDS} turns; Chromium, {versions('playwright')}\n")
    return told(texts, turns)


def page_of(spec: str) -> str:
    """The page that `archgen render SPEC -o page.html` writes."""
    return explorer_page(explorer(load(spec).sound_network()))


def opened(chrome: Browser, place: Path) -> tuple[float, float]:
    """Milliseconds until the page is loaded, and until it is painted."""
    page = chrome.new_page()
    page.goto(place.as_uri())
    loaded, painted = page.evaluate(PAINTED)
    page.close()
    return loaded, painted


def told(texts: Mapping[str, str], turns: Mapping[str, list[tuple[float, float]]]) -> int:
    """Prints the table; 1 where a page is larger or slower than its aim."""
    print("| page | size | loaded | painted |")
    print("| --- | ---: | ---: | ---: |")
    is_met = True
    for name, text in texts.items():
        size = len(text.encode()) / 1000
        loaded, painted = (statistics.median(times) for times in zip(*turns[name], strict=True))
        is_met = is_met and size < KILOBYTES and loaded < MILLISECONDS
        print(f"| {name} | {size:.0f} kB | {loaded:.0f} ms | {painted:.0f} ms |")
    print(
        f"\naim: under {KILOBYTES} kB and {MILLISECONDS} ms to load: {'met' if is_met else 'not met'}"
    )
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
