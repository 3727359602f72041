"""The specs that come with archgen, and how a path or a name leads to a file."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from archgen.diagnostics import SpecError, did_you_mean
from archgen.rules import UNREADABLE
from archgen.spec.files import root_of, start_of

SUFFIXES = (".yaml", ".yml")
FOLDER = "specs"


def find(target: str) -> Path:
    """The file or folder that a path or a name means; what exists here comes first.

    The path of a file that is not there is returned as it is: its reader says so. Raises SpecError
    for a name that nothing has.
    """
    path = Path(target)
    if target and _exists(path):
        return path
    shipped = shipped_specs()
    if target in shipped:
        return shown_path(shipped[target])
    if path.suffix in SUFFIXES and _plain_name(path) not in shipped:
        return path
    message = f"there is no file and no spec `{target}`"
    raise SpecError([UNREADABLE.at(start_of(target), message, help=_help(path))])


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for the system, a folder that may not be read
        return False


def _plain_name(path: Path) -> str:
    """`inception_v4` for `specs/inception_v4.yaml`, as an emitted module calls its spec."""
    return path.with_suffix("").as_posix().removeprefix(f"{FOLDER}/") if path.name else ""


def _help(path: Path) -> str:
    shipped = shipped_specs()
    near = did_you_mean(_plain_name(path), shipped)
    if near is not None:
        return f"did you mean `{near}`, which comes with archgen?"
    networks = [name for name in shipped if "/" not in name]
    return f"write a path, or one of {', '.join(networks)}" if networks else "check the path"


@cache
def shipped_specs() -> dict[str, Path]:
    """The specs that come with archgen by name: `inception_v4`, `blocks/reduction_a`."""
    folder = _folder()
    if folder is None:
        return {}
    files = sorted(path for suffix in SUFFIXES for path in folder.rglob(f"*{suffix}"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}


def _folder() -> Path | None:
    """`specs` inside an installed package, or beside the package in a clone."""
    package = Path(__file__).parent
    inside, beside = package / FOLDER, package.parent / FOLDER
    if inside.is_dir():
        return inside
    return beside if beside.is_dir() and (package.parent / "pyproject.toml").is_file() else None


def shown_path(path: Path) -> Path:
    """The path as a person here would write it: relative where it lies below the current folder."""
    here = Path.cwd()
    return Path(os.path.relpath(path, here)) if path.is_relative_to(here) else path


def project_name(path: Path) -> str:
    """The path below the project it belongs to: the same on every machine and from every folder."""
    real, folder = path.resolve(), _folder()
    if folder is not None and real.is_relative_to(folder.resolve()):
        return f"{FOLDER}/{real.relative_to(folder.resolve()).as_posix()}"
    return real.relative_to(root_of(real)).as_posix()
