"""Which specs a change reaches, and the commands that ask: `check --since`, the hook, git's driver."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
import yaml

from archgen.cli import main
from archgen.cli.git import root_of_repository
from archgen.cli.reach import CommittedTree, WorkingTree, reach, since
from archgen.cli.revisions import open_revision
from tests.cli.test_diff import NET, PARTS, git, repository
from tests.compiling import ROOT

__all__ = ["repository"]  # a fixture that both files use
WIDE = "archgen: 1\nname: wide\nextends: net.yaml\nedit:\n  - {at: input.grid, set: 64}\n"


def test_a_changed_library_reaches_what_uses_it_and_what_extends_that(repository: Path) -> None:
    (repository / "specs" / "wide.yaml").write_text(WIDE)
    (repository / "specs" / "other.yaml").write_text(
        NET.replace("parts: blocks", "parts: elsewhere")
    )
    git("add", ".")
    git("commit", "-qm", "second")
    (repository / "specs" / "blocks" / "parts.yaml").write_text(PARTS + "# a comment\n")
    _, found = since("HEAD")
    assert found.reached() == ["specs/blocks/parts.yaml", "specs/net.yaml", "specs/wide.yaml"]
    assert found.networks() == ["specs/net.yaml", "specs/wide.yaml"]


@pytest.mark.parametrize("left", ["the old library", "the new library"])
def test_what_a_network_used_on_either_side_reaches_it(left: str, repository: Path) -> None:
    specs = repository / "specs"
    (specs / "blocks" / "others.yaml").write_text(PARTS)
    git("add", ".")
    git("commit", "-qm", "second")
    (specs / "net.yaml").write_text(NET.replace("parts.yaml", "others.yaml"))
    _, found = since("HEAD")
    changed = "parts" if left == "the old library" else "others"
    assert found.networks([f"specs/blocks/{changed}.yaml"]) == ["specs/net.yaml"]


def test_links_within_the_repository_lead_to_the_file_that_changes(repository: Path) -> None:
    specs = repository / "specs"
    (repository / "shared").mkdir()
    (specs / "blocks" / "parts.yaml").rename(repository / "shared" / "parts.yaml")
    (specs / "blocks").rmdir()
    (specs / "blocks").symlink_to("../shared")
    (specs / "alias.yaml").symlink_to("net.yaml")
    (specs / "wide.yaml").write_text(WIDE.replace("net.yaml", "alias.yaml"))
    git("add", ".")
    git("commit", "-qm", "second")
    (repository / "shared" / "parts.yaml").write_text(PARTS.replace("kernel: 3", "kernel: 5"))
    _, found = since("HEAD")
    assert found.networks() == ["specs/net.yaml", "specs/wide.yaml"]
    git("commit", "-qam", "third")
    old, new = (CommittedTree(open_revision(name, name)) for name in ("HEAD~1", "HEAD"))
    assert reach(old, new).networks() == ["specs/net.yaml", "specs/wide.yaml"]


def test_the_working_tree_is_named_as_git_names_it(repository: Path) -> None:
    assert repository.is_dir()
    root = root_of_repository(Path.cwd())
    assert WorkingTree(root).blobs() == CommittedTree(open_revision("HEAD", "HEAD")).blobs()


@pytest.mark.parametrize("seed", range(5))
def test_what_is_reached_is_what_is_reachable_in_a_random_project(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held against the definition: a network is reached if some chain of references leads to a change."""
    draw = random.Random(seed)  # noqa: S311
    names = [f"lib{n}" for n in range(6)] + [f"net{n}" for n in range(6)]
    uses = {
        name: draw.sample(names[: min(n, 6)], draw.randint(0, min(n, 2)))
        for n, name in enumerate(names)
    }
    for name, others in uses.items():
        use = "".join(f"  {other}: {other}.yaml\n" for other in others)
        head = "network: [identity]" if name.startswith("net") else "blocks: {}"
        (tmp_path / f"{name}.yaml").write_text(
            f"archgen: 1\n{'use:' if use else ''}\n{use}{head}\n"
        )
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    changed = draw.choice(names[:6])
    (tmp_path / f"{changed}.yaml").write_text("archgen: 1\nblocks: {new: {body: [identity]}}\n")

    def leads(name: str) -> bool:
        return name == changed or any(leads(other) for other in uses[name])

    _, found = since("HEAD")
    assert found.networks() == [f"{name}.yaml" for name in names[6:] if leads(name)]


def test_check_since_finds_what_a_change_of_a_library_breaks(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--since", "HEAD"]) == 0
    assert "no spec, recipe or weight map has changed since HEAD" in capsys.readouterr().out
    library = repository / "specs" / "blocks" / "parts.yaml"
    library.write_text(PARTS.replace("  stem:", "  start:"))
    assert main(["check", "--since", "HEAD", "--format", "concise"]) == 1
    assert "specs/net.yaml:6:5: error[AG103]" in capsys.readouterr().out
    assert main(["check", str(library)]) == 0
    library.unlink()
    capsys.readouterr()
    assert main(["check", "--since", "HEAD", "--format", "concise"]) == 1
    assert "specs/net.yaml:4:14: error[AG406]" in capsys.readouterr().out


def test_check_since_takes_paths_besides_and_refuses_what_is_no_commit(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "specs")
    assert main(["check", "--since", "HEAD", "blocks/parts.yaml"]) == 0
    assert "in 2 files" in capsys.readouterr().out
    for name in ("", ":", ":2"):
        assert main(["check", "--since", name]) == 2
        assert "is not a commit to compare the files with" in capsys.readouterr().err
    assert main(["check", "--since", "nowhere"]) == 2
    assert "no revision `nowhere`" in capsys.readouterr().err
    monkeypatch.chdir(repository.parent)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
    assert main(["check", "--since", "HEAD"]) == 2
    assert "not a git repository" in capsys.readouterr().err


def test_the_hook_fails_for_a_library_that_breaks_its_users(repository: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    hook = next(hook for hook in hooks if hook["id"] == "archgen-check")
    program, *words = hook["entry"].split()
    assert (program, hook["always_run"]) == ("archgen", True)
    library = repository / "specs" / "blocks" / "parts.yaml"
    library.write_text(PARTS.replace("  stem:", "  start:"))
    assert main([*words, "specs/blocks/parts.yaml"]) == 1
    library.unlink()  # no file is left that the hook could be given
    assert main(words) == 1


def test_before_the_first_commit_everything_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "workflow.yaml").write_text("on: push\njobs: {}\n")
    assert main(["check", "--since", "HEAD", "--format", "concise"]) == 1
    assert "found 1 error in 1 file" in capsys.readouterr().out
