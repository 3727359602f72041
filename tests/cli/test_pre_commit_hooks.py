"""The hooks for pre-commit: their entries, called as pre-commit calls them, with the files they take."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from archgen.cli import main
from tests.cli.conftest import BROKEN, TINY
from tests.cli.test_diff import git
from tests.compiling import ROOT

HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
UNTIDY = TINY.replace("name: tiny", "name:    tiny")


@pytest.mark.parametrize(("hook", "text"), list(zip(HOOKS, (BROKEN, UNTIDY), strict=True)))
def test_a_hook_fails_for_what_it_is_for_and_changes_nothing(
    hook: dict[str, str], text: str, spec: Callable[..., Path]
) -> None:
    program, *arguments = shlex.split(hook["entry"])
    assert program == "archgen"
    sound, wrong = spec(TINY, "specs/sound.yaml"), spec(text, "specs/wrong.yaml")
    main(["fmt", str(sound)])
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "both")
    assert main([*arguments, str(sound)]) == 0
    assert main([*arguments, str(sound), str(wrong)]) == 1
    assert wrong.read_text() == text


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_a_hook_takes_specs_and_nothing_else(hook: dict[str, str]) -> None:
    files = re.compile(hook["files"])
    taken = ["specs/net.yaml", "models/specs/blocks/a.yml", "net.arch.yaml"]
    left = [".github/workflows/ci.yaml", "net.yaml", "specs/readme.md", "specs.yaml"]
    assert [name for name in (*taken, *left) if files.search(name)] == taken
