"""Running git: no shell, no questions, a time limit, and its own words where it fails.

A repository's own configuration may name commands: somebody else's `.git/config` must not be able to run
one because a spec is compared. Only commands are used here that read objects and lists, none of which
runs hooks, filters, pagers or external diffs; what is left is switched off below.
"""

from __future__ import annotations

import os
from pathlib import Path

PATIENCE = 30.0  # seconds for one command of git
# a partial clone would fetch a missing object by the transport that its configuration names, which
# may be a command (`ext::`); a file system monitor is one
_SWITCHED_OFF = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",  # from git 2.44 on
    "GIT_ALLOW_PROTOCOL": "none",  # before that: no transport at all, whatever is configured
    "GIT_TERMINAL_PROMPT": "0",
}
# what git tells its own children about one repository, and what would lead into it from another
_OF_ONE_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")


class GitFailed(Exception):
    """Git gave no answer, for the reason in the message; `help` says what to do about that."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class GitRefused(GitFailed):
    """Git ran and said no; the message is the last of its own words."""


def git(folder: Path, *arguments: str, is_other: bool = False) -> bytes:
    """What git prints when it runs in `folder`, in another repository than the current one if so said.

    Raises GitFailed.
    """
    import subprocess  # a diff of two files runs nothing

    environment = {**os.environ, **_ENVIRONMENT}
    for name in _OF_ONE_REPOSITORY if is_other else ():
        environment.pop(name, None)
    try:
        done = subprocess.run(  # noqa: S603  # no shell; no argument of the user's begins with `-`
            ["git", *_SWITCHED_OFF, *arguments],  # noqa: S607  # git is where the user has it
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
