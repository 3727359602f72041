"""What each reporter draws, character for character."""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archgen.cli.palette import COLOURS
from archgen.cli.reporters import (
    REPORTERS,
    closing_line,
    concise,
    full,
    github,
    json_document,
)
from archgen.diagnostics import Diagnostic, Edit, Fix, Label, Position, Rule, Severity, Span

GRIDS = Rule("AG301", "grids-differ", "branches of a join end on different grids")
UNUSED = Rule("AG404", "unused-block", "a block is never used", Severity.WARNING)
HINT = Rule("AG999", "hint", "a hint", Severity.NOTE)

ROW_WIDTH = 120


def span(line: int, column: int, length: int = 1, source: str = "a.yaml") -> Span:
    """A stretch of one line."""
    return Span(source, Position(line, column), Position(line, column + length))


def drawn(rows: Iterator[str]) -> str:
    """The rows as they are printed."""
    return "\n".join(rows)


def golden(text: str) -> str:
    """A text block of this file without its indentation."""
    return dedent(text).strip("\n")


def source_of(lines: dict[int, str]) -> str:
    """A source that has these lines, and empty ones between them."""
    return "\n".join(lines.get(number, "") for number in range(1, max(lines) + 1))


BRANCHES = source_of(
    {
        63: "          pool: [{max_pool: {kernel: 3, stride: 2}}]",
        65: "          dbl3x3:",
        68: "            - conv: {filters: m, kernel: 3, stride: 2, padding: {same: tf}}",
    }
)

ALL_BRANCHES = """\
error[AG301]: branches of a concat have different grids
  --> specs/inception_v4.yaml:65:11
   |
63 |           pool: [{max_pool: {kernel: 3, stride: 2}}]
   |           ---- 17x17     35 -> (35 - 3) // 2 + 1
65 |           dbl3x3:
   |           ^^^^^^ 18x18   35 -> 35 -> 35 -> ceil(35 / 2)
68 |             - conv: {filters: m, kernel: 3, stride: 2, padding: {same: tf}}
   |                                                        ------------------- makes 18 here
   = in network[2] reduction_a {k: 192}, in.grid = 35 (Figure 7)
help: `padding: valid` gives 17x17 in all three branches"""


def different_grids() -> Diagnostic:
    """Three branches, one of which is odd."""
    name = "specs/inception_v4.yaml"
    return GRIDS.at(
        span(65, 11, 6, name),
        "branches of a concat have different grids",
        caption="18x18   35 -> 35 -> 35 -> ceil(35 / 2)",
        labels=[
            Label(span(68, 56, 19, name), "makes 18 here"),
            Label(span(63, 11, 4, name), "17x17     35 -> (35 - 3) // 2 + 1"),
        ],
        notes=["in network[2] reduction_a {k: 192}, in.grid = 35 (Figure 7)"],
        help="`padding: valid` gives 17x17 in all three branches",
    )


class TestFull:
    def test_labels_stand_in_the_order_of_the_lines(self) -> None:
        sources = {"specs/inception_v4.yaml": BRANCHES}
        assert drawn(full([different_grids()], sources)) == ALL_BRANCHES

    def test_findings_are_parted_by_an_empty_row(self) -> None:
        findings = [
            GRIDS.at(span(1, 4, 3), "first"),
            UNUSED.at(span(1, 1, 2), "second", caption="here"),
        ]
        assert drawn(full(findings, {"a.yaml": "a: one"})) == golden("""
            error[AG301]: first
             --> a.yaml:1:4
              |
            1 | a: one
              |    ^^^

            warning[AG404]: second
             --> a.yaml:1:1
              |
            1 | a: one
              | ^^ here
            """)

    def test_a_wide_gap_is_dotted_and_a_narrow_one_silent(self) -> None:
        finding = GRIDS.at(
            span(1, 1),
            "gaps",
            labels=[Label(span(5, 1), "three lines below"), Label(span(10, 1), "four lines below")],
        )
        text = source_of({1: "one", 5: "five", 10: "ten"})
        assert drawn(full([finding], {"a.yaml": text})) == golden("""
            error[AG301]: gaps
              --> a.yaml:1:1
               |
             1 | one
               | ^
             5 | five
               | - three lines below
            ...
            10 | ten
               | - four lines below
            """)

    def test_another_source_has_its_own_address(self) -> None:
        finding = GRIDS.at(
            span(1, 1, 5),
            "two sources",
            labels=[Label(span(12, 3, 4, "blocks/stems.yaml"), "declared here")],
        )
        sources = {"a.yaml": "stem: {}", "blocks/stems.yaml": source_of({12: "  name: x"})}
        assert drawn(full([finding], sources)) == golden("""
            error[AG301]: two sources
              --> a.yaml:1:1
               |
             1 | stem: {}
               | ^^^^^
               |
              ::: blocks/stems.yaml:12:3
               |
            12 |   name: x
               |   ---- declared here
            """)

    def test_several_marks_of_one_line_have_a_row_each(self) -> None:
        finding = GRIDS.at(
            span(1, 9, 2), "two marks", caption="and this", labels=[Label(span(1, 4, 2), "this")]
        )
        assert drawn(full([finding], {"a.yaml": "a: 11 + 22"})) == golden("""
            error[AG301]: two marks
             --> a.yaml:1:9
              |
            1 | a: 11 + 22
              |    -- this
              |         ^^ and this
            """)

    def test_a_long_stretch_is_underlined_on_its_first_line(self) -> None:
        whole = Span("a.yaml", Position(1, 1), Position(3, 5))
        finding = GRIDS.at(whole, "a block", caption="starts here")
        assert drawn(full([finding], {"a.yaml": "block:   \n  a: 1\n  b: 2"})) == golden("""
            error[AG301]: a block
             --> a.yaml:1:1
              |
            1 | block:
              | ^^^^^^ starts here
            """)

    def test_a_place_past_the_end_of_a_line_has_one_caret(self) -> None:
        empty = Span("a.yaml", Position(1, 3), Position(1, 3))
        assert drawn(full([GRIDS.at(empty, "nothing here")], {"a.yaml": "a:"})) == golden("""
            error[AG301]: nothing here
             --> a.yaml:1:3
              |
            1 | a:
              |   ^
            """)

    def test_notes_and_help_of_several_lines_hang(self) -> None:
        finding = GRIDS.at(
            span(1, 1), "sums", notes=["the sum:\n  384\n  380"], help="type\n  this"
        )
        assert drawn(full([finding], {"a.yaml": "a"})) == golden("""
            error[AG301]: sums
             --> a.yaml:1:1
              |
            1 | a
              | ^
              = the sum:
                  384
                  380
            help: type
                    this
            """)

    def test_without_the_text_every_place_keeps_its_words(self) -> None:
        assert drawn(full([different_grids()], {})) == golden("""
            error[AG301]: branches of a concat have different grids
             --> specs/inception_v4.yaml:65:11: 18x18   35 -> 35 -> 35 -> ceil(35 / 2)
             ::: specs/inception_v4.yaml:63:11: 17x17     35 -> (35 - 3) // 2 + 1
             ::: specs/inception_v4.yaml:68:56: makes 18 here
              = in network[2] reduction_a {k: 192}, in.grid = 35 (Figure 7)
            help: `padding: valid` gives 17x17 in all three branches
            """)

    def test_a_line_that_the_text_does_not_have_is_tolerated(self) -> None:
        finding = GRIDS.at(span(1, 1), "gone", labels=[Label(span(7, 2), "not there")])
        assert drawn(full([finding], {"a.yaml": "a"})) == golden("""
            error[AG301]: gone
             --> a.yaml:1:1
              |
            1 | a
              | ^
             ::: a.yaml:7:2: not there
            """)

    def test_colours_change_nothing_but_colour(self) -> None:
        sources = {"specs/inception_v4.yaml": BRANCHES}
        coloured = drawn(full([different_grids()], sources, COLOURS))
        assert coloured.startswith("\x1b[1;31merror[AG301]\x1b[0m: \x1b[1mbranches")
        plain = coloured
        for code in ("\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[32m", "\x1b[34m"):
            plain = plain.replace(code, "")
        assert plain == drawn(full([different_grids()], sources))


class TestUserText:
    def test_a_tab_is_four_columns_wide(self) -> None:
        assert drawn(full([GRIDS.at(span(1, 4, 3), "tab")], {"a.yaml": "a:\tone"})) == golden("""
            error[AG301]: tab
             --> a.yaml:1:4
              |
            1 | a:    one
              |       ^^^
            """)

    def test_wide_and_combining_characters_keep_the_caret_in_place(self) -> None:
        text = "幅: e\u0301 [no]"
        assert drawn(full([GRIDS.at(span(1, 8, 2), "wide")], {"a.yaml": text})) == golden("""
            error[AG301]: wide
             --> a.yaml:1:8
              |
            1 | 幅: e\u0301 [no]
              |        ^^
            """)

    def test_controls_and_overrides_are_named(self) -> None:
        finding = GRIDS.at(
            span(1, 6, 4, "\x1b[2J.yaml"),
            "`\u202egnp` is \x07 unknown",
            caption="\x9b1m",
            notes=["zero\u200bwidth"],
            help="\u2066",
        )
        assert drawn(full([finding], {"\x1b[2J.yaml": "a: \u202e\x1b[31m"})) == golden("""
            error[AG301]: `<U+202E>gnp` is <U+0007> unknown
             --> <U+001B>[2J.yaml:1:6
              |
            1 | a: <U+202E><U+001B>[31m
              |                    ^^^^ <U+009B>1m
              = zero<U+200B>width
            help: <U+2066>
            """)

    def test_a_long_line_is_cut_around_the_caret(self) -> None:
        text = "a" * 300 + "HERE" + "b" * 300
        rows = drawn(full([GRIDS.at(span(1, 301, 4), "long")], {"a.yaml": text})).split("\n")
        line, carets = rows[3:5]
        assert line == f"1 | ...{'a' * 36}HERE{'b' * 70}..."
        assert carets == f"  | {' ' * 39}^^^^"
        assert len(line) == ROW_WIDTH

    def test_the_end_of_a_long_line_is_shown_in_full(self) -> None:
        rows = drawn(full([GRIDS.at(span(1, 301, 4), "long")], {"a.yaml": "a" * 300 + "HERE"}))
        assert rows.split("\n")[3] == f"1 | ...{'a' * 106}HERE"

    def test_a_long_line_is_drawn_again_for_a_far_mark(self) -> None:
        finding = GRIDS.at(span(1, 1, 3), "far", labels=[Label(span(1, 298, 3), "the other end")])
        text = "one" + "." * 294 + "two"
        assert drawn(full([finding], {"a.yaml": text})) == golden(f"""
            error[AG301]: far
             --> a.yaml:1:1
              |
            1 | one{"." * 107}...
              | ^^^
            1 | ...{"." * 107}two
              | {" " * 110}--- the other end
            """)

    def test_lines_end_where_a_yaml_parser_ends_them(self) -> None:
        text = "one\x85two\u2028three\r\nfour\rfive\x0cfive still"
        finding = GRIDS.at(span(5, 1, 4), "fifth")
        assert "5 | five<U+000C>five still" in drawn(full([finding], {"a.yaml": text}))


class TestConcise:
    def test_a_finding_is_one_line(self) -> None:
        findings = [different_grids(), UNUSED.at(span(3, 5), "two\nlines")]
        assert drawn(concise(findings, {})) == golden("""
            specs/inception_v4.yaml:65:11: error[AG301] branches of a concat have different grids
            a.yaml:3:5: warning[AG404] two<U+000A>lines
            """)


class TestJson:
    def test_every_field_is_there(self) -> None:
        fix = Fix("`padding: valid` gives 17x17", (Edit(span(68, 64), "valid"),))
        found = different_grids()._replace(fixes=(fix,))
        document = json.loads(drawn(json_document([found], {})))
        name = "specs/inception_v4.yaml"
        place = {
            "source": name,
            "start": {"line": 65, "column": 11},
            "end": {"line": 65, "column": 17},
        }
        finding = document["diagnostics"][0]
        labels = finding.pop("labels")
        (offered,) = finding.pop("fixes")
        assert offered["title"] == fix.title
        assert offered["applicability"] == "suggestion"
        (edit,) = offered["edits"]
        assert edit["text"] == "valid"
        assert edit["start"] == {"line": 68, "column": 64}
        assert finding == {
            "code": "AG301",
            "name": "grids-differ",
            "summary": "branches of a join end on different grids",
            "severity": "error",
            "message": "branches of a concat have different grids",
            "span": place,
            "caption": "18x18   35 -> 35 -> 35 -> ceil(35 / 2)",
            "notes": ["in network[2] reduction_a {k: 192}, in.grid = 35 (Figure 7)"],
            "help": "`padding: valid` gives 17x17 in all three branches",
        }
        assert [label["text"] for label in labels] == [
            "makes 18 here",
            "17x17     35 -> (35 - 3) // 2 + 1",
        ]
        assert labels[0]["span"]["start"] == {"line": 68, "column": 56}

    def test_the_envelope_says_its_version_and_counts(self) -> None:
        findings = [different_grids(), UNUSED.at(span(1, 1), "unused")]
        document = json.loads(drawn(json_document(findings, {})))
        assert document["schema"] == 1
        assert document["summary"] == {"errors": 1, "warnings": 1, "notes": 0, "files": 2}

    def test_nothing_found_is_a_document_too(self) -> None:
        assert json.loads(drawn(json_document([], {}))) == {
            "schema": 1,
            "diagnostics": [],
            "summary": {"errors": 0, "warnings": 0, "notes": 0, "files": 0},
        }


class TestGithub:
    def test_a_finding_is_one_command(self) -> None:
        assert drawn(github([different_grids()], {})) == (
            "::error title=AG301 grids-differ,file=specs/inception_v4.yaml,"
            "line=65,endLine=65,col=11,endColumn=17::"
            "branches of a concat have different grids"
            "%0A18x18   35 -> 35 -> 35 -> ceil(35 / 2)"
            "%0Aspecs/inception_v4.yaml:68:56: makes 18 here"
            "%0Aspecs/inception_v4.yaml:63:11: 17x17     35 -> (35 - 3) // 2 + 1"
            "%0Ain network[2] reduction_a {k: 192}, in.grid = 35 (Figure 7)"
            "%0Ahelp: `padding: valid` gives 17x17 in all three branches"
        )

    def test_signs_with_a_meaning_are_escaped(self) -> None:
        finding = HINT.at(span(1, 2, source="a:b,c%.yaml"), "100%\r::stop-commands::x")
        assert drawn(github([finding], {})) == (
            "::notice title=AG999 hint,file=a%3Ab%2Cc%25.yaml,line=1,endLine=1,col=2,endColumn=3::"
            "100%25<U+000D>::stop-commands::x"
        )

    def test_columns_are_left_out_over_several_lines(self) -> None:
        whole = Span("a.yaml", Position(2, 3), Position(4, 5))
        assert drawn(github([GRIDS.at(whole, "block")], {})) == (
            "::error title=AG301 grids-differ,file=a.yaml,line=2,endLine=4::block"
        )

    def test_errors_come_first_and_ten_of_a_kind_are_shown(self) -> None:
        warnings = [UNUSED.at(span(line, 1), f"warning {line}") for line in range(1, 13)]
        error = GRIDS.at(span(99, 1), "the error")
        rows = list(github([*warnings, error], {}))
        assert rows[0].startswith("::error ")
        assert [row.split("::")[-1] for row in rows[1:11]] == [f"warning {n}" for n in range(1, 11)]
        assert rows[11:] == ["2 more findings without an annotation: 10 of a kind are shown"]


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ((0, 0, 0), "found no problems"),
        ((1, 0, 0), "found 1 error in 1 file"),
        ((2, 1, 0), "found 2 errors and 1 warning in 1 file"),
        ((1, 2, 3), "found 1 error, 2 warnings and 3 notes in 1 file"),
    ],
)
def test_the_closing_line_counts(counts: Sequence[int], line: str) -> None:
    rules = (GRIDS, UNUSED, HINT)
    findings = [
        rule.at(span(number + 1, 1), "x")
        for rule, count in zip(rules, counts, strict=True)
        for number in range(count)
    ]
    assert closing_line(findings) == line


def test_the_closing_line_counts_files() -> None:
    finding = GRIDS.at(span(1, 1), "x")
    elsewhere = finding._replace(span=span(1, 1, source="b.yaml"))
    assert closing_line([finding, elsewhere]) == "found 2 errors in 2 files"


@pytest.mark.parametrize("name", REPORTERS)
@settings(deadline=None)
@given(
    text=st.text(max_size=200),
    words=st.text(max_size=30),
    start=st.tuples(st.integers(0, 4), st.integers(0, 250)),
    extent=st.tuples(st.integers(0, 2), st.integers(-3, 300)),
)
def test_no_text_breaks_a_report(
    name: str, text: str, words: str, start: tuple[int, int], extent: tuple[int, int]
) -> None:
    begin = Position(*start)
    end = Position(begin.line + extent[0], begin.column + extent[1])
    finding = GRIDS.at(
        Span("a.yaml", begin, end),
        words,
        caption=words,
        labels=[Label(span(1, 150, 9), words)],
        notes=[words],
        help=words,
    )
    for row in REPORTERS[name]([finding], {"a.yaml": text}, COLOURS):
        plain = row.replace("\x1b[", "")
        assert not {unicodedata.category(sign) for sign in plain} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@settings(deadline=None)
@given(text=st.text(alphabet="ab \t幅\u0301\u202e\x1b", min_size=1, max_size=600), at=st.data())
def test_rows_of_text_fit_the_screen(text: str, at: st.DataObject) -> None:
    column = at.draw(st.integers(1, len(text) + 1))
    rows = list(full([GRIDS.at(span(1, column), "x")], {"a.yaml": text}))
    wide = {"W", "F"}
    for row in rows[3:]:
        assert sum(2 if unicodedata.east_asian_width(c) in wide else 1 for c in row) <= (
            ROW_WIDTH + row.count("\u0301")
        )
