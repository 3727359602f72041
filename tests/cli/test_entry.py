"""The command as a whole: exit statuses, streams, colours, help."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from archgen.cli.group import COMMANDS
from archgen.cli.group import archgen as command_group
from archgen.cli.terminal import wants_colour
from tests.cli.conftest import BROKEN, TINY, Command

Writer = Callable[..., Path]
ARCHGEN = (sys.executable, "-m", "archgen")


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "stream", "environment", "expected"),
    [
        ("auto", Terminal(), {}, True),
        ("auto", io.StringIO(), {}, False),
        ("auto", Terminal(), {"NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"NO_COLOR": ""}, True),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("auto", io.StringIO(), {"FORCE_COLOR": "1"}, True),
        ("auto", io.StringIO(), {"FORCE_COLOR": "0"}, False),
        ("auto", io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("always", io.StringIO(), {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", Terminal(), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_are_for_those_who_want_them(
    choice: str, stream: io.StringIO, environment: dict[str, str], expected: bool
) -> None:
    assert wants_colour(choice, stream, environment) is expected


def test_color_is_taken_before_and_after_the_command(archgen: Command, spec: Writer) -> None:
    path = str(spec(BROKEN))
    plain = archgen("check", path).out
    coloured = archgen("check", path, "--color", "always").out
    assert "\x1b[" not in plain
    assert "\x1b[1;31merror[AG301]\x1b[0m" in coloured
    assert archgen("--color", "always", "check", path).out == coloured
    assert archgen("--color", "always", "check", path, "--color", "never").out == plain


def test_no_color_and_force_color_are_heeded(
    archgen: Command, spec: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(spec(BROKEN))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in archgen("check", path).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in archgen("check", path).out


def test_json_and_modules_have_no_colours(archgen: Command, spec: Writer) -> None:
    path = str(spec())
    for arguments in (("check", "--format", "json"), ("build",), ("summary", "--format", "json")):
        assert "\x1b[" not in archgen(*arguments, path, "--color", "always").out


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_help_ends_with_an_example(archgen: Command, name: str) -> None:
    result = archgen(name, "--help")
    assert result.status == 0
    last = result.out.rstrip().splitlines()[-1]
    assert last.startswith(f"    archgen {name}")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_overview_says_what_the_command_says_of_itself(name: str) -> None:
    command = command_group.get_command(click.Context(command_group), name)
    assert command is not None
    assert command.help is not None
    assert " ".join(command.help.split("\n\n")[0].split()) == COMMANDS[name].summary


def test_the_overview_ends_with_an_example(archgen: Command) -> None:
    result = archgen("--help")
    assert result.status == 0
    assert result.out.rstrip().splitlines()[-1] == "    archgen summary inception_v4"


def test_the_version_is_that_of_the_package(archgen: Command) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert archgen("--version").out == f"archgen {project['project']['version']}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("check", "--nothing"),
        ("check", "--format", "xml"),
        ("summary",),
        ("summary", "a", "b"),
        ("summary", "inception_v4", "--depth", "0"),
        ("build",),
    ],
)
def test_wrong_usage_ends_with_2_and_prints_no_result(
    archgen: Command, arguments: tuple[str, ...]
) -> None:
    result = archgen(*arguments)
    assert (result.status, result.out) == (2, "")
    assert "Usage: archgen" in result.err


def test_no_arguments_show_the_overview(archgen: Command) -> None:
    result = archgen()
    words = " ".join((result.out + result.err).split())
    assert "explain Explain what a finding's code means." in words


def test_a_slip_in_a_command_is_told_the_nearest(archgen: Command) -> None:
    assert "there is no command `chekc`: did you mean `check`?" in archgen("chekc").err


def _break(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("archgen.pipeline.check", fail)


def test_a_bug_of_ours_says_that_it_is_ours(
    archgen: Command, spec: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, RuntimeError("no such\nthing"))
    result = archgen("check", str(spec()))
    assert (result.status, result.out) == (3, "")
    assert result.err.count("\n") == 1
    assert "a bug in archgen and not in your files (RuntimeError: no such thing)" in result.err
    assert "report it" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("place", [0, 1])
def test_debug_shows_where_a_bug_happened(
    archgen: Command, spec: Writer, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    _break(monkeypatch, RuntimeError("no such thing"))
    arguments = ["check", str(spec())]
    arguments.insert(place, "--debug")
    result = archgen(*arguments)
    assert result.status == 3
    assert "Traceback" in result.err


def test_an_interrupt_ends_with_130(
    archgen: Command, spec: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break(monkeypatch, KeyboardInterrupt())
    result = archgen("check", str(spec()))
    assert (result.status, result.out) == (130, "")
    assert result.err.strip() == "interrupted"


def test_a_reader_that_left_changes_nothing_about_the_status(spec: Writer) -> None:
    for text, status in ((TINY, 0), (BROKEN, 1)):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [*ARCHGEN, "check", str(spec(text)), "--format", "json"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_one_line(spec: Writer) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*ARCHGEN, "build", str(spec())],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "archgen: the output cannot be written: the disk is full\n"


def test_python_m_archgen_is_the_command() -> None:
    done = subprocess.run(
        [*ARCHGEN, "check", "-"], input=TINY, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "found no problems in 1 file\n")


def test_a_terminal_that_is_not_utf8_gets_escapes(spec: Writer) -> None:
    text = TINY.replace("name: tiny", "name: tiny\nsource: {paper: 幅}")
    done = subprocess.run(
        [*ARCHGEN, "summary", str(spec(text))],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert b"(\\u5e45)" in done.stdout


def test_text_of_a_spec_cannot_command_the_terminal(archgen: Command, spec: Writer) -> None:
    text = TINY.replace("name: tiny", 'name: tiny\nsource: {paper: "\\e[31mred"}')
    result = archgen("summary", str(spec(text)))
    assert result.status == 0
    assert "<U+001B>[31mred" in result.out


def test_shells_can_complete_commands() -> None:
    done = subprocess.run(
        ARCHGEN,
        env={
            **os.environ,
            "_ARCHGEN_COMPLETE": "bash_complete",
            "COMP_WORDS": "archgen s",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line.rpartition(",")[2] for line in done.stdout.split()] == [
        "summary",
        "show",
        "serve",
        "schema",
    ]
