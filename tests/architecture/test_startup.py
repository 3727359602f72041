"""What a command loads: `--help` nothing heavy, and no command but training torch and its company."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.compiling import SPECS

PROBE = """\
import json, sys
from archgen.cli import main
status = main(sys.argv[1:])
print(json.dumps([status, sorted(sys.modules)]))
"""
HEAVY = {"torch", "numpy", "networkx", "graphviz", "rich", "PIL", "safetensors"}
RARE = {
    *("archgen.emit", "archgen.legal_sizes", "archgen.overrides", "archgen.render"),
    *("archgen.repairs", "archgen.cli.reporters", "difflib"),
}
V4 = str(SPECS / "inception_v4.yaml")


def _loaded(*arguments: str) -> set[str]:
    """The modules in a process that ran one command."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True
    )
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == 0
    return set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", V4),
        ("check", "--format", "json", V4),
        ("check", str(SPECS)),
        ("summary", V4),
        ("summary", V4, "--depth", "3", "--format", "json"),
        ("build", V4),
        ("show", V4, "--resolved"),
        ("diff", V4, V4),
        ("explain", "AG301"),
        ("explain",),
        ("completion", "bash"),
    ],
    ids=" ".join,
)
def test_a_command_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not _loaded(*arguments) & HEAVY


def test_a_check_without_findings_loads_only_what_looks_for_them() -> None:
    assert not _loaded("check", V4) & RARE


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)], ids=" ".join)
def test_help_loads_neither_models_nor_yaml_nor_the_compiler(arguments: tuple[str, ...]) -> None:
    loaded = _loaded(*arguments)
    assert not loaded & (HEAVY | {"pydantic", "yaml", "dataclasses"})
    ours = {name for name in loaded if name.startswith("archgen.")}
    assert all(name.startswith("archgen.cli") for name in ours)


@pytest.mark.parametrize(
    "name",
    [
        "check",
        "summary",
        "show",
        "build",
        "render",
        "serve",
        "explain",
        "train",
        "eval",
        "report",
        "profile",
    ],
)
def test_help_of_a_command_loads_no_models(name: str) -> None:
    assert not _loaded(name, "--help") & (HEAVY | {"pydantic"})


def test_the_library_is_imported_without_anything() -> None:
    code = "import sys, archgen; print([n for n in sys.modules if n.startswith('archgen.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(("has_torch", "at_the_end"), [(False, ""), (True, "put away\n")])
def test_only_a_process_with_torch_waits_for_the_interpreters_end(
    has_torch: bool, at_the_end: str
) -> None:
    code = (
        "import atexit, sys\n"
        "from archgen.cli import main\n"
        "atexit.register(print, 'put away')\n"
        f"if {has_torch}: sys.modules['torch'] = sys\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "explain", "NONE"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, at_the_end)
    assert "NONE" in done.stderr
