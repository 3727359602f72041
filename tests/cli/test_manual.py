"""The manual page: every command and option is in it, and `man` has nothing to complain of."""

from __future__ import annotations

import shutil
import subprocess

import click
import pytest

from archgen.cli.group import COMMANDS, archgen
from archgen.cli.manual import man_page
from tests.compiling import ROOT

PAGE = ROOT / "docs" / "archgen.1"


def test_every_command_and_option_is_in_it() -> None:
    text = man_page().replace("\\-", "-")
    context = click.Context(archgen)
    for name in COMMANDS:
        assert f".SS archgen {name} " in text
        command = archgen.get_command(context, name)
        assert command is not None
        for option in (o for param in command.params for o in param.opts if o.startswith("--")):
            assert option in text, (name, option)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(
            command,
            marks=pytest.mark.skipif(
                shutil.which(command[0]) is None, reason=f"no {command[0]} here"
            ),
        )
        for command in (["man", "--warnings", "-l"], ["mandoc", "-W", "warning", "-T", "lint"])
    ],
    ids=lambda command: str(command[0]),
)
def test_readers_of_manual_pages_have_nothing_to_complain_of(command: list[str]) -> None:
    done = subprocess.run([*command, str(PAGE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert not done.stderr
    assert command[0] == "man" or not done.stdout
