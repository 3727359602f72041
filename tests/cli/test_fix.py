"""`archgen check --fix` and `--diff`: what is put right, what never is, and how files are treated."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from archgen.cli import checking, fixing
from archgen.cli.explain import EXPLANATIONS
from archgen.diagnostics import only_near
from tests.cli.conftest import BROKEN, TINY, WARNED, Command

Writer = Callable[..., Path]

NET = """\
archgen: 1
name: net
input: {channels: 3, grid: 9}
defaults: {conv: {padding: same}}
network:
  - conv: {filters: 8, kernel: 3}   # the stem
"""
LIBRARY = """\
archgen: 1
blocks:
  cell:
    body:
      - conv: {filters: 8, kernel: 3, padding: same}
"""


def last_step(step: str) -> str:
    """A sound network up to one further step."""
    return f"{NET}  - {step}\n"


FIXED = {
    "conv: {filtres: 8, kernel: 1}": "conv: {filters: 8, kernel: 1}",
    'conv: {"filtres": 8, kernel: 1}': "conv: {filters: 8, kernel: 1}",
    "cnov: {filters: 8, kernel: 1}": "conv: {filters: 8, kernel: 1}",
    "conv: {out_channels: 8, kernel_size: 1}": "conv: {filters: 8, kernel: 1}",
    "conv: {filters: 8, kernel: 1 x 7}": "conv: {filters: 8, kernel: 1x7}",
    "conv: {filters: 8, kernel: '1X7'}": "conv: {filters: 8, kernel: 1x7}",
    "conv: {filters: 8, kernel: 3, padding: vaild}": "conv: {filters: 8, kernel: 3, padding: valid}",
    "conv: {filters: 8, kernel: 1, bias: no}": "conv: {filters: 8, kernel: 1, bias: false}",
    "conv: {filters: 8, kernel: 1, bias: flase}": "conv: {filters: 8, kernel: 1, bias: false}",
    "conv: {filters: 8, kernel: 1, act: rleu}": "conv: {filters: 8, kernel: 1, act: relu}",
    "conv: {filters: 8, kernel: 1, act: swish}": "conv: {filters: 8, kernel: 1, act: silu}",
    "conv: {filters: 8, kernel: 1, norm: bn}": "conv: {filters: 8, kernel: 1, norm: batch}",
    "conv: {filters: here.chanels, kernel: 1}": "conv: {filters: here.channels, kernel: 1}",
    "conv: {filters: max(8, 16), kernel: 1}": 'conv: {filters: "max(8, 16)", kernel: 1}',
    "conv: {filters: max(8, min(4, 16)), kernel: 1}": 'conv: {filters: "max(8, min(4, 16))", kernel: 1}',
    "conv: {filters: 8, kernel:1}": "conv: {filters: 8, kernel: 1}",
    "conv:{filters: 8, kernel: 1}": "conv: {filters: 8, kernel: 1}",
    "relu": "act: relu",
    "conv: {filters: 8, kernel: 1}\n    expct: {channels: 8}": (
        "conv: {filters: 8, kernel: 1}\n    expect: {channels: 8}"
    ),
    "conv: {filters: 8, kernel: 1}\n    whne: true": "conv: {filters: 8, kernel: 1}\n    when: true",
    "conv: {filters: 8, kernel: 1}\n    when: >in.grid": None,
    "conv: {filters: 8, kernel: 1}\n    from: conv_3": None,
    "conv: {filters: 8, kernel: 3, stride: 2}": None,
    "conv: {filters: 8, kernel: 1, padding: same, pading: valid}": None,
    "conv: {filters: 8 / 2, kernel: 1}": None,
    "conv: {filters: 8, kernel: 1, norm: true}": None,
    "conv: {filters: 8, kernel: 99, padding: valid}": None,
    "conv: {in_channels: 3, filters: 8, kernel: 1}": None,
}


@pytest.mark.parametrize("step", [step for step, fixed in FIXED.items() if fixed is not None])
def test_a_slip_of_the_pen_is_put_right(step: str, archgen: Command, spec: Writer) -> None:
    path = spec(last_step(step))
    result = archgen("check", "--fix", str(path))
    assert path.read_text() == last_step(FIXED[step] or "")
    assert result.status == 0, result.out
    assert result.out.startswith(f"fixed {path}:")


@pytest.mark.parametrize("step", [step for step, fixed in FIXED.items() if fixed is None])
def test_what_is_not_certain_stays(step: str, archgen: Command, spec: Writer) -> None:
    path = spec(last_step(step))
    before = path.stat().st_mtime_ns
    result = archgen("check", "--fix", str(path))
    assert path.read_text() == last_step(step)
    assert path.stat().st_mtime_ns == before
    assert result.status == 1
    assert "fixed" not in result.out


@pytest.mark.parametrize("text", [TINY, BROKEN, WARNED])
def test_shapes_and_unused_parts_are_never_edited(
    text: str, archgen: Command, spec: Writer
) -> None:
    path = spec(text)
    assert archgen("check", "--fix", str(path)).out == archgen("check", str(path)).out
    assert path.read_text() == text


def test_each_fix_is_told_with_its_place_and_words(archgen: Command, spec: Writer) -> None:
    path = spec(last_step("conv: {filtres: 8, kernel: 3, padding: vaild}"))
    lines = archgen("check", "--fix", str(path)).out.splitlines()
    assert lines[:2] == [
        "fixed tiny.yaml:7:12: filtres -> filters",
        "fixed tiny.yaml:7:44: padding: vaild -> valid",
    ]
    assert lines[-1] == "found no problems in 1 file"


def test_fixing_twice_changes_nothing_more(archgen: Command, spec: Writer) -> None:
    path = spec(last_step("cnov: {filtres: max(8, 4), kernel: 1 x 1}"))
    archgen("check", "--fix", str(path))
    once = path.read_text()
    assert archgen("check", "--fix", str(path)).out == "found no problems in 1 file\n"
    assert path.read_text() == once


def test_what_is_left_decides_the_status(archgen: Command, spec: Writer) -> None:
    path = spec(last_step("conv: {filtres: 8, kernel: 99, padding: vaild}"))
    result = archgen("check", "--fix", str(path))
    assert result.status == 1
    assert "error[AG304]" in result.out
    assert "padding: valid" in path.read_text()


def test_two_slips_that_mean_one_key_are_not_both_put_right(archgen: Command, spec: Writer) -> None:
    path = spec(last_step("conv: {filtres: 8, fliters: 4, kernel: 1}"))
    result = archgen("check", "--fix", str(path))
    assert result.status == 1
    assert path.read_text() == last_step("conv: {filters: 8, fliters: 4, kernel: 1}")


def test_comments_line_ends_and_the_byte_order_mark_stay(archgen: Command, folder: Path) -> None:
    path = folder / "windows.yaml"
    text = last_step("conv: {filtres: 8,   kernel: 3}  # größer \u2028").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert archgen("check", "--fix", "windows.yaml").status == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + text.replace("filtres", "filters").encode()


def test_a_file_without_a_last_line_end_gets_none(archgen: Command, spec: Writer) -> None:
    path = spec(last_step("conv: {filtres: 8, kernel: 3}").rstrip("\n"))
    archgen("check", "--fix", str(path))
    assert path.read_text() == last_step("conv: {filters: 8, kernel: 3}").rstrip("\n")


def test_an_indentation_of_tabs_becomes_spaces(archgen: Command, spec: Writer) -> None:
    lines = NET.replace("  - conv", "\t- conv").rstrip() + "\n\t- concat:\n"
    lines += "\t\t\ta: [{conv: {filters: 8, kernel: 1}}]\n\t\t\tb: []\n"
    path = spec(lines)
    result = archgen("check", "--fix", str(path))
    assert result.status == 0, result.out
    assert path.read_text() == lines.replace("\t", " " * 4)
    assert "indent with spaces" in result.out


def test_tabs_among_spaces_are_nobodys_guess(archgen: Command, spec: Writer) -> None:
    text = NET + "\t- act: relu\n"
    path = spec(text)
    assert archgen("check", "--fix", str(path)).status == 1
    assert path.read_text() == text


def test_permissions_stay(archgen: Command, spec: Writer) -> None:
    path = spec(last_step("cnov: {filters: 8, kernel: 1}"))
    path.chmod(0o640)
    archgen("check", "--fix", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "cnov" not in path.read_text()


def test_a_link_stays_a_link(archgen: Command, spec: Writer, folder: Path) -> None:
    path = spec(last_step("cnov: {filters: 8, kernel: 1}"))
    (folder / "link.yaml").symlink_to(path)
    assert archgen("check", "--fix", "link.yaml").status == 0
    assert (folder / "link.yaml").is_symlink()
    assert "cnov" not in path.read_text()


def test_a_read_only_file_is_one_line_and_the_others_are_fixed(
    archgen: Command, spec: Writer
) -> None:
    text = last_step("cnov: {filters: 8, kernel: 1}")
    locked, free = spec(text, "locked.yaml"), spec(text, "free.yaml")
    locked.chmod(0o444)
    result = archgen("check", "--fix", str(locked), str(free))
    assert result.status == 2
    assert result.err == "error: `locked.yaml` cannot be written: it is read-only\n"
    assert locked.read_text() == text
    assert "cnov" not in free.read_text()
    assert "locked.yaml:7:5" in result.out


def test_a_file_that_changed_meanwhile_stays(
    archgen: Command, spec: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = spec(last_step("cnov: {filters: 8, kernel: 1}"))
    check = checking.check_file

    def meddling(*arguments: object) -> object:
        path.write_text(TINY)
        return check(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fixing, "check_file", meddling)
    result = archgen("check", "--fix", str(path))
    assert result.status == 2
    assert "was changed by somebody else meanwhile" in result.err
    assert path.read_text() == TINY


def test_a_library_is_fixed_only_where_it_is_named(archgen: Command, spec: Writer) -> None:
    broken = LIBRARY.replace("filters", "filtres")
    library = spec(broken, "lib.yaml")
    main = spec(NET.replace("defaults", "use: {lib: lib.yaml}\ndefaults") + "  - lib.cell\n")
    result = archgen("check", "--fix", str(main))
    assert result.status == 1
    assert library.read_text() == broken
    assert archgen("check", "--fix", str(main), str(library)).status == 0
    assert library.read_text() == LIBRARY


def test_a_name_from_a_library_that_is_fixed_too(archgen: Command, spec: Writer) -> None:
    library = spec(LIBRARY.replace("blocks:", "blcoks:"), "lib.yaml")
    text = NET.replace("defaults", "use: {lib: lib.yaml}\ndefaults") + "  - lib.cel\n"
    main = spec(text)
    assert archgen("check", "--fix", str(main), str(library)).status == 1
    assert (library.read_text(), main.read_text()) == (LIBRARY, text)  # the use or the definition?
    assert archgen("check", "--fix", "--unsafe-fixes", str(main), str(library)).status == 0
    assert main.read_text() == text.replace("lib.cel\n", "lib.cell\n")


def test_a_recipe_is_fixed_too(archgen: Command, spec: Writer) -> None:
    recipe = (
        "archgen: 1\nrecipe:\n  optimizer: {name: adamw, lr: 0.005}\n  bacth: 64\n  steps: 10\n"
    )
    path = spec(recipe, "recipe.yaml")
    assert archgen("check", "--fix", str(path)).status == 0
    assert path.read_text() == recipe.replace("bacth", "batch")


def test_an_anchor_is_not_lost(archgen: Command, spec: Writer) -> None:
    step = "conv: {filters: 8, kernel: 1, padding: &p vaild}\n  - conv: {filters: 8, kernel: 1, padding: *p}"
    path = spec(last_step(step))
    archgen("check", "--fix", str(path))
    assert path.read_text() == last_step(step)


@pytest.mark.parametrize("option", ["--fix", "--diff"])
def test_standard_input_is_refused(
    option: str, archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NET.encode())))
    result = archgen("check", option, "-")
    assert result.status == 2
    assert "--fix mends files: name one in the place of `-`" in result.err


def test_a_spec_as_printed_is_refused(archgen: Command, spec: Writer) -> None:
    result = archgen("check", "--fix", "--as-printed", str(spec()))
    assert result.status == 2
    assert "leave out --as-printed" in result.err


def test_a_diff_shows_the_fixes_and_writes_nothing(archgen: Command, spec: Writer) -> None:
    text = last_step("conv: {filtres: 8, kernel: 1}")
    path = spec(text)
    result = archgen("check", "--diff", str(path))
    assert result.status == 1
    lines = result.out.splitlines()
    assert lines[:2] == ["--- tiny.yaml", "+++ tiny.yaml"]
    assert "-  - conv: {filtres: 8, kernel: 1}" in lines
    assert "+  - conv: {filters: 8, kernel: 1}" in lines
    assert result.err == "1 fix to make; nothing was written\n"
    assert path.read_text() == text


def test_a_diff_of_a_sound_spec_is_empty(archgen: Command, spec: Writer) -> None:
    result = archgen("check", "--diff", str(spec()))
    assert result == (0, "", "0 fixes to make; nothing was written\n")


def test_json_is_one_document_with_what_is_left(archgen: Command, spec: Writer) -> None:
    path = spec(last_step("conv: {filtres: 8, kernel: 99, padding: valid}"))
    result = archgen("check", "--fix", str(path), "--format", "json")
    (left,) = json.loads(result.out)["diagnostics"]
    assert left["code"] == "AG304"
    assert result.err == "fixed tiny.yaml:7:12: filtres -> filters\n"


def test_json_tells_a_spelling_fix_as_an_edit(archgen: Command, spec: Writer) -> None:
    path = spec(last_step("conv: {filtres: 8, kernel: 1}"))
    result = archgen("check", str(path), "--format", "json")
    (fix,) = json.loads(result.out)["diagnostics"][0]["fixes"]
    assert fix["applicability"] == "safe"
    assert fix["edits"] == [
        {
            "source": "tiny.yaml",
            "start": {"line": 7, "column": 12},
            "end": {"line": 7, "column": 19},
            "text": "filters",
        }
    ]


@pytest.mark.parametrize(
    "code", sorted(p.name for p in EXPLANATIONS.iterdir() if (p / "fails.yaml").exists())
)
def test_fixing_an_example_never_makes_it_worse(code: str, archgen: Command, spec: Writer) -> None:
    data = (EXPLANATIONS / code / "fails.yaml").read_bytes()
    path = spec("", "fails.yaml")
    for other in (EXPLANATIONS / code).glob("*.yaml"):
        Path(other.name).write_bytes(other.read_bytes())
    before = archgen("check", str(path), "--format", "concise").out.count("[AG")
    archgen("check", "--fix", str(path))
    after = archgen("check", str(path), "--format", "concise")
    assert after.out.count("[AG") <= before
    if path.read_bytes() != data:
        assert f"[{code}]" not in after.out
    assert not list(Path().glob("*.tmp"))


@pytest.mark.parametrize(
    ("word", "legal", "near"),
    [
        ("filtres", ["filters", "kernel"], "filters"),
        ("conv_3", ["conv_2", "pool"], None),
        ("aa", ["a"], None),
        ("stm", ["stem", "stim"], None),
        ("padding", [], None),
    ],
)
def test_only_a_word_beyond_doubt_is_certain(word: str, legal: list[str], near: str | None) -> None:
    assert only_near(word, legal) == near
