"""Text of strangers on its way to a terminal, a CI log or a program."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from tests.cli.interrupting import ENTRY

EVIL = "\\e[2J\\e]0;owned\\a\\u202E\\u200B\\x9b2J\\r\\n::error::owned\\n##[error]owned"
SPEC = f"""archgen: 1
name: evil
source: {{paper: "{EVIL}", figure: "{EVIL}"}}
note: "{EVIL}"
input: {{channels: 3, grid: 8}}
params: {{k: {{type: int, default: 4, doc: "{EVIL}"}}}}
network:
  - conv: {{filters: k, kernel: 1, padding: same, "{EVIL}": "{EVIL}"}}
    note: "{EVIL}"
    source: {{code: "{EVIL}"}}
"""
SOUND = SPEC.replace(f', "{EVIL}": "{EVIL}"', "")
NAME = "\x1b[2J\n::error::owned\u202e.yaml"


def archgen(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command as a process of its own, coloured as for a terminal."""
    return subprocess.run(
        [sys.executable, "-c", ENTRY, *arguments, "--color", "always"],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=20,
    )


def commanding(text: str) -> set[str]:
    """The characters that act on a terminal or on the order of letters, our own colours left out."""
    for colour in range(10):
        text = text.replace(f"\x1b[{colour}m", "")
    for style in ("1;31", "1;33", "1;34", "1;36", "31", "32", "33", "34", "36", "90"):
        text = text.replace(f"\x1b[{style}m", "")
    return {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "broken.yaml").write_text(SPEC)
    (tmp_path / "sound.yaml").write_text(SOUND)
    (tmp_path / NAME).write_text(SPEC)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / NAME).write_text("other: 1\n")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        *(("check", file, "--format", form)
          for file in ("broken.yaml", "sound.yaml", NAME)
          for form in ("full", "concise", "github", "json")),
        *((command, file) for command in ("summary", "build") for file in ("sound.yaml", NAME)),
        ("summary", "sound.yaml", "--format", "json"),
        ("show", "--resolved", "sound.yaml"),
        ("check", "inner"),
        ("check", f"no{NAME}"),
        ("explain", NAME),
        (NAME,),
        ("build", "sound.yaml", "-o", f"no{NAME}/made.py"),
        ("build", "sound.yaml", "--set", f"{NAME}=1"),
    ],
)  # fmt: skip
def test_nothing_that_a_stranger_wrote_commands_the_terminal(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    done = archgen(folder, *arguments)
    assert done.returncode in (0, 1, 2), done.stderr
    assert not commanding(done.stdout)
    assert not commanding(done.stderr)


@pytest.mark.parametrize("file", ["broken.yaml", NAME, "inner"])
def test_no_text_becomes_an_annotation_of_its_own(folder: Path, file: str) -> None:
    done = archgen(folder, "check", file, "--format", "github")
    lines = (done.stdout + done.stderr).splitlines()
    assert lines
    ours = ("::error title=AG", "::warning title=AG", "found ", "passed over ")
    assert all(line.startswith(ours) for line in lines), lines


def test_a_json_document_stays_one(folder: Path) -> None:
    done = archgen(folder, "check", "broken.yaml", NAME, "--format", "json")
    document = json.loads(done.stdout)
    assert done.stdout.isascii()
    assert {finding["span"]["source"] for finding in document["diagnostics"]} == {
        "broken.yaml",
        NAME,
    }
