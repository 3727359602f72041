"""Specs of other revisions: sides of a merge, submodules, shallow clones, and hostile configurations."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from archgen.cli import main
from tests.cli.test_diff import NET, PARTS, document, git, repository

__all__ = ["repository"]  # a fixture that both files use


def test_the_sides_of_a_merge_have_the_library_as_it_is_merged(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the network is in conflict: the library has no sides, and is read as it is merged."""
    net, library = repository / "specs" / "net.yaml", repository / "specs" / "blocks" / "parts.yaml"
    git("checkout", "-qb", "theirs")
    net.write_text(NET.replace("filters: 16", "filters: 32"))
    library.write_text(PARTS.replace("kernel: 3", "kernel: 5"))
    git("commit", "-qam", "theirs")
    git("checkout", "-q", "-")
    net.write_text(NET.replace("filters: 16", "filters: 24"))
    git("commit", "-qam", "ours")
    with pytest.raises(subprocess.CalledProcessError):
        git("merge", "theirs")
    found = document(capsys, ":2:specs/net.yaml", ":3:specs/net.yaml")
    changes = found["changes"]
    assert isinstance(changes, list)
    assert [(c["before"], c["after"]) for c in changes] == [("24", "32")]
    assert main(["check", "--format", "concise", "--", ":9:specs/net.yaml"]) == 2


def test_a_library_in_a_submodule_is_that_of_the_commit_the_revision_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")
    library, outer = tmp_path / "library", tmp_path / "outer"
    for folder in (library, outer):
        folder.mkdir()
        monkeypatch.chdir(folder)
        git("init", "-q")
    monkeypatch.chdir(library)
    (library / "parts.yaml").write_text(PARTS)
    git("add", ".")
    git("commit", "-qm", "kernel 3")
    monkeypatch.chdir(outer)
    git("submodule", "add", "-q", str(library), "parts")
    (outer / "net.yaml").write_text(NET.replace("blocks/parts", "parts/parts"))
    git("add", ".")
    git("commit", "-qm", "first")
    (outer / "parts" / "parts.yaml").write_text(PARTS.replace("kernel: 3", "kernel: 5"))
    for old in ("HEAD:net.yaml", ":net.yaml"):
        changes = document(capsys, old, "net.yaml")["changes"]
        assert [(c["before"], c["after"]) for c in changes] == [("3", "5")]  # type: ignore[attr-defined]
    git("submodule", "deinit", "--force", "parts")
    assert main(["diff", "HEAD:net.yaml", "net.yaml"]) == 1
    assert "this lies in the submodule `parts`, whose commit" in capsys.readouterr().out


def test_a_shallow_clone_is_named_where_a_revision_is_not_there(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    git("commit", "-qm", "second", "--allow-empty")
    git("clone", "-q", "--depth=1", repository.as_uri(), "clone")
    monkeypatch.chdir(repository / "clone")
    assert main(["diff", "HEAD~1:specs/net.yaml", "specs/net.yaml"]) == 2
    assert "this clone is shallow" in capsys.readouterr().err
    assert main(["check", "--since", "HEAD~1"]) == 2
    assert "git fetch --deepen" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["diff HEAD:specs/net.yaml specs/net.yaml", "check --since HEAD", "git-setup"]
)
def test_the_configuration_of_a_repository_runs_no_command(
    command: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A partial clone of a transport that is a command, filters, hooks, a monitor, pagers, diffs."""
    mark = repository / "RAN"
    run = f"touch {mark}"
    git("config", "uploadpack.allowFilter", "true")
    git("config", "core.repositoryFormatVersion", "1")
    git("config", "extensions.partialClone", "origin")
    git("config", "remote.origin.url", f"ext::sh -c {run.replace(' ', '% ')}")
    git("config", "remote.origin.promisor", "true")
    git("config", "protocol.ext.allow", "always")
    for key in ("core.fsmonitor", "core.pager", "diff.external", "core.sshCommand", "core.editor"):
        git("config", key, run)
    for key in ("diff.x.textconv", "diff.x.command", "filter.x.clean", "filter.x.process"):
        git("config", key, run)
    (repository / ".git" / "info" / "attributes").write_text("* diff=x filter=x\n")
    for hook in ("post-index-change", "reference-transaction", "post-checkout", "pre-commit"):
        path = repository / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\n{run}\n")
        path.chmod(0o755)
    (repository / "specs" / "net.yaml").write_text(NET + "# changed\n")
    blobs = [path for path in (repository / ".git" / "objects").rglob("*") if path.is_file()]
    mark.unlink(missing_ok=True)
    main(command.split())
    assert not mark.exists()
    for path in blobs:  # every object is missing now, and would be fetched
        path.unlink()
    (repository / ".git" / "objects" / "pack").mkdir(exist_ok=True)
    main(command.split())
    assert not mark.exists(), capsys.readouterr().err


def test_nothing_below_the_folder_of_git_is_read(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / ".git" / "secret.yaml").write_text(PARTS)
    net = repository / "specs" / "net.yaml"
    net.write_text(NET.replace("blocks/parts.yaml", "../.git/secret.yaml"))
    assert main(["check", str(net), "--format", "json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert finding["code"] == "AG406"
