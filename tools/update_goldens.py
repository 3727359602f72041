#!/usr/bin/env python3
"""Rewrites the files that tests compare output with: emitted modules and explained findings.

    update_goldens.py            # writes tests/golden/ and tests/checks/goldens/
    update_goldens.py --check    # lists the files that it would change, and exits 1 if there are any

Read the diff before you commit it: it is what users will see of your change.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from archgen.cli.checking import example_report
from archgen.cli.explain import EXPLANATIONS
from archgen.emit.source import emit
from archgen.pipeline import check
from archgen.spec.files import read_spec

ROOT = Path(__file__).parents[1]
SPECS = ROOT / "specs"
MODULES = ROOT / "tests" / "golden"
FINDINGS = ROOT / "tests" / "checks" / "goldens"


class Golden(NamedTuple):
    """A file, and the text that it should hold: none where nothing makes it any more."""

    path: Path
    text: str | None

    def is_current(self) -> bool:
        """Whether the file holds the text, or is rightly absent."""
        if not self.path.is_file():
            return self.text is None
        return self.text is not None and self.path.read_bytes() == self.text.encode()

    def write(self) -> None:
        """Makes it so."""
        if self.text is None:
            self.path.unlink()
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(self.text.encode())


def main() -> int:
    """Runs the script; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, and list what differs")
    only_check = parser.parse_args().check
    stale = [golden for golden in goldens() if not golden.is_current()]
    for golden in stale:
        if not only_check:
            golden.write()
        print(f"{_deed(golden, only_check=only_check)} {golden.path.relative_to(ROOT)}")
    return 1 if stale and only_check else 0


def goldens() -> list[Golden]:
    """Every golden file, those to be removed too."""
    wanted = [*_modules(), *_findings()]
    paths = {golden.path for golden in wanted}
    there = [*MODULES.glob("*.py"), *FINDINGS.glob("*.txt")]
    return wanted + [Golden(path, None) for path in sorted(there) if path not in paths]


def _modules() -> Iterator[Golden]:
    for path in sorted(SPECS.glob("*.yaml")):
        compilation = check(read_spec(path))
        source = emit(compilation.sound_network(), compilation.sources, f"specs/{path.name}")
        yield Golden(MODULES / f"{path.stem}.py", source.text)


def _findings() -> Iterator[Golden]:
    for path in sorted(EXPLANATIONS.glob("*/fails.yaml")):
        lines = "\n".join(example_report(path))
        yield Golden(FINDINGS / f"{path.parent.name}.txt", f"{lines}\n")


def _deed(golden: Golden, *, only_check: bool) -> str:
    if only_check:
        return "stale" if golden.text is not None else "left over"
    return "wrote" if golden.text is not None else "removed"


if __name__ == "__main__":
    sys.exit(main())
