"""`archgen diff`: files, names, revisions of git, statuses, and what cannot be read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from archgen.cli import main
from archgen.render import engine

NET = """\
archgen: 1
name: net
input: {channels: 3, grid: 32}
use: {parts: blocks/parts.yaml}
network:
  - parts.stem: {filters: 16}
    id: stem
  - conv: {filters: 8, kernel: 1, padding: valid}
"""
PARTS = """\
archgen: 1
blocks:
  stem:
    params: {filters: int}
    body:
      - conv: {filters: filters, kernel: 3, padding: same}
"""


def git(*arguments: str) -> None:
    """One command of git in the working folder."""
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, of a spec and its library."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GIT_DIR", raising=False)
    (tmp_path / "specs" / "blocks").mkdir(parents=True)
    (tmp_path / "specs" / "net.yaml").write_text(NET)
    (tmp_path / "specs" / "blocks" / "parts.yaml").write_text(PARTS)
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return tmp_path


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """The difference as data."""
    assert main(["diff", *arguments, "--format", "json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_names_and_paths_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "inception_resnet_v1", "inception_resnet_v2"]) == 0
    out = capsys.readouterr().out
    assert "reduction_a m" in out
    assert "22.76M -> 32.43M  +42.5%" in out


def test_a_revision_has_its_own_libraries(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = repository / "specs" / "blocks" / "parts.yaml"
    library.write_text(PARTS.replace("kernel: 3", "kernel: 5"))
    found = document(capsys, "HEAD:specs/net.yaml", "specs/net.yaml")
    assert isinstance(found["changes"], list)
    (change,) = found["changes"]
    assert (change["block"], change["what"], change["before"], change["after"]) == (
        "stem", "kernel", "3", "5",
    )  # fmt: skip
    assert Path(change["file"]).name == "parts.yaml"
    git("commit", "-qam", "second")
    assert document(capsys, "HEAD~1:specs/net.yaml", "HEAD:specs/net.yaml")["changes"] == [
        {**change, "file": "HEAD:specs/blocks/parts.yaml"}
    ]


def test_a_path_from_the_working_folder(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository / "specs")
    assert document(capsys, "HEAD:./net.yaml", "net.yaml")["severity"] == "equal"


def test_a_path_from_the_working_folder_without_a_dot_is_offered_with_one(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository / "specs")
    assert main(["diff", "HEAD:net.yaml", "net.yaml"]) == 2
    assert "did you mean `HEAD:./net.yaml`" in capsys.readouterr().err
    assert main(["diff", "HEAD:other.yaml", "net.yaml"]) == 2
    assert "./" not in capsys.readouterr().err


def test_the_index_is_what_would_be_committed(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = repository / "specs" / "blocks" / "parts.yaml"
    library.write_text(PARTS.replace("kernel: 3", "kernel: 5"))
    git("add", ".")
    library.write_text(PARTS.replace("kernel: 3", "kernel: 7"))
    found = document(capsys, ":specs/net.yaml", "specs/net.yaml")
    assert isinstance(found["changes"], list)
    assert [(c["before"], c["after"]) for c in found["changes"]] == [("5", "7")]
    assert document(capsys, "HEAD:specs/net.yaml", ":specs/net.yaml")["severity"] != "equal"


def test_a_library_names_what_compares_the_networks_that_it_reaches(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repository.is_dir()
    library = "specs/blocks/parts.yaml"
    assert main(["diff", f"HEAD:{library}", library]) == 1
    told = "compare a network that it reaches: archgen diff HEAD:specs/net.yaml specs/net.yaml"
    assert capsys.readouterr().err.splitlines()[-1] == told


def test_two_revisions_without_a_path_say_what_to_write(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repository.is_dir()
    assert main(["diff", "HEAD", "HEAD"]) == 2
    assert "write `HEAD:PATH`" in capsys.readouterr().err


def test_standard_input_is_one_side(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)  # reading it would be told otherwise
    assert main(["diff", "-", "-"]) == 2
    printed = capsys.readouterr()
    assert printed.err == "Error: standard input holds one spec: name a file for A or for B\n"


@pytest.mark.parametrize("output_format", ["text", "markdown", "html"])
def test_an_error_that_is_mended_is_named_and_the_status_explained(
    output_format: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = repository / "specs" / "old.yaml"
    old.write_text(NET.replace("filters: 16}", "filters: 16}\n    expect: {channels: 24}"))
    arguments = ["diff", "specs/old.yaml", "specs/net.yaml", "--format", output_format]
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert "specs/old.yaml:7" in printed.out
    assert "`channels` should be 24, and is 16" in printed.out
    assert "mended" in printed.out
    assert printed.err == "the status is 1: there are errors in `specs/old.yaml`\n"


@pytest.mark.parametrize(
    ("options", "statuses"),
    [
        ([], [0, 0, 0]),
        (["--exit-code"], [0, 1, 1]),
        (["--breaking", "numerics"], [0, 1, 1]),
        (["--breaking", "weights"], [0, 0, 1]),
        (["--breaking", "shape"], [0, 0, 0]),
    ],
)
def test_the_status(options: list[str], statuses: list[int], repository: Path) -> None:
    net = repository / "specs" / "net.yaml"
    numerics = NET.replace("padding: valid}", "padding: valid, act: relu}")
    weights = NET.replace("filters: 16", "filters: 24")
    for status, text in zip(statuses, (NET, numerics, weights), strict=True):
        net.write_text(text)
        assert main(["diff", "HEAD:specs/net.yaml", "specs/net.yaml", *options]) == status


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere:specs/net.yaml", "no revision `nowhere`"),
        ("HEAD:specs/other.yaml", "does not exist"),
        ("HEAD:../other.yaml", "leads out of the project"),
        ("-x:specs/net.yaml", "`-x` is not a revision"),
        ("--upload-pack=x:specs/net.yaml", "is not a revision"),
        ("HEAD:specs", "git cannot read this"),
        ("missing.yaml", "there is no such file"),
        (":specs/other.yaml", "git cannot read this"),
        ("HEAD", "write `HEAD:specs/net.yaml`"),
        ("HEAD~9", "there is no file and no spec `HEAD~9`"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_other_is_shown(
    target: str, said: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert repository.is_dir()
    assert main(["diff", "specs/net.yaml", "--", target]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert "total" in printed.out


def test_no_repository_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert main(["diff", "resnet_152", "HEAD:net.yaml"]) == 2
    assert "not a git repository" in capsys.readouterr().err


def test_a_spec_that_is_wrong_is_compared_as_far_as_it_goes(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = repository / "specs" / "net.yaml"
    net.write_text(NET.replace("filters: 16}", "filters: 24}\n    expect: {channels: 16}"))
    assert main(["diff", "HEAD:specs/net.yaml", "specs/net.yaml"]) == 1
    printed = capsys.readouterr()
    assert "! specs/net.yaml:7: AG501 `channels` should be 16, and is 24" in printed.out
    assert "16 -> 24" in printed.out


def test_a_spec_that_is_no_yaml_leaves_the_other(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "specs" / "net.yaml").write_text("archgen: 1\nname: [\n")
    assert main(["diff", "HEAD:specs/net.yaml", "specs/net.yaml"]) == 1
    printed = capsys.readouterr()
    assert "AG002" in printed.err
    assert "total" in printed.out


@pytest.mark.parametrize("output_format", ["markdown", "json", "html", "svg"])
def test_a_spec_that_is_no_yaml_leaves_the_other_in_every_format(
    output_format: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "specs" / "net.yaml").write_text("archgen: 1\nname: [\n")
    sides = ["HEAD:specs/net.yaml", "specs/net.yaml"]
    assert main(["diff", *sides, "--format", output_format]) == 1
    printed = capsys.readouterr()
    assert "AG002" in printed.err
    told = {"json": '"before": {', "markdown": "**Not compared:** `specs/net.yaml`"}
    assert told.get(output_format, "Not compared: specs/net.yaml") in printed.out


def test_a_file_is_written_whole_or_not_at_all_and_never_over_a_side(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = ["HEAD:specs/net.yaml", "specs/net.yaml", "--format", "svg"]
    assert main(["diff", *sides, "-o", "diff.svg"]) == 0
    assert (repository / "diff.svg").read_text().startswith("<svg ")
    assert main(["diff", *sides, "-o", "specs/net.yaml"]) == 2
    assert main(["diff", *sides, "-o", "missing/diff.svg"]) == 2
    assert (repository / "specs" / "net.yaml").read_text() == NET
    assert "stays as it is" in capsys.readouterr().err


def test_files_that_git_put_elsewhere_have_the_libraries_of_where_they_belong(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name, filters in (("old", "16"), ("new", "24")):
        (elsewhere / name).write_text(NET.replace("filters: 16", f"filters: {filters}"))
    files = [str(elsewhere / name) for name in ("old", "new")]
    found = document(capsys, *files, "--at", "specs/net.yaml")
    assert isinstance(found["changes"], list)
    assert [(c["part"], c["what"], c["after"]) for c in found["changes"]] == [
        ("stem", "filters", "24")
    ]
    assert repository.is_dir()


def test_without_a_layout_engine_one_line_names_the_extra(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert main(["diff", "specs/net.yaml", "specs/net.yaml", "--format", "html"]) == 2
    assert "pip install 'archgen[render]'" in capsys.readouterr().err
    assert repository.is_dir()


def test_markdown_fits_a_pull_request(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "specs" / "net.yaml").write_text(NET.replace("filters: 16", "filters: 24"))
    arguments = ["diff", "HEAD:specs/net.yaml", "specs/net.yaml", "--format", "markdown"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out.startswith("**Weight-breaking")
    assert "<details><summary>1 own change</summary>" in out
    assert out.count("```") == 2


def test_another_order_of_the_parts_of_a_split_is_other_numerics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    case = Path(__file__).parents[1] / "cases" / "diff-split-order"
    sides = [str(case / name) for name in ("a.yaml", "b.yaml")]
    assert main(["diff", *sides, "--breaking", "numerics"]) == 1
    out = capsys.readouterr().out
    assert "{p: 2, q: 2} -> {q: 2, p: 2}" in out
    assert "Numerics: the same weights and sizes, and other results." in out


def test_a_crash_of_the_engine_is_an_error_and_no_other_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts: list[str] = []

    def crashes_once(text: str, picture_format: str) -> bytes:
        texts.append(text)
        if len(texts) == 2:
            raise engine.CannotDraw("the layout engine failed: `dot` was killed by SIGSEGV")
        return engine.laid_out(text, picture_format)

    monkeypatch.setattr("archgen.diff.pictures.laid_out", crashes_once)
    assert main(["diff", "resnet_18", "alexnet", "--format", "svg"]) == 2
    told = capsys.readouterr()
    assert (told.out, len(texts)) == ("", 2)
    assert "killed by SIGSEGV" in told.err
