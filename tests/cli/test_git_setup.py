"""`archgen git-setup` in real repositories: what git then shows, and what is never touched."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from archgen.cli import main
from archgen.cli.flat import flat_text
from archgen.cli.git_setup import BEGIN, END
from tests.cli.test_diff import NET, PARTS

OLD, NEW = "filters: 16", "filters: 24"


def git(*arguments: str, status: int = 0) -> str:
    """What git prints in the working folder."""
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.pager=cat")
    done = subprocess.run(["git", *who, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, of a spec and its library, and no configuration of a user."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "specs" / "blocks").mkdir(parents=True)
    (tmp_path / "specs" / "net.yaml").write_text(NET)
    (tmp_path / "specs" / "blocks" / "parts.yaml").write_text(PARTS)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return tmp_path


def _edit(repository: Path, old: str = OLD, new: str = NEW) -> None:
    net = repository / "specs" / "net.yaml"
    net.write_text(net.read_text().replace(old, new))


def test_git_diff_says_what_a_change_means(repository: Path) -> None:
    assert main(["git-setup"]) == 0
    _edit(repository)
    shown = git("diff", "--", "specs")
    assert "~  network  stem filters  16 -> 24  specs/net.yaml:6" in shown
    assert "Weight-breaking" in shown
    assert "-  - parts.stem" not in shown


def _library(repository: Path, kernel: int) -> None:
    (repository / "specs" / "blocks" / "parts.yaml").write_text(
        PARTS.replace("kernel: 3", f"kernel: {kernel}")
    )


def test_each_side_of_git_diff_has_the_libraries_of_its_own_tree(repository: Path) -> None:
    """Kernels 3, 5, 7 and 9: of the first commit, the second, the index and the working tree."""
    assert main(["git-setup"]) == 0
    _library(repository, 5)
    git("commit", "-qam", "second")
    _library(repository, 7)
    git("add", ".")
    _library(repository, 9)
    _edit(repository)
    shown = {
        "diff": "7 -> 9",
        "diff HEAD": "5 -> 9",
        "diff HEAD~1": "3 -> 9",
        "diff -U1 HEAD~1 -- specs/net.yaml": "3 -> 9",
    }
    for command, kernels in shown.items():
        told = git(*command.split())
        assert f"kernel   {kernels}" in told, (command, told)
        assert "16 -> 24" in told
    git("add", "specs/net.yaml")
    for command, kernels in {"diff --cached": "5 -> 7", "diff --staged HEAD~1": "3 -> 7"}.items():
        assert f"kernel   {kernels}" in git(*command.split()), command
    git("commit", "-qm", "third")
    for command in ("diff HEAD~2 HEAD", "diff HEAD~2..HEAD", "diff HEAD~2...HEAD"):
        assert "kernel   3 -> 7" in git(*command.split()), command


def test_a_side_whose_tree_is_not_known_is_compared_by_lines(repository: Path) -> None:
    """`git show` names no tree, and the old text of the spec stood beside two different libraries."""
    assert main(["git-setup"]) == 0
    _library(repository, 5)
    git("commit", "-qam", "second")
    _edit(repository)
    git("commit", "-qam", "third")
    shown = git("show", "--ext-diff", "--format=", "HEAD")
    assert (
        "it is not known which libraries this side has: `archgen diff REV:specs/net.yaml" in shown
    )
    assert "-network.stem.parts.stem.filters = 16" in shown
    assert "Weight-breaking" not in shown


def test_a_side_whose_trees_agree_is_compared_as_a_network(repository: Path) -> None:
    assert main(["git-setup"]) == 0
    _edit(repository)
    git("commit", "-qam", "second")
    shown = git("show", "--ext-diff", "--format=", "HEAD")
    assert "stem filters  16 -> 24" in shown


def test_a_renamed_spec_is_a_rename_with_its_libraries_from_its_new_place(
    repository: Path,
) -> None:
    assert main(["git-setup"]) == 0
    git("mv", "specs", "nets")
    (repository / "nets" / "net.yaml").rename(repository / "nets" / "blocks" / "small.yaml")
    small = repository / "nets" / "blocks" / "small.yaml"
    small.write_text(NET.replace("blocks/parts", "parts").replace(OLD, NEW))
    git("add", "--all")
    (repository / ".gitattributes").write_text("*.yaml diff=archgen\n")
    shown = git("diff", "--cached", "-M20%")
    assert "rename from specs/net.yaml\nrename to nets/blocks/small.yaml\n" in shown
    assert "stem filters  16 -> 24" in shown


def test_a_changed_library_names_the_networks_that_it_is_part_of(repository: Path) -> None:
    assert main(["git-setup"]) == 0
    _library(repository, 5)
    assert "(it is part of specs/net.yaml: `archgen check --since HEAD`" in git("diff")


@pytest.mark.parametrize("program", ["gone", "crashes", "fails"])
def test_git_shows_the_text_where_archgen_cannot_be_run(program: str, repository: Path) -> None:
    assert main(["git-setup"]) == 0
    broken = repository / "a folder's" / "archgen"
    broken.parent.mkdir()
    if program != "gone":
        end = "kill -SEGV $$" if program == "crashes" else "echo half; exit 3"
        broken.write_text(f"#!/bin/sh\n{end}\n")
        broken.chmod(0o755)
    set_up = git("config", "diff.archgen.command").split("$(")[1].split()[0]
    for key in ("diff.archgen.command", "diff.archgen.textconv"):
        value = git("config", key).rstrip("\n")
        git("config", key, value.replace(set_up, shlex.quote(str(broken))))
    _edit(repository)
    shown = git("diff")
    assert "archgen cannot be run here" in shown
    assert "half" not in shown
    assert "filters: 24" in shown
    assert "filters: 24" in git("diff", "--no-ext-diff")
    git("commit", "-qam", "second")
    shown = git("log", "-p", "--format=%s")
    assert "second" in shown
    assert "first" in shown
    assert main(["git-setup", "--remove"]) == 0
    assert git("config", "--local", "--list").count("archgen") == 0


def test_a_file_in_conflict_names_the_command_that_compares_both_sides(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["git-setup"]) == 0
    git("checkout", "-qb", "theirs")
    _edit(repository, new="filters: 32")
    _library(repository, 5)
    git("commit", "-qam", "theirs")
    git("checkout", "-q", "-")
    _edit(repository)
    _library(repository, 7)
    git("commit", "-qam", "ours")
    git("merge", "theirs", status=1)
    assert "* unmerged: specs/net.yaml; `archgen diff :2:specs/net.yaml :3:specs/net.yaml`" in git(
        "diff", "--cached"
    )
    capsys.readouterr()
    assert main(["diff", ":2:specs/net.yaml", ":3:specs/net.yaml"]) == 0
    told = capsys.readouterr().out
    assert "filters  24 -> 32" in told
    assert "7 -> 5" in told


def test_git_log_compares_values_line_by_line(repository: Path) -> None:
    assert main(["git-setup"]) == 0
    _edit(repository)
    git("commit", "-qam", "second")
    shown = git("log", "-p", "-1", "--format=")
    assert "-network.stem.parts.stem.filters = 16\n+network.stem.parts.stem.filters = 24\n" in shown


def test_git_difftool_shows_a_spec(repository: Path) -> None:
    assert main(["git-setup"]) == 0
    _edit(repository)
    shown = git("difftool", "--no-prompt", "--tool", "archgen", "--", "specs/net.yaml")
    assert "stem filters  16 -> 24" in shown


def test_what_is_no_spec_any_more_is_compared_all_the_same(repository: Path) -> None:
    assert main(["git-setup"]) == 0
    _edit(repository, "network:", "network: [")
    (repository / "specs" / "blocks" / "parts.yaml").write_bytes(b"\xff\xfe")
    (repository / "specs" / "new.yaml").write_text(NET)
    git("add", "--intent-to-add", "specs/new.yaml")
    shown = git("diff")
    assert "+network: [" in shown
    assert "(the file is not UTF-8 text" in shown
    assert "+++ b/specs/new.yaml" in shown
    git("rm", "-qf", "specs/net.yaml")
    assert "+++ /dev/null" in git("diff", "--cached")
    git("commit", "-qam", "second")
    shown = git("log", "-p", "-1", "--format=", "--no-renames")
    assert "-network.stem.parts.stem.filters = 16" in shown


def test_a_second_time_changes_nothing_and_remove_takes_all_of_it_out(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = repository / ".git" / "config"
    before = config.read_text()
    assert main(["git-setup"]) == 0
    assert capsys.readouterr().out.count("set di") == 4
    written = config.read_text(), (repository / ".gitattributes").read_text()
    assert main(["git-setup"]) == 0
    assert capsys.readouterr().out.count("is there already") == 4
    assert (config.read_text(), (repository / ".gitattributes").read_text()) == written
    assert main(["git-setup", "--remove"]) == 0
    assert config.read_text() == before
    assert not (repository / ".gitattributes").exists()


def test_what_somebody_else_wrote_stays(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attributes = repository / ".gitattributes"
    attributes.write_bytes(b"*.png binary\r\n*.bin diff=other # \xff")
    git("config", "--local", "diff.archgen.textconv", "my-own-tool")
    assert main(["git-setup"]) == 1
    assert "left diff.archgen.textconv as it is: `my-own-tool`" in capsys.readouterr().out
    text = attributes.read_bytes()
    assert text.startswith(b"*.png binary\r\n*.bin diff=other # \xff\n")
    attributes.write_bytes(text + b"*.jpg binary\n")
    assert main(["git-setup", "networks/*.yaml"]) == 1
    assert b"networks/*.yaml diff=archgen\n" + END.encode() + b"\n*.jpg" in attributes.read_bytes()
    assert attributes.read_bytes().count(BEGIN.encode()) == 1
    assert main(["git-setup", "--remove"]) == 1
    assert attributes.read_bytes() == b"*.png binary\r\n*.bin diff=other # \xff\n*.jpg binary\n"
    assert git("config", "--local", "diff.archgen.textconv") == "my-own-tool\n"
    assert "diff.archgen.command" not in git("config", "--local", "--list")


def test_print_writes_nothing(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (repository / ".git" / "config").read_text()
    assert main(["git-setup", "--print"]) == 0
    out = capsys.readouterr().out
    assert "git config --local diff.archgen.textconv" in out
    assert "specs/**/*.yaml diff=archgen" in out
    assert (repository / ".git" / "config").read_text() == before
    assert not (repository / ".gitattributes").exists()


@pytest.mark.parametrize(
    "pattern", ["a b", "x\n* filter=evil", '"x"', "#x", "!x", "[attr]evil", ""]
)
def test_a_pattern_that_would_say_more_is_refused(
    pattern: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["git-setup", "--", pattern]) == 2
    assert "is no pattern" in capsys.readouterr().err
    assert not (repository / ".gitattributes").exists()


def test_a_link_in_the_place_of_the_attributes_is_not_followed(repository: Path) -> None:
    elsewhere = repository / "elsewhere"
    elsewhere.write_text("mine\n")
    (repository / ".gitattributes").symlink_to(elsewhere)
    assert main(["git-setup"]) == 2
    assert elsewhere.read_text() == "mine\n"


def test_outside_of_a_repository_there_is_nothing_to_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert main(["git-setup"]) == 2
    assert "not a git repository" in capsys.readouterr().err


def test_a_spec_as_lines_has_the_path_of_each_value() -> None:
    text = """\
name: net
input: {channels: 3, sizes: [1, 2]}
network:
  - stem
  - conv: {filters: 8, kernel: 1x7}
    repeat: 2
  - conv: 64
    id: last
  - concat:
      a: []
      b: [{conv: {filters: 9}}, conv]
note: "a\\u202eb\\nc"
"""
    assert list(flat_text(text, "net.yaml")) == [
        "name = net",
        "input.channels = 3",
        "input.sizes = [1, 2]",
        "network.stem",
        "network.conv.filters = 8",
        "network.conv.kernel = 1x7",
        "network.conv.repeat = 2",
        "network.last.conv = 64",
        "network.last.id = last",
        "network.concat.a = []",
        "network.concat.b.conv.filters = 9",
        "network.concat.b.conv_2",
        "note = a<U+202E>b<U+000A>c",
    ]
