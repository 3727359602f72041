"""What the README and the language page show is what archgen does."""

from __future__ import annotations

import re

import pytest

from archgen.cli import main
from tests.compiling import ROOT, codes

README = (ROOT / "README.md").read_text()
LANGUAGE = (ROOT / "docs" / "language.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_spec_of_the_language_page_is_sound() -> None:
    assert codes(blocks(LANGUAGE, "yaml")[0]) == []


def test_the_block_in_the_readme_is_the_one_that_is_shipped() -> None:
    shipped = (ROOT / "specs" / "blocks" / "reduction_a.yaml").read_text()
    shown = blocks(README, "yaml")[0].splitlines()
    lines = [line.strip() for line in shipped.splitlines()]
    assert [line for line in shown if line.strip() not in lines] == []


def test_the_class_in_the_readme_is_the_one_that_is_emitted() -> None:
    golden = (ROOT / "tests" / "golden" / "inception_v4.py").read_text()
    assert blocks(README, "python")[0].strip() in golden


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["summary", "specs/inception_v4.yaml"], 0),
        (["check", "--as-printed", "specs/inception_resnet_v2.yaml"], 1),
    ],
    ids=["summary", "as-printed"],
)
def test_the_output_in_the_readme_is_real(
    command: list[str],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    typed = f"$ archgen {' '.join(command)}\n"
    (shown,) = [block for block in blocks(README, "console") if block.startswith(typed)]
    expected = shown.removeprefix(typed).removeprefix("...\n").strip()
    assert main(command) == status
    assert expected in capsys.readouterr().out
