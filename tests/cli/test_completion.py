"""`archgen completion`: the scripts, in the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archgen.cli import main
from archgen.cli.offers import blocks, codes, specs
from tests.cli.conftest import Command

CALLS = {
    "bash": """
        source {script}
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _archgen_completion archgen
        printf '%s\\n' "${{COMPREPLY[@]}}"
        """,
    "zsh": """
        compdef() {{ : }}
        compadd() {{ print -rl -- "${{(@P)@[-1]}}" }}
        _describe() {{ print -rl -- "${{(@P)3}}" }}
        source {script}
        words=({words}); CURRENT=$#words
        _archgen_completion
        """,
    "fish": """
        source {script}
        complete --do-complete "{words}"
        """,
}
SHELLS = [
    pytest.param(shell, marks=pytest.mark.skipif(shutil.which(shell) is None, reason=f"no {shell} here"))
    for shell in CALLS
]  # fmt: skip


@pytest.fixture
def offered(
    tmp_path: Path, archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], str]:
    """What a shell offers for the words of a line, the last of which is begun."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))

    def offers(shell: str, words: str) -> str:
        script = tmp_path / "script"
        script.write_text(archgen("completion", shell).out)
        text = CALLS[shell].format(script=script, words=words)
        options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}
        done = subprocess.run(
            [shell, *options[shell], "-c", text], capture_output=True, text=True, check=False
        )
        assert not done.stderr
        return done.stdout

    return offers


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_offers_commands_specs_blocks_and_codes(
    shell: str, offered: Callable[[str, str], str]
) -> None:
    assert "summary" in offered(shell, "archgen su")
    assert "inception_v4_tf" in offered(shell, "archgen check inception_v")
    assert "reduction_a" in offered(shell, "archgen render inception_v4 --block red")
    codes = offered(shell, "archgen explain AG30")
    assert "AG301" in codes
    assert "AG201" not in codes


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_made_without_the_shell(
    shell: str, archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    result = archgen("completion", shell)
    assert (result.status, result.err) == (0, "")
    assert "_ARCHGEN_COMPLETE" in result.out


def test_an_unknown_shell_is_told_the_ones_there_are(archgen: Command) -> None:
    result = archgen("completion", "tcsh")
    assert result.status == 2
    assert "bash" in result.err


def test_files_of_the_folder_are_offered_and_nothing_that_breaks_a_line(folder: Path) -> None:
    for name in ("zoo.yaml", "zoo.txt", "zoo\n.yaml", "zoo\u202e.yml"):
        (folder / name).touch()
    assert [item.value for item in specs("zoo")] == ["zoo.yaml"]
    assert [item.type for item in specs("folder/")] == ["file"]
    assert [item.type for item in specs("nothing_begins_so")] == ["file"]


@pytest.mark.parametrize("spec", ["", "-", "missing.yaml", "no_such_name", "inception_v4"])
def test_what_cannot_be_read_offers_nothing_and_says_nothing(
    spec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = blocks(spec, "")
    assert bool(found) == (spec == "inception_v4")
    assert capsys.readouterr() == ("", "")


def test_codes_are_offered_with_what_they_mean() -> None:
    (item,) = codes("ag301")
    assert (item.value, item.help) == ("AG301", "branches of a join end on different grids")


def test_a_completion_ends_with_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (
        ("_ARCHGEN_COMPLETE", "bash_complete"),
        ("COMP_WORDS", "archgen doc"),
        ("COMP_CWORD", "1"),
    ):
        monkeypatch.setenv(name, value)
    assert main([]) == 0
    assert capsys.readouterr().out == "plain,doctor\n"
