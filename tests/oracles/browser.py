"""A headless Chromium and axe-core, for tests of pages and for the screenshot in the documentation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
AXE = ROOT / "tools" / "oracles" / "node" / "node_modules" / "axe-core" / "axe.min.js"
OPTIONS = [
    "--no-sandbox",  # the pages are our own, and containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """Where it is; an empty text where it is not."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or ""


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that reaches nothing but what a test opens."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        try:
            yield made
        finally:
            made.close()


def violations(page: Page) -> list[Any]:
    """What axe-core finds wrong with a page, by rule and element."""
    page.add_script_tag(content=AXE.read_text())
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 25
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
