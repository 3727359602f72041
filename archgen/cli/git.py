"""Running git: no shell, no questions, a time limit, and its own words where it fails."""

from __future__ import annotations

import os
from pathlib import Path

PATIENCE = 30.0  # seconds for one command of git


class GitFailed(Exception):
    """Git gave no answer, for the reason in the message; `help` says what to do about that."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class GitRefused(GitFailed):
    """Git ran and said no; the message is the last of its own words."""


def git(folder: Path, *arguments: str) -> bytes:
    """What git prints when it runs in `folder`. Raises GitFailed."""
    import subprocess  # a diff of two files runs nothing

    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(  # noqa: S603  # no shell; no argument of the user's begins with `-`
            ["git", *arguments],  # noqa: S607  # git is where the user has it
            cwd=folder,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise GitFailed("git is needed for this", "install git") from None
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git gave no answer for {PATIENCE:g} s") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitRefused(said[-1].removeprefix("fatal: ") if said else "it failed without a word")
    return done.stdout


def root_of_repository(folder: Path) -> Path:
    """The top of the working tree around a folder. Raises GitFailed."""
    found = git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n")
    return Path(found).resolve()
