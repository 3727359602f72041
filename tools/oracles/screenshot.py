"""Takes the picture of the explorer page that the documentation shows.

    tools/screenshot

Beside the picture stands what it was taken of, so that `tools/generate_docs.py --check` knows when it is old.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from archgen.api import load
from archgen.render.explorer import explorer
from archgen.render.page import explorer_page
from tests.oracles.browser import browser
from tools.generate_docs import FOLDER, explorer_fingerprint

SIZE = {"width": 1120, "height": 860}


def main() -> int:
    """Runs the script; returns its exit status."""
    text = explorer_page(explorer(load("inception_v4").sound_network()))
    with TemporaryDirectory() as folder, browser() as chrome:
        path = Path(folder, "inception_v4.html")
        path.write_text(text, encoding="utf-8")
        page = chrome.new_page(viewport=SIZE, color_scheme="light")
        page.goto(f"{path.as_uri()}#inception_a.b3x3.conv")
        page.screenshot(path=FOLDER / "explorer.png")
    (FOLDER / "explorer.txt").write_text(explorer_fingerprint())
    print("wrote docs/pictures/explorer.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
