"""Files that a spec, a folder or a command line names: regular, of bounded size, and where they may be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archgen.cli import main
from archgen.pipeline import check
from archgen.spec.document import MAX_BYTES
from archgen.spec.files import read_spec
from tests.cli.interrupting import ENTRY, SPEC

NETWORK = """archgen: 1
name: net
input: {channels: 3, grid: 8}
use: {lib: lib.yaml}
network: [lib.unit]
"""
LIBRARY = """archgen: 1
blocks:
  unit:
    body: [{conv: {filters: 4, kernel: 1, padding: same}}]
"""
BESIDE = "token: s3cr3t\nnot yaml: [\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose network uses `lib.yaml`, which is not there yet, and a secret beside it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "net.yaml").write_text(NETWORK)
    (tmp_path / "secret.yaml").write_text(BESIDE)
    return folder


def archgen(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command in `folder`; one that hangs on a pipe or a device fails after ten seconds."""
    return subprocess.run(
        [sys.executable, "-c", ENTRY, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(100 * MAX_BYTES)


HOSTILE: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to the environment": lambda path: path.symlink_to("/proc/self/environ"),
    "a link to a secret": lambda path: path.symlink_to("../secret.yaml"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a folder": lambda path: path.mkdir(),
    "a huge file": _sparse,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_library_that_is_no_file_of_the_project_is_refused(project: Path, kind: str) -> None:
    HOSTILE[kind](project / "lib.yaml")
    done = archgen(project, "check", "net.yaml")
    assert done.returncode == 1
    assert "error[AG406]" in done.stdout
    assert done.stdout.count("error[") == 1
    assert "s3cr3t" not in done.stdout + done.stderr
    assert "PATH=" not in done.stdout + done.stderr


EXCHANGED: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a secret": lambda path: path.symlink_to("../../secret.yaml"),
    "a folder": lambda path: path.mkdir(),
}


def _exchange_after_the_look(
    monkeypatch: pytest.MonkeyPatch, looked_at: Path, exchange: Callable[[], None]
) -> None:
    """Runs `exchange` as soon as somebody has looked at a file that is then still what it was."""
    look = Path.stat
    done: list[bool] = []

    def looking(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = look(path, follow_symlinks=follow_symlinks)
        if path == looked_at and not done:
            done.append(True)
            exchange()
        return found

    monkeypatch.setattr(Path, "stat", looking)


@pytest.fixture
def library(project: Path) -> Path:
    """A sound library in a folder of the project, which its network uses."""
    (project / "net.yaml").write_text(NETWORK.replace("lib.yaml", "inner/lib.yaml"))
    (project / "inner").mkdir()
    library = project / "inner" / "lib.yaml"
    library.write_text(LIBRARY)
    return library


@pytest.mark.parametrize("kind", EXCHANGED)
def test_what_takes_the_place_of_a_library_after_the_look_is_not_read(
    library: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exchange() -> None:
        library.unlink()
        EXCHANGED[kind](library)

    _exchange_after_the_look(monkeypatch, library, exchange)
    found = check(read_spec(library.parents[1] / "net.yaml"))
    assert [finding.rule.code for finding in found.diagnostics] == ["AG406"]
    assert not any("s3cr3t" in text for text in found.sources.values())


def test_a_folder_that_becomes_a_link_after_the_look_is_not_entered(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = library.parents[1]

    def exchange() -> None:
        library.parent.rename(project.parent / "elsewhere")
        library.parent.symlink_to("../elsewhere")

    _exchange_after_the_look(monkeypatch, library, exchange)
    found = check(read_spec(project / "net.yaml"))
    assert [finding.rule.code for finding in found.diagnostics] == ["AG406"]


def test_an_exchange_that_changes_nothing_is_none(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _exchange_after_the_look(monkeypatch, library, lambda: None)
    assert not check(read_spec(library.parents[1] / "net.yaml")).diagnostics


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("searched", [".", "inner"])
def test_a_folder_that_holds_what_is_no_spec_is_checked_all_the_same(
    project: Path, kind: str, searched: str
) -> None:
    (project / "lib.yaml").write_text(LIBRARY)
    (project / "inner").mkdir()
    HOSTILE[kind](project / "inner" / "other.yaml")
    done = archgen(project, "check", searched)
    assert "s3cr3t" not in done.stdout + done.stderr
    assert "PATH=" not in done.stdout + done.stderr
    is_nothing_there = kind == "a folder" and searched == "."
    assert done.returncode == (0 if is_nothing_there else 2), done
    assert "net.yaml" not in done.stdout


def test_a_link_in_a_searched_folder_that_stays_in_the_project_is_followed(project: Path) -> None:
    (project / "lib.yaml").write_text(LIBRARY)
    (project / "inner").mkdir()
    (project / "inner" / "linked.yaml").symlink_to("../lib.yaml")
    done = archgen(project, "check", "inner")
    assert (done.returncode, done.stdout) == (0, "found no problems in 1 file\n")


@pytest.mark.parametrize("path", ["../secret.yaml", "a/../../secret.yaml", "/etc/passwd"])
def test_a_path_out_of_the_project_is_refused_unread(project: Path, path: str) -> None:
    (project / "net.yaml").write_text(NETWORK.replace("lib.yaml", path))
    found = check(read_spec(project / "net.yaml")).diagnostics
    assert [finding.rule.code for finding in found] == ["AG406"]
    assert "lies outside" in found[0].message


@pytest.mark.parametrize("target", ["small.yaml", "lib.yaml", "link.yaml"])
def test_what_a_module_is_made_from_is_never_overwritten(project: Path, target: str) -> None:
    (project / "lib.yaml").write_text(LIBRARY)
    (project / "small.yaml").write_text(NETWORK)
    (project / "link.yaml").symlink_to("small.yaml")
    before = {path: path.read_bytes() for path in project.iterdir()}
    done = archgen(project, "build", "small.yaml", "-o", target)
    assert done.returncode == 2
    assert {path: path.read_bytes() for path in project.iterdir()} == before


def test_an_output_path_that_is_a_link_is_written_through_and_stays_one(project: Path) -> None:
    (project / "small.yaml").write_text(SPEC)
    (project / "real.py").write_text("old\n")
    (project / "link.py").symlink_to("real.py")
    assert archgen(project, "build", "small.yaml", "-o", "link.py").returncode == 0
    assert (project / "link.py").is_symlink()
    assert (project / "real.py").read_text().startswith('"""small')


def test_nobody_can_foresee_the_temporary_name(project: Path, tmp_path: Path) -> None:
    """A link under a foreseen name would turn our writing into writing somewhere else."""
    (project / "small.yaml").write_text(SPEC)
    victim = tmp_path / "victim"
    victim.write_text("untouched\n")
    for number in range(os.getpid(), os.getpid() + 200):
        (project / f".made.py.{number}.tmp").symlink_to(victim)
    assert archgen(project, "build", "small.yaml", "-o", "made.py").returncode == 0
    assert victim.read_text() == "untouched\n"


@pytest.mark.parametrize("output", ["link.py", "folder/old.py", "folder/new.py", "sub/up.py"])
@pytest.mark.parametrize("command", ["build", "diff lib.yaml"])
def test_a_result_is_not_written_through_a_link_out_of_the_project(
    command: str, output: str, project: Path, tmp_path: Path
) -> None:
    (project / "lib.yaml").write_text(LIBRARY)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "old.py").write_text("theirs")
    (project / "link.py").symlink_to(outside / "old.py")
    (project / "folder").symlink_to(outside)
    (project / "sub").mkdir()
    (project / "sub" / "up.py").symlink_to("../../outside/new.py")  # which is not there yet
    done = archgen(project, *command.split(), "net.yaml", "-o", output)
    assert done.returncode == 2
    assert "out of" in done.stderr
    assert "name that file itself" in done.stderr
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("old.py", "theirs")]


@pytest.mark.parametrize("command", ["check", "fmt", "summary", "build", "weights show", "eval"])
@pytest.mark.parametrize("name", ["", "a" * 5000, "a/" * 2500, f"{'a' * 5000}.yaml"])
def test_a_name_that_no_file_has_is_refused(command: str, name: str, project: Path) -> None:
    done = archgen(project, *command.split(), name)
    assert done.returncode in (1, 2)
    assert "bug in archgen" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["check", "a\0b.yaml"], ["report", "a\0b"], ["weights", "\0"]]
)
def test_a_null_character_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "an argument holds a null character" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "summary inception_v4", "git-setup", "doctor"])
def test_a_current_folder_that_is_gone_is_told(command: str, project: Path) -> None:
    script = f"import os, sys; os.rmdir(os.getcwd()); {ENTRY}"
    (project / "gone").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, *command.split()],
        cwd=project / "gone",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "archgen: the current folder cannot be used: no such file or directory: "
        "`cd` to one that is there\n"
    )
