"""`extends:`: each edit hits one place and changes something, and the rest is the base's."""

from __future__ import annotations

from pathlib import Path

import pytest

from archgen.diagnostics import Diagnostic
from archgen.pipeline import Compilation, check
from archgen.resolve.printer import print_spec
from archgen.spec.files import read_spec
from archgen.spec.loader import MAX_EXTENDED
from archgen.spec.patching import applied
from tests.compiling import compiled, source_of

BASE = """\
archgen: 1
name: base
note: the base
input: {channels: 3, grid: 32}
defaults: {conv: {padding: same, act: relu}}
params: {classes: {type: int, default: 10}}
blocks:
  unit:
    body:
      - concat:
          left:
            - conv: {filters: 4, kernel: 1}
          right:
            - conv: {filters: 4, kernel: 3}
            - conv: {filters: 8, kernel: 3}
network:
  - conv: {filters: 16, kernel: 3}
    id: first
  - unit
  - conv: {filters: 8, kernel: 1}
  - conv: {filters: 8, kernel: 1}
  - global_avg_pool
  - dropout: 0.5
  - linear: {features: classes}
expect: {params: 1}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with the base."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


def extension(folder: Path, *edits: str, more: str = "", base: str = "base.yaml") -> Compilation:
    """What comes of a file with these edits."""
    path = folder / "own.yaml"
    lines = "".join(f"  - {{{edit}}}\n" for edit in edits)
    body = f"edit:\n{lines}" if edits else ""
    path.write_text(f"archgen: 1\nname: own\nextends: {base}\n{body}{more}")
    return check(read_spec(path, "own.yaml"))


def only(found: Compilation) -> Diagnostic:
    (finding,) = found.diagnostics
    return finding


# an edit, and the same network written out
EDITS = [
    ("at: network.first.filters, set: 24", ("filters: 16, kernel: 3", "filters: 24, kernel: 3")),
    ("at: network.first.conv.filters, set: 24", ("filters: 16,", "filters: 24,")),
    (
        "at: network.first.stride, set: 1x2",
        ("filters: 16, kernel: 3", "filters: 16, kernel: 3, stride: 1x2, padding: 1"),
    ),
    (
        "at: network.2.filters, set: 9",
        ("  - conv: {filters: 8, kernel: 1}\n", "  - conv: {filters: 9, kernel: 1}\n"),
    ),
    ("at: network.unit.repeat, set: 2", ("  - unit\n", "  - unit: {}\n    repeat: 2\n")),
    ("at: network.dropout.dropout, set: 0.25", ("dropout: 0.5", "dropout: 0.25")),
    ("at: network.dropout, remove: true", ("  - dropout: 0.5\n", "")),
    ("at: network.dropout, set: {act: relu6}", ("dropout: 0.5", "act: relu6")),
    ("at: network.unit, after: [act: tanh]", ("  - unit\n", "  - unit\n  - act: tanh\n")),
    (
        "at: network.first, before: [pad: 1, act: tanh]",
        ("network:\n", "network:\n  - pad: 1\n  - act: tanh\n"),
    ),
    ("at: defaults.conv.act, set: silu", ("act: relu}", "act: silu}")),
    (
        "at: defaults.linear, set: {bias: false}",
        ("act: relu}}", "act: relu}, linear: {bias: false}}"),
    ),
    ("at: params.classes.default, set: 5", ("default: 10", "default: 5")),
    ("at: input.grid, set: 48", ("grid: 32", "grid: 48")),
    (
        "at: blocks.unit.body.concat.right.0.filters, set: 6",
        (
            "          right:\n            - conv: {filters: 4,",
            "          right:\n            - conv: {filters: 6,",
        ),
    ),
    (
        "at: blocks.unit.body.concat.left, set: []",
        ("\n            - conv: {filters: 4, kernel: 1}", " []"),
    ),
    (
        "at: blocks.unit.body.concat.third, set: [act: relu]",
        ("network:", "          third: [act: relu]\nnetwork:"),
    ),
]


@pytest.mark.parametrize(("edit", "change"), EDITS, ids=[edit for edit, _ in EDITS])
def test_an_edit_is_what_writing_the_network_out_is(
    folder: Path, edit: str, change: tuple[str, str]
) -> None:
    edits = [edit]
    if "stride" in edit:
        edits.append("at: network.first.padding, set: 1")
    found = extension(folder, *edits)
    assert found.diagnostics == ()
    old, new = change
    assert old in BASE
    written = BASE.replace("name: base", "name: own").replace("expect: {params: 1}\n", "")
    whole = compiled(written.replace(old, new, 1)).sound_network()
    own = found.sound_network()
    printed = [print_spec(n.network, n.block.arguments) for n in (own, whole)]
    assert printed[0] == printed[1]


def test_the_claims_of_the_base_are_not_those_of_the_extension(folder: Path) -> None:
    found = extension(folder, "at: network.dropout, remove: true")
    assert found.diagnostics == ()
    assert only(check(read_spec(folder / "base.yaml"))).rule.code == "AG501"
    wrong = extension(folder, "at: network.dropout, remove: true", more="expect: {params: 2}\n")
    assert only(wrong).span.source == "own.yaml"


def test_a_finding_in_an_edit_points_at_the_edit_and_one_in_the_base_at_the_base(
    folder: Path,
) -> None:
    finding = only(extension(folder, "at: network.first.filters, set: 0"))
    assert (finding.rule.code, finding.span.source, finding.span.start) == (
        "AG107",
        "own.yaml",
        (5, 38),
    )
    found = extension(
        folder, "at: network.first.kernel, set: 64", "at: defaults.conv.padding, set: valid"
    )
    labels = [label.span for finding in found.diagnostics for label in finding.labels]
    assert ("own.yaml", (5, 37)) in [(span.source, span.start) for span in labels]
    assert set(found.sources) == {"own.yaml", str(folder / "base.yaml")}


def test_warnings_are_acknowledged_by_both_files(folder: Path) -> None:
    text = BASE.replace("name: base", "name: base\nallow: AG308").replace(
        "expect: {params: 1}\n", ""
    )
    (folder / "base.yaml").write_text(
        text.replace("filters: 16, kernel: 3", "filters: 16, kernel: 3, stride: 2, padding: valid")
    )
    assert extension(folder, "at: params.classes.default, set: 5").diagnostics == ()
    edit = "at: network.2, set: {conv: {filters: 4, kernel: 3, stride: 2, padding: valid}}"
    assert only(extension(folder, "at: input.grid, set: 34", edit)).rule.code == "AG308"
    assert not extension(
        folder, "at: input.grid, set: 34", edit, more="allow: [AG308]\n"
    ).diagnostics


MISSES = [
    ("at: network.frist.filters, set: 1", "AG412", "there is no `frist`", "did you mean `first`?"),
    ("at: network.conv.filters, set: 1", "AG412", "`conv` is 2 steps", "write its number: 2, 3"),
    ("at: network.9.filters, set: 1", "AG412", "there is no step 9", "write 6 or less"),
    (
        "at: network.first.filter.x, set: 1",
        "AG412",
        "there is no `filter`",
        "did you mean `filters`?",
    ),
    ("at: network.first.filters.x, set: 1", "AG412", "inside `16`", "`set` the whole value"),
    (
        "at: network.first.norm, remove: true",
        "AG412",
        "there is no `norm`",
        "there is filters, kernel",
    ),
    ("at: blocks.unit, before: [act: relu]", "AG412", "is no step", "name a step"),
    ("at: nowhere.first, set: 1", "AG412", "there is no `nowhere`", ""),
    ("at: '', set: 1", "AG101", "unknown key ``", ""),
    ("at: ., set: 1", "AG412", "a name is missing", "write keys with dots"),
    ("at: name, set: other", "AG412", "`name` of the base is not taken over", "write `name:`"),
    ("at: expect.params, set: 2", "AG412", "`expect` of the base is not", "or leave it out"),
    ("at: network, remove: true", "AG102", "the key `network` is missing", ""),
    ("at: network.first.filters, set: 16", "AG413", "changes nothing", "remove it"),
    (
        "at: network.first.filters",
        "AG107",
        "one of `set`, `remove`, `before`, `after`",
        "set: VALUE",
    ),
    ("at: network.first.filters, set: 1, remove: true", "AG107", "one of", ""),
    ("at: network.first.filters, remove: false", "AG107", "one of", ""),
    ("at: network.first.filters, sett: 1", "AG101", "unknown key `sett`", "did you mean `set`?"),
    ("set: 1", "AG102", "the key `at` is missing", ""),
    (
        "at: network.first.filtres, set: 1",
        "AG105",
        "no setting `filtres`",
        "did you mean `filters`?",
    ),
]


@pytest.mark.parametrize(
    ("edit", "code", "words", "help"), MISSES, ids=[case[0] for case in MISSES]
)
def test_an_edit_that_hits_no_single_place_is_refused(
    folder: Path, edit: str, code: str, words: str, help: str
) -> None:
    found = extension(folder, edit).diagnostics
    assert found[0].rule.code == code
    assert found[0].span.source == "own.yaml"
    assert words in found[0].message
    assert help in found[0].help


EXPECTING = BASE.replace("id: first\n", "id: first\n    expect: {channels: 16}\n")


@pytest.mark.parametrize(
    ("edit", "code", "column", "help"),
    [
        ("at: network.frist.filters, set: 1", "AG412", 18, "did you mean `first`?"),
        ("at: network.first.expcet.channels, set: 1", "AG412", 24, "did you mean `expect`?"),
        ("at: network.first.expect.hannels, set: 1", "AG101", 31, "did you mean `channels`?"),
        ("at: network.unit.expect.channels, set: 1", "AG412", 23, "`set` it whole: `{at: "),
        ("at: network.first..expect, set: 1", "AG412", 10, "mean `network.first.expect`?"),
        ("at: blocks.unit.boddy, set: []", "AG101", 22, "did you mean `body`?"),
        ("at: blocks.unit.expect.grid, set: 1", "AG412", 22, "network.unit.expect"),
        ("at: input.grdi, set: 64", "AG101", 16, "did you mean `grid`?"),
        ("t: network.first.kernel, set: 1", "AG101", 6, "did you mean `at`?"),
        ("at: network.first.kernel, et: 1", "AG101", 32, "did you mean `set`?"),
    ],
)
def test_a_slip_in_an_edit_is_one_finding_at_its_own_word(
    folder: Path, edit: str, code: str, column: int, help: str
) -> None:
    (folder / "base.yaml").write_text(EXPECTING)
    # the network without the edit is not the one that is meant, and with it the sum is right
    more = "expect: {params: 1274}\n"
    finding = only(extension(folder, edit, more=more))
    assert (finding.rule.code, finding.span.start) == (code, (5, column))
    assert help.replace("network.unit.expect", "") in finding.help


def test_every_edit_that_misses_is_told_but_for_what_a_lost_one_would_have_brought(
    folder: Path,
) -> None:
    found = extension(
        folder,
        "at: network.frist, after: [{conv: {filters: 3, kernel: 3}, id: fresh}]",
        "at: network.fresh.filters, set: 4",
        "at: network.untie.repeat, set: 2",
    )
    assert [(f.rule.code, f.span.start.line) for f in found.diagnostics] == [
        ("AG412", 5),
        ("AG412", 7),
    ]


def test_an_edit_of_what_an_earlier_one_removed_shows_that_one(folder: Path) -> None:
    edits = ("at: network.dropout, remove: true", "at: network.dropout.rate, set: 0.1")
    finding = only(extension(folder, *edits))
    assert (finding.rule.code, finding.span.start) == ("AG412", (6, 18))
    (label,) = finding.labels
    assert (label.span.start, label.text) == ((5, 10), "this edit has removed it")


def test_the_fix_of_a_path_mends_its_one_word(folder: Path) -> None:
    finding = only(extension(folder, "at: 'network.frist.filters', set: 24"))
    (fix,) = finding.fixes
    text = (folder / "own.yaml").read_text()
    assert "at: 'network.first.filters'" in applied(text, fix.edits)


def test_a_path_with_escapes_is_refused(folder: Path) -> None:
    finding = only(extension(folder, r'at: "network.f\x69rst.filters", set: 24'))
    assert "as it is, on one line" in finding.message


def test_errata_of_a_list_are_edited_by_their_numbers(folder: Path) -> None:
    erratum = "{field: kernel, printed: 4, why: it is even}"
    (folder / "base.yaml").write_text(
        BASE.replace("id: first\n", f"id: first\n    errata: [{erratum}]\n")
    )
    assert extension(folder, "at: network.first.errata.0.printed, set: 6").diagnostics == ()
    wrong = only(extension(folder, "at: network.first.errata.0.prnited, set: 6"))
    assert (wrong.rule.code, wrong.help) == ("AG101", "did you mean `printed`?")


def test_edits_without_a_base_ask_for_it(folder: Path) -> None:
    (folder / "own.yaml").write_text("archgen: 1\nname: own\nedit: []\n")
    finding = only(check(read_spec(folder / "own.yaml", "own.yaml")))
    assert (finding.rule.code, finding.span.start) == ("AG102", (3, 1))
    assert "`extends`" in finding.message


def test_a_misspelt_extends_is_told_as_that(folder: Path) -> None:
    (folder / "own.yaml").write_text("archgen: 1\nname: own\nxetends: base.yaml\n")
    finding = only(check(read_spec(folder / "own.yaml", "own.yaml")))
    assert (finding.rule.code, finding.help) == ("AG101", "did you mean `extends`?")


def test_the_text_of_a_base_that_cannot_be_read_is_at_hand(folder: Path) -> None:
    (folder / "base.yaml").write_text("archgen: 1\nname: [\n")
    found = extension(folder)
    assert only(found).span.source in found.sources


def test_an_extension_holds_no_network_of_its_own(folder: Path) -> None:
    found = extension(folder, more="network:\n  - act: relu\n")
    assert only(found).rule.code == "AG101"
    assert "unknown key `network`" in only(found).message


@pytest.mark.parametrize(("edit", "column"), [("3", 7), ("{at: a}", 7), ("[3]", 8)])
def test_edits_that_are_no_list_of_edits_are_told_once(
    folder: Path, edit: str, column: int
) -> None:
    finding = only(extension(folder, more=f"edit: {edit}\n"))
    assert (finding.rule.code, finding.span.start) == ("AG007", (4, column))


def test_an_extension_of_an_extension_is_edited_in_order(folder: Path) -> None:
    extension(folder, "at: network.first.filters, set: 24")
    (folder / "own.yaml").rename(folder / "middle.yaml")
    found = extension(folder, "at: network.first.kernel, set: 5", base="middle.yaml")
    assert found.diagnostics == ()
    assert "filters=" not in source_of(found).text
    assert "self.first = ConvReLU(3, 24, kernel_size=5, padding=2)" in source_of(found).text
    assert len(found.sources) == 3


def test_paths_of_the_base_go_from_its_folder(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "blocks.yaml").write_text(
        "archgen: 1\nblocks:\n  wide:\n    body:\n      - act: relu\n"
    )
    (folder / "sub" / "base.yaml").write_text(
        "archgen: 1\nname: base\ninput: {channels: 3, grid: 8}\n"
        "use: {lib: blocks.yaml}\nnetwork:\n  - lib.wide\n"
    )
    found = extension(folder, "at: network.wide, after: [act: tanh]", base="sub/base.yaml")
    assert found.diagnostics == ()


@pytest.mark.parametrize(
    ("base", "code", "words"),
    [
        ("../base.yaml", "AG411", "lies outside"),
        ("/etc/passwd", "AG411", "lies outside"),
        ("missing.yaml", "AG411", "there is no such file"),
        (".", "AG411", "not a regular file"),
        ("own.yaml", "AG402", "extends itself"),
        ("pyproject.toml", "AG007", "the file is empty"),
        ("lib.yaml", "AG111", "holds blocks"),
        ("[base.yaml]", "AG007", "must be"),
    ],
)
def test_a_base_that_cannot_be_extended_is_refused(
    folder: Path, base: str, code: str, words: str
) -> None:
    (folder / "lib.yaml").write_text("archgen: 1\nblocks: {}\n")
    finding = only(extension(folder, "at: network.first.filters, set: 1", base=base))
    assert finding.rule.code == code
    assert words in finding.message


def test_specs_that_extend_each_other_are_a_cycle(folder: Path) -> None:
    (folder / "base.yaml").write_text("archgen: 1\nname: base\nextends: own.yaml\nedit: []\n")
    assert only(extension(folder, "at: network.first.filters, set: 1")).rule.code == "AG402"


def test_a_long_row_of_extensions_hits_the_named_limit(folder: Path) -> None:
    for number in range(2 * MAX_EXTENDED):
        text = f"archgen: 1\nname: n{number}\nextends: n{number + 1}.yaml\nedit: []\n"
        (folder / f"n{number}.yaml").write_text(text)
    assert only(extension(folder, base="n0.yaml")).rule.code == "AG005"
