"""`archgen check`: which files it takes, what it prints, and how it ends."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import BROKEN, TINY, WARNED, Command
from tests.compiling import SPECS

Writer = Callable[..., Path]

RECIPE = """\
archgen: 1
recipe:
  optimizer: {name: adamw, lr: 0.005}
  batch: 64
  steps: 10
"""


def test_a_sound_spec_ends_with_0(archgen: Command, spec: Writer) -> None:
    assert archgen("check", str(spec())) == (0, "found no problems in 1 file\n", "")


def test_an_error_ends_with_1_and_is_shown_where_it_is(archgen: Command, spec: Writer) -> None:
    result = archgen("check", str(spec(BROKEN)))
    assert result.status == 1
    assert "error[AG301]: branches of a concat end on different grids" in result.out
    assert "--> tiny.yaml:15:11" in result.out
    assert result.out.endswith("\n\nfound 1 error in 1 file\n")
    assert result.err == ""


def test_a_warning_fails_only_when_strict(archgen: Command, spec: Writer) -> None:
    path = str(spec(WARNED))
    assert archgen("check", path).status == 0
    assert archgen("check", path, "--strict").status == 1
    assert "found 1 warning in 1 file" in archgen("check", path).out


def test_concise_is_a_line_for_each_finding(archgen: Command, spec: Writer) -> None:
    result = archgen("check", str(spec(BROKEN)), "--format", "concise")
    first, last = result.out.splitlines()
    assert first.startswith("tiny.yaml:15:11: error[AG301] ")
    assert last == "found 1 error in 1 file"


@pytest.mark.parametrize(("text", "status"), [(TINY, 0), (BROKEN, 1)])
def test_json_is_one_document_and_nothing_else(
    archgen: Command, spec: Writer, text: str, status: int
) -> None:
    result = archgen("check", str(spec(text)), "--format", "json")
    document = json.loads(result.out)
    assert result.status == status
    assert document["summary"]["errors"] == status
    assert result.err == ""


def test_github_is_a_workflow_command_for_each_finding(archgen: Command, spec: Writer) -> None:
    result = archgen("check", str(spec(BROKEN)), "--format", "github")
    assert result.out.startswith("::error title=AG301 grids-differ,file=tiny.yaml,line=15,")


def test_standard_input_is_checked(archgen: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BROKEN.encode())))
    result = archgen("check", "-", "--format", "concise")
    assert result.status == 1
    assert result.out.startswith("<stdin>:15:11: error[AG301]")


def test_a_name_is_a_spec_that_comes_with_archgen(archgen: Command) -> None:
    assert archgen("check", "inception_resnet_mini").status == 0


def test_a_slip_in_a_name_is_told_the_nearest(archgen: Command) -> None:
    result = archgen("check", "inceptoin_v4")
    assert result.status == 2
    assert "help: did you mean `inception_v4`, which comes with archgen?" in result.out


def test_a_file_here_comes_before_a_name(archgen: Command, spec: Writer) -> None:
    spec(BROKEN, "inception_v4")
    assert archgen("check", "inception_v4").status == 1


def test_a_missing_file_is_unreadable(archgen: Command, spec: Writer) -> None:
    spec()
    result = archgen("check", "tinny.yaml")
    assert result.status == 2
    assert "error[AG001]: there is no such file" in result.out
    assert "help: did you mean `tiny.yaml`?" in result.out


def test_a_file_that_is_not_text_is_unreadable(archgen: Command, folder: Path) -> None:
    (folder / "bytes.yaml").write_bytes(TINY.encode("utf-16"))
    result = archgen("check", "bytes.yaml")
    assert result.status == 2
    assert "the file is not UTF-8 text" in result.out


def test_an_unreadable_file_does_not_hide_the_others(archgen: Command, spec: Writer) -> None:
    result = archgen("check", "absent.yaml", str(spec(BROKEN)), "--format", "concise")
    assert result.status == 2
    assert "AG301" in result.out
    assert "found 2 errors in 2 files" in result.out


def test_a_folder_is_searched_for_specs_and_recipes(archgen: Command, spec: Writer) -> None:
    spec(BROKEN, "a/one.yaml")
    spec(BROKEN, "a/b/two.yml")
    spec(RECIPE.replace("steps", "step"), "a/recipe.yaml")
    spec("services: {}\n", "a/compose.yaml")
    spec(BROKEN, "a/.hidden/three.yaml")
    result = archgen("check", "a", "--format", "concise")
    places = [line.partition(":")[0] for line in result.out.splitlines()[:-1]]
    assert places == ["a/b/two.yml", "a/one.yaml", "a/recipe.yaml"]
    assert (
        result.err == "passed over a/compose.yaml: it is neither spec nor recipe nor weight map\n"
    )
    assert result.status == 1


def test_a_spec_that_is_no_yaml_is_not_passed_over(archgen: Command, spec: Writer) -> None:
    spec(TINY + "\t oops: [", "a/one.yaml")
    result = archgen("check", "a", "--format", "concise")
    assert result.status == 1
    assert result.out.startswith("a/one.yaml:")


@pytest.mark.parametrize("files", [{}, {"other.yaml": "services: {}\n"}, {"note.txt": "hello"}])
def test_a_folder_without_specs_is_said_to_be_one(
    archgen: Command, spec: Writer, folder: Path, files: dict[str, str]
) -> None:
    (folder / "a").mkdir()
    for name, text in files.items():
        spec(text, f"a/{name}")
    result = archgen("check", "a")
    assert result.status == 2
    assert "there are no specs in this folder" in result.out


def test_without_a_path_the_folder_specs_is_checked(archgen: Command, spec: Writer) -> None:
    spec(BROKEN, "specs/tiny.yaml")
    assert archgen("check").status == 1


def test_without_a_path_and_specs_the_usage_is_told(archgen: Command) -> None:
    result = archgen("check")
    assert (result.status, result.out) == (2, "")
    assert "name a file, a folder or a network: there is no folder `specs` here" in result.err


def test_a_finding_in_a_shared_library_is_told_once(archgen: Command, spec: Writer) -> None:
    library = "archgen: 1\nblocks:\n  cell: {body: [{conv: {filters: 4, kernel: 1, pad: 0}}]}\n"
    user = (
        "archgen: 1\nname: user\ninput: {channels: 3, grid: 8}\n"
        "use: {shared: blocks.yaml}\nnetwork: [shared.cell]\n"
    )
    spec(library, "a/blocks.yaml")
    spec(user, "a/one.yaml")
    spec(user, "a/two.yaml")
    result = archgen("check", "a", "a/one.yaml", "--format", "concise")
    assert result.out.count("AG105") == 1


def test_a_file_is_checked_once_however_it_is_named(archgen: Command, spec: Writer) -> None:
    path = spec()
    assert "in 1 file" in archgen("check", str(path), f"./{path}", str(path.resolve())).out


def test_as_printed_shows_what_the_paper_would_do(archgen: Command) -> None:
    result = archgen("check", "--as-printed", str(SPECS / "inception_resnet_v2.yaml"))
    assert result.status == 1
    assert result.out.startswith("as printed: 4 errata undone, ")
    assert "a residual adds 1154 channels to 1152" in result.out
    assert "a residual adds 2048 channels to 2144" in result.out


def test_as_printed_says_so_where_no_errata_are_recorded(archgen: Command, spec: Writer) -> None:
    result = archgen("check", "--as-printed", str(spec()))
    assert result.status == 0
    assert result.out.startswith("as printed: no errata are recorded")


def test_as_printed_leaves_json_a_document(archgen: Command, spec: Writer) -> None:
    result = archgen("check", "--as-printed", str(spec()), "--format", "json")
    assert json.loads(result.out)["diagnostics"] == []
    assert result.err.startswith("as printed: ")


def test_an_input_too_small_is_told_the_smallest(archgen: Command, spec: Writer) -> None:
    deep = TINY.replace(
        "  - global_avg_pool\n", "  - conv: {filters: 4, kernel: 9, padding: valid}\n"
    )
    result = archgen("check", str(spec(deep)))
    assert "error[AG304]" in result.out
    assert "the smallest input that this network takes is 9x9" in result.out


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        (("steps: 10", "stpes: 10"), "unknown key `stpes` in a recipe"),
        (("lr: 0.005", "lr: -1"), "`lr` must be above 0, and `-1` is not"),
        (("adamw", "adamww"), "`adamww` is none of sgd, adamw, rmsprop"),
        (("name: adamw, ", ""), "`optimizer` does not say which one it is"),
        (("64", '"64"'), "`batch` must be a whole number, and the text `64` is not"),
        (("  steps: 10\n", ""), "a recipe says either `steps` or `epochs`, and not both"),
        (("batch: 64", "batch: {a: 1}"), "`batch` must be a whole number, and this is not"),
        (("lr: 0.005", "lr: 0.005, beta: 1"), "unknown key `beta` in `optimizer`"),
        (("archgen: 1\n", ""), "the key `archgen` is missing here"),
        (("archgen: 1", "archgen: 1\nnotes: x"), "unknown key `notes` in a recipe file"),
        (("  batch: 64\n", ""), "the key `batch` is missing in a recipe"),
    ],
)
def test_a_slip_in_a_recipe_is_told_at_its_place(
    archgen: Command, spec: Writer, slip: tuple[str, str], words: str
) -> None:
    assert archgen("check", str(spec(RECIPE))).status == 0
    result = archgen("check", str(spec(RECIPE.replace(*slip))), "--format", "concise")
    assert result.status == 1
    assert words in result.out


def test_a_recipe_that_is_no_mapping_is_refused(archgen: Command, spec: Writer) -> None:
    result = archgen("check", str(spec("archgen: 1\nrecipe: 3\n")), "--format", "concise")
    assert result.status == 1
    assert "must be a mapping" in result.out
