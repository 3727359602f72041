"""The explorer page in a real browser: no complaint of axe-core, of the console or of its own policy."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.oracles.browser import AXE, browser, chromium, violations

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not chromium(), reason="there is no chromium; apt-get install chromium"),
    pytest.mark.skipif(not AXE.is_file(), reason="there is no axe-core; npm was not there"),
]

BROKEN = """\
archgen: 1
name: "net</title><script>document.title = 'owned'</script>"
input: {channels: 4, grid: 8}
source: {paper: "<img src=x onerror=alert(1)>"}
defaults: {conv: {padding: same}}
blocks:
  cell:
    body:
      - concat:
          narrow: [{conv: {filters: 1, kernel: 3}}]
          odd: [{conv: {filters: 3, kernel: 3, padding: valid}}]
network:
  - cell
  - conv: {filters: 9, kernel: 3}
"""


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pages of some networks, as the command makes them."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "broken.yaml").write_text(BROKEN)
    for spec in ("inception_v4", "resnet_50", "inception_v4_tf", "broken.yaml"):
        page = f"{spec.removesuffix('.yaml')}.html"
        status = subprocess.run(
            [sys.executable, "-m", "archgen", "render", spec, "-o", page],
            cwd=folder,
            capture_output=True,
            check=False,
        ).returncode
        assert status == (1 if spec == "broken.yaml" else 0)
    return folder


@pytest.mark.parametrize("name", ["inception_v4", "resnet_50", "inception_v4_tf", "broken"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
def test_axe_finds_nothing_with_everything_open(
    chrome: Browser, pages: Path, name: str, scheme: str, width: int
) -> None:
    context = chrome.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    page = context.new_page()
    page.goto((pages / f"{name}.html").as_uri())
    page.click("[id='page:all']")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.mark.parametrize("name", ["inception_v4", "broken"])
def test_the_page_asks_for_nothing_and_its_policy_holds(
    chrome: Browser, pages: Path, name: str
) -> None:
    page = chrome.new_page()
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((pages / f"{name}.html").as_uri())
    page.click("[id='page:all']")
    assert told == []
    assert len(asked) == 1
    assert page.title().endswith(" - archgen")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'document.title = 1'}))"
    )
    assert page.title().endswith(" - archgen")
    page.close()


def test_a_link_opens_what_it_leads_to_and_shows_its_details(chrome: Browser, pages: Path) -> None:
    page = chrome.new_page()
    address = (pages / "inception_v4.html").as_uri()
    page.goto(f"{address}#inception_a.0.b3x3.conv_2.weight")  # as a checkpoint has it
    assert page.evaluate("document.activeElement.id") == "inception_a.b3x3.conv_2"
    details = page.inner_text("[role=tooltip]").split("\n")
    assert details[0] == "inception_a.b3x3.conv_2"
    assert "55,488 params, 67,737,600 MACs" in details
    page.close()


def test_keys_search_and_go_through_what_is_found(chrome: Browser, pages: Path) -> None:
    page = chrome.new_page()
    page.goto((pages / "inception_v4.html").as_uri())
    page.keyboard.press("/")
    page.keyboard.type("7x1")
    assert page.inner_text("[id='page:found']") == "7 found"
    assert page.locator(".found").count() == 7
    assert page.locator(".found").first.is_visible()
    page.keyboard.press("Enter")
    assert page.inner_text("[id='page:found']") == "1 of 7"
    page.keyboard.press("Escape")
    assert page.locator(".found").count() == 0
    page.close()


def test_keys_alone_open_a_block_and_reach_its_layers(chrome: Browser, pages: Path) -> None:
    page = chrome.new_page()
    page.goto((pages / "inception_v4.html").as_uri())
    page.focus("[id='stem'] summary")
    page.keyboard.press("Enter")
    assert page.locator("[id='stem'] details").get_attribute("open") is not None
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "stem.in"
    page.close()


def test_the_theme_can_be_chosen_and_paper_shows_every_block(chrome: Browser, pages: Path) -> None:
    page = chrome.new_page(color_scheme="light")
    page.goto((pages / "inception_v4.html").as_uri())
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("text=Dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("main details:not([open])").count() == 0
    page.close()


def test_a_served_page_loads_anew_with_the_same_parts_open(chrome: Browser, tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(BROKEN.replace(", padding: valid", ""))
    process = subprocess.Popen(
        [sys.executable, "-m", "archgen", "serve", "net.yaml"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        page = chrome.new_page()
        page.goto(address)
        page.click("[id='cell'] summary")
        spec.write_text(BROKEN)
        page.wait_for_selector("text=branches of a concat end on different grids", timeout=30_000)
        assert page.locator("[id='cell'] > details").get_attribute("open") is not None
        page.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
