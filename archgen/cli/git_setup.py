"""`archgen git-setup`: textconv, diff driver and difftool for the specs of one repository.

Only the repository's own configuration and its `.gitattributes` are written, and in both only what is
ours: keys of that name with other values, and lines outside of our marks, stay as they are.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.git import GitFailed, GitRefused, git, root_of_repository
from archgen.cli.options import common_options, example
from archgen.cli.terminal import note, write_lines

PATTERNS = ("specs/**/*.yaml", "*.arch.yaml")
BEGIN = "# archgen git-setup: what stands up to the end mark is written by it"
END = "# archgen git-setup: end"
FUNCTIONS = r"^((blocks|network|outputs)\.[A-Za-z0-9_.]+)"
_CALL = re.compile(
    r"(?:^|\$\()(?P<program>(?:'[^']*'|\"[^\"]*\"|[^\s'\"])+) (?P<view>git-(?:textconv|diff|difftool)) --"
)
_PATTERN = re.compile(r"[^\s\"\\#!\[\0][^\s\"\\\0]*")


@click.command(
    epilog=example(
        "archgen git-setup",
        "archgen git-setup 'networks/*.yaml'",
        "archgen git-setup --remove",
    )
)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--remove", is_flag=True, help="Take out what this command has written.")
@click.option(
    "--print", "only_print", is_flag=True, help="Show what would be written; write nothing."
)
@common_options
def git_setup(patterns: tuple[str, ...], remove: bool, only_print: bool) -> int:
    """Let git show specs of this repository as archgen does.

    `git diff` then says what a change of a spec means, `git log -p` compares line by line with the
    path of each value, and `git difftool -t archgen` is there. PATTERNs are those of .gitattributes;
    without any, specs/**/*.yaml and *.arch.yaml. Written are the repository's own configuration
    and its .gitattributes, and there only lines of archgen's own; a second time changes nothing.
    """
    wanted = tuple(map(_checked, patterns)) or PATTERNS
    if only_print:
        write_lines(_printed(wanted))
        return SOUND
    try:
        root = root_of_repository(Path.cwd())
        lines = list(_unset(root)) if remove else list(_set(root))
    except GitFailed as error:
        raise click.ClickException(f"{error}{f': {error.help}' if error.help else ''}") from None
    lines.append(_attributes(root, () if remove else wanted))
    write_lines(line.text for line in lines)
    return FINDINGS if any(line.is_foreign for line in lines) else SOUND


class Told(NamedTuple):
    """A line about what was done; a foreign one names what somebody else wrote and stays."""

    text: str
    is_foreign: bool = False


# What git runs is a shell function, called with what git appends. Where archgen is gone, broken or fails,
# the text is shown as git would show it: a textconv or driver that fails ends `git log -p` and `git diff`.
_TOLD = "(archgen cannot be run here, so this is the text: `archgen git-setup` sets it up again)"
_TEXTCONV = (
    'archgen_view() {{ if shown=$({program} git-textconv -- "$1" 2>/dev/null); '
    'then printf "%s\\n" "$shown"; else echo "{told}" >&2; cat -- "$1"; fi; }}; archgen_view'
)
_DRIVER = (
    'archgen_view() {{ if shown=$({program} git-diff -- "$@" 2>/dev/null); '
    'then printf "%s\\n\\n" "$shown"; else echo "diff a/$1 b/$1"; echo "{told}"; '
    'test $# -lt 7 || git --no-pager diff --no-index --no-ext-diff --no-textconv -- "$2" "$5"; '
    "true; fi; }}; archgen_view"
)


def settings() -> dict[str, str]:
    """The keys of git's configuration with what this installation writes there."""
    found = shutil.which("archgen")
    beside = Path(sys.executable).with_name("archgen")
    program = shlex.quote(str(Path(found).absolute() if found else beside))
    told = _TOLD.replace("`", "\\`")
    return {
        "diff.archgen.textconv": _TEXTCONV.format(program=program, told=told),
        "diff.archgen.command": _DRIVER.format(program=program, told=told),
        "diff.archgen.xfuncname": FUNCTIONS,
        "difftool.archgen.cmd": f'{program} git-difftool -- "$LOCAL" "$REMOTE" "$MERGED"',
    }


def _checked(pattern: str) -> str:
    if _PATTERN.fullmatch(pattern) is None:
        raise click.BadParameter(
            f"`{pattern}` is no pattern for .gitattributes: write one without spaces and quotes, "
            "that begins with none of # ! ["
        )
    return pattern


def _printed(patterns: tuple[str, ...]) -> Iterator[str]:
    for key, value in settings().items():
        yield f"git config --local {key} {shlex.quote(value)}"
    yield ""
    yield "# .gitattributes"
    yield from _block(patterns)


# --- the configuration --------------------------------------------------------------------------


def _set(root: Path) -> Iterator[Told]:
    for key, value in settings().items():
        there = _values(root, key)
        foreign = [other for other in there if not _is_ours(other)]
        if foreign:
            yield Told(f"left {key} as it is: `{foreign[0]}` is not archgen's", is_foreign=True)
        elif there == [value]:
            yield Told(f"{key} is there already")
        else:
            git(root, "config", "--local", "--replace-all", key, value)
            yield Told(f"{'changed' if there else 'set'} {key}")


def _unset(root: Path) -> Iterator[Told]:
    for key in settings():
        there = _values(root, key)
        foreign = [other for other in there if not _is_ours(other)]
        if foreign:
            yield Told(f"left {key} as it is: `{foreign[0]}` is not archgen's", is_foreign=True)
        elif there:
            git(root, "config", "--local", "--unset-all", key)
            yield Told(f"removed {key}")


def _values(root: Path, key: str) -> list[str]:
    """All values of a key in the repository's own configuration."""
    try:
        found = git(root, "config", "--local", "--null", "--get-all", key)
    except GitRefused:  # there is none
        return []
    return found.decode("utf-8", "replace").split("\0")[:-1]


def _is_ours(value: str) -> bool:
    """Whether some installation of archgen wrote this, wherever it lies."""
    if value == FUNCTIONS:
        return True
    found = _CALL.search(value)
    if found is None:
        return False
    try:
        (program,) = shlex.split(found["program"])
    except ValueError:
        return False
    is_bare = value.startswith(f"{found['program']} {found['view']} ")
    return Path(program).name == "archgen" and (is_bare or value.startswith("archgen_view() {"))


# --- the attributes -----------------------------------------------------------------------------


def _attributes(root: Path, patterns: tuple[str, ...]) -> Told:
    """Puts our block into .gitattributes, or takes it out where there are no patterns."""
    from archgen.cli.write_file import CannotWrite, write_file

    path = root / ".gitattributes"
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise click.ClickException(f"`{path}` is no regular file, and git reads no other")
        before = path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""
        after = _with_block(before, patterns)
        if after == before:
            return Told(
                f"{path.name} {'is as it should be' if patterns else 'has nothing of archgen'}"
            )
        if after:
            write_file(path, after.encode("utf-8", "surrogateescape"))
        else:
            path.unlink()
    except CannotWrite as error:
        raise click.ClickException(str(error)) from None
    if not patterns:
        return Told(f"took archgen's lines out of {path.name}")
    note("commit .gitattributes to share it; the configuration is of this clone alone")
    return Told(f"wrote {path.name}: {', '.join(patterns)}")


def _block(patterns: tuple[str, ...]) -> list[str]:
    return [BEGIN, *(f"{pattern} diff=archgen" for pattern in patterns), END]


def _with_block(text: str, patterns: tuple[str, ...]) -> str:
    """The text with our block as it should be: where it stood, otherwise at the end."""
    lines = text.splitlines(keepends=True)
    bare = [line.rstrip("\r\n") for line in lines]
    block = [f"{line}\n" for line in _block(patterns)] if patterns else []
    if BEGIN in bare and END in bare[bare.index(BEGIN) :]:
        start = bare.index(BEGIN)
        end = bare.index(END, start) + 1
        return "".join([*lines[:start], *block, *lines[end:]])
    if block and lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join([*lines, *block])
