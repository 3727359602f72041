"""Files and the libraries they use: kinds, versions, paths that may not be left, and cycles."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from archgen.diagnostics import Diagnostic, Findings, SpecError
from archgen.pipeline import Compilation, check
from archgen.spec.document import MAX_BYTES
from archgen.spec.files import SpecText, decode, read_spec, root_of
from archgen.spec.loader import load
from tests.compiling import compiled, findings

NETWORK = """
archgen: 1
name: net
input: {{channels: 3, grid: 8}}
use: {{lib: {path}}}
network:
  - lib.unit: {{width: 4}}
"""
LIBRARY = """
archgen: 1
blocks:
  unit:
    params: {width: int}
    body:
      - conv: {filters: width, kernel: 3, padding: same}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder that is a project, within another folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return path


def checked(folder: Path, path: str) -> Compilation:
    """A network in a project that uses a library by a path."""
    return check(read_spec(write(folder / "net.yaml", NETWORK.format(path=path))))


def only(compilation: Compilation) -> Diagnostic:
    (finding,) = [found for found in compilation.diagnostics if found.severity == "error"]
    return finding


def test_a_library_beside_the_spec_is_used(project: Path) -> None:
    write(project / "blocks" / "lib.yaml", LIBRARY)
    compilation = checked(project, "blocks/lib.yaml")
    shape = compilation.sound_network().output
    assert not compilation.diagnostics
    assert shape is not None
    assert (shape.channels, shape.height) == (4, 8)
    assert len(compilation.sources) == 2


def test_a_library_may_be_above_the_spec_within_the_project(project: Path) -> None:
    write(project / "lib.yaml", LIBRARY)
    compilation = checked(project / "nets", "../lib.yaml")
    assert not compilation.diagnostics


def test_a_library_that_two_aliases_name_is_loaded_once(project: Path) -> None:
    write(project / "lib.yaml", LIBRARY)
    text = NETWORK.format(path="lib.yaml, again: ./lib.yaml")
    file = load(read_spec(write(project / "net.yaml", text)), Findings())
    assert file is not None
    assert file.libraries["lib"] is file.libraries["again"]


def test_a_finding_in_a_library_points_into_the_library(project: Path) -> None:
    write(project / "lib.yaml", LIBRARY.replace("filters", "filtres"))
    finding = only(checked(project, "lib.yaml"))
    assert finding.span.source.endswith("lib.yaml")
    assert finding.span.start.line == 7


def test_a_path_out_of_the_project_is_refused(project: Path) -> None:
    write(project.parent / "lib.yaml", LIBRARY)
    finding = only(checked(project, "../lib.yaml"))
    assert finding.rule.code == "AG406"
    assert "outside `project`" in finding.message
    assert finding.span.start == (5, 12)


def test_a_file_outside_is_refused_the_same_whether_or_not_it_exists(project: Path) -> None:
    missing = only(checked(project, "../lib.yaml"))
    write(project.parent / "lib.yaml", LIBRARY)
    assert only(checked(project, "../lib.yaml")) == missing


def test_an_absolute_path_is_refused(project: Path) -> None:
    library = write(project / "lib.yaml", LIBRARY)
    finding = only(checked(project, str(library)))
    assert finding.rule.code == "AG406"


def test_a_link_out_of_the_project_is_refused(project: Path) -> None:
    outside = write(project.parent / "lib.yaml", LIBRARY)
    (project / "lib.yaml").symlink_to(outside)
    finding = only(checked(project, "lib.yaml"))
    assert finding.rule.code == "AG406"
    assert "outside" in finding.message


def test_a_linked_folder_out_of_the_project_is_refused(project: Path) -> None:
    write(project.parent / "other" / "lib.yaml", LIBRARY)
    (project / "inside").symlink_to(project.parent / "other")
    assert only(checked(project, "inside/lib.yaml")).rule.code == "AG406"


def test_links_in_a_circle_are_no_path(project: Path) -> None:
    (project / "a.yaml").symlink_to(project / "b.yaml")
    (project / "b.yaml").symlink_to(project / "a.yaml")
    assert only(checked(project, "a.yaml")).rule.code == "AG406"


def test_a_link_within_the_project_is_followed(project: Path) -> None:
    (project / "lib.yaml").symlink_to(write(project / "real.yaml", LIBRARY))
    assert not checked(project, "lib.yaml").diagnostics


def test_without_a_mark_the_folder_of_the_spec_is_the_project(tmp_path: Path) -> None:
    folder = tmp_path / "loose"
    write(tmp_path / "lib.yaml", LIBRARY)
    assert only(checked(folder, "../lib.yaml")).rule.code == "AG406"
    assert root_of(folder / "net.yaml") == folder.resolve()


def test_two_libraries_that_use_each_other_are_a_cycle(project: Path) -> None:
    write(project / "lib.yaml", LIBRARY.replace("blocks:", "use: {other: other.yaml}\nblocks:"))
    write(project / "other.yaml", LIBRARY.replace("blocks:", "use: {lib: lib.yaml}\nblocks:"))
    finding = only(checked(project, "lib.yaml"))
    assert finding.rule.code == "AG402"
    assert finding.span.source.endswith("other.yaml")


def test_a_library_that_uses_itself_is_a_cycle(project: Path) -> None:
    write(project / "lib.yaml", LIBRARY.replace("blocks:", "use: {me: lib.yaml}\nblocks:"))
    finding = only(checked(project, "lib.yaml"))
    assert finding.rule.code == "AG402"
    assert "`lib.yaml` uses itself" in finding.message


def test_a_missing_library_is_told_with_the_nearest_name(project: Path) -> None:
    write(project / "library.yaml", LIBRARY)
    finding = only(checked(project, "libary.yaml"))
    assert finding.rule.code == "AG406"
    assert "there is no such file" in finding.message
    assert "library.yaml" in finding.help


def test_a_folder_is_no_library(project: Path) -> None:
    (project / "blocks").mkdir()
    finding = only(checked(project, "blocks"))
    assert finding.rule.code == "AG406"
    assert "not a regular file" in finding.message


@pytest.mark.parametrize("path", ["[a, b]", "{a: b}", "''"])
def test_a_use_that_is_no_path_is_refused(project: Path, path: str) -> None:
    assert only(checked(project, path)).rule.code == "AG007"


def test_a_path_with_a_null_character_is_no_path(project: Path) -> None:
    assert only(checked(project, r'"a\0b"')).rule.code == "AG406"


def test_a_network_is_no_library(project: Path) -> None:
    write(project / "lib.yaml", NETWORK.format(path="x.yaml"))
    finding = only(checked(project, "lib.yaml"))
    assert finding.rule.code == "AG111"


def test_a_library_that_is_not_utf_8_is_told_where(project: Path) -> None:
    (project / "lib.yaml").write_bytes(b"archgen: 1\nnote: \xff\n")
    finding = only(checked(project, "lib.yaml"))
    assert finding.rule.code == "AG406"
    assert "not UTF-8" in finding.message


def test_an_unknown_block_of_a_library_is_told_with_the_nearest(project: Path) -> None:
    write(project / "lib.yaml", LIBRARY.replace("unit", "units"))
    finding = only(checked(project, "lib.yaml"))
    assert finding.rule.code == "AG103"
    assert finding.help == "did you mean `lib.units`?"


def test_a_step_that_names_no_library_is_an_unknown_op() -> None:
    text = "archgen: 1\nname: n\ninput: {channels: 3, grid: 8}\nnetwork:\n  - other.unit: {}\n"
    (finding,) = findings(text)
    assert finding.rule.code == "AG103"


# --- one file ---------------------------------------------------------------------------------


def test_a_file_that_is_not_utf_8_is_told_where() -> None:
    with pytest.raises(SpecError) as raised:
        decode(b"archgen: 1\nnote: \xe9\n", "spec.yaml")
    (finding,) = raised.value.diagnostics
    assert finding.rule.code == "AG001"
    assert finding.span.start == (2, 7)
    assert "0xe9" in finding.message


def test_a_byte_order_mark_at_the_start_is_passed_over() -> None:
    assert decode(b"\xef\xbb\xbfarchgen: 1\n", "spec.yaml") == "archgen: 1\n"


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(SpecError, match="larger than 4 MiB"):
        decode(b" " * (MAX_BYTES + 1), "spec.yaml")


def test_a_missing_spec_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path / "network.yaml", "archgen: 1\n")
    with pytest.raises(SpecError) as raised:
        read_spec(tmp_path / "netwrok.yaml")
    (finding,) = raised.value.diagnostics
    assert finding.rule.code == "AG001"
    assert "network.yaml" in finding.help


def test_a_folder_is_no_spec(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="not a regular file"):
        read_spec(tmp_path)


def test_a_newer_language_is_the_only_finding() -> None:
    (finding,) = findings("archgen: 2\nname: 7\nnetwrok: []\nbrand_new: {}\n")
    assert finding.rule.code == "AG110"
    assert finding.span.start == (1, 10)
    assert "needs archgen 2" in finding.message


@pytest.mark.parametrize("version", ["one", "0", "1.0", "true", '"1"', "-1"])
def test_what_is_no_version_is_told_so(version: str) -> None:
    text = f"archgen: {version}\nname: n\ninput: {{channels: 3, grid: 8}}\nnetwork: [flatten]\n"
    (finding,) = findings(text)
    assert finding.rule.code == "AG007"
    assert finding.help == "write `archgen: 1`"


def test_a_missing_version_is_a_missing_key() -> None:
    (finding,) = findings("name: n\ninput: {channels: 3, grid: 8}\nnetwork: [flatten]\n")
    assert finding.rule.code == "AG102"
    assert "`archgen`" in finding.message


def test_a_recipe_is_of_another_kind() -> None:
    (finding,) = findings("archgen: 1\nrecipe: quick\n")
    assert finding.rule.code == "AG111"
    assert "is a training recipe" in finding.message


def test_a_file_that_does_not_tell_its_kind_is_told_what_to_write() -> None:
    (finding,) = findings("archgen: 1\nname: n\n")
    assert finding.rule.code == "AG111"
    assert "`network:`" in finding.help


def test_a_misspelt_kind_is_told_with_the_right_one() -> None:
    (finding,) = findings("archgen: 1\nname: n\nnetwrok: []\n")
    assert finding.rule.code == "AG101"
    assert finding.help == "did you mean `network`?"


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_an_empty_file_is_told_how_to_begin(text: str) -> None:
    (finding,) = findings(text)
    assert finding.rule.code == "AG007"
    assert finding.help == "begin with `archgen: 1`"


@pytest.mark.parametrize("text", ["- a\n", "just a text\n", "3\n"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    (finding,) = findings(text)
    assert finding.rule.code == "AG007"


def test_a_library_checks_on_its_own_but_is_no_network() -> None:
    compilation = compiled(LIBRARY)
    assert not compilation.diagnostics
    with pytest.raises(SpecError, match="library of blocks"):
        compilation.sound_network()


def test_a_text_without_a_path_may_use_files_of_the_folder_it_stands_in(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project / "lib.yaml", LIBRARY)
    monkeypatch.chdir(project)
    text = dedent(NETWORK.format(path="lib.yaml"))
    assert not check(SpecText("-", text)).diagnostics
