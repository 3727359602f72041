"""Repairs: every edit that is offered ends its finding, breaks nothing else, and says so plainly."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from archgen.cli.explain import EXPLANATIONS
from archgen.diagnostics import Diagnostic, Edit, Position
from archgen.pipeline import check
from archgen.repairs.trials import place_of
from archgen.rules import MENDED_BY_SHAPE
from archgen.spec.files import SpecText
from archgen.spec.patching import applied
from tests.compiling import SPECS, calls, compiled

HEAD = """\
archgen: 1
name: net
input: {channels: 3, grid: 35}
defaults: {conv: {padding: same}, max_pool: {padding: valid, stride: 2, kernel: 3}}
"""


def net(steps: str, blocks: str = "", head: str = HEAD) -> str:
    """A network of these steps."""
    defined = f"blocks:\n{indent(dedent(blocks).strip(), '  ')}\n" if blocks else ""
    return f"{head}{defined}network:\n{indent(dedent(steps).strip(), '  ')}\n"


def found_in(text: str) -> tuple[Diagnostic, ...]:
    return check(SpecText("spec.yaml", text)).diagnostics


def shape_finding(text: str) -> Diagnostic:
    (finding,) = (f for f in found_in(text) if f.rule in MENDED_BY_SHAPE)
    return finding


def titles(text: str) -> list[str]:
    """What is offered, without the words about what it brings."""
    return [fix.title.partition(" gives ")[0] for fix in shape_finding(text).fixes]


def assert_every_fix_holds(text: str, *, all_as_text: bool = True) -> None:
    """Each fix, applied to the text, ends its finding, and nothing is found that was not before."""
    before = found_in(text)
    known = {(f.rule.code, f.span.start.line) for f in before}
    fixes = [(finding, fix) for finding in before for fix in finding.fixes]
    assert fixes
    for finding, fix in fixes:
        if not fix.edits:
            assert not all_as_text, fix.title
            continue
        after = found_in(applied(text, fix.edits))
        grown = sum(edit.text.count("\n") for edit in fix.edits)
        assert place_of(finding) not in {place_of(f) for f in after}, fix.title
        lines = {(f.rule.code, f.span.start.line) for f in after}
        assert lines <= known | {(code, line + grown) for code, line in known}, fix.title
        assert len(after) < len(before), fix.title


THREE = """
- concat:
    pool: [max_pool]
    odd:
      - conv: {filters: 8, kernel: 1}
      - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}
    even:
      - conv: {filters: 8, kernel: 3, stride: 2, padding: valid}
"""
TWO = """
- concat:
    one:
      - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}
    two:
      - conv: {filters: 9, kernel: 3, stride: 2, padding: valid}
"""
WIDE = """
- concat:
    keep: []
    wide:
      - conv: {filters: 8, kernel: 1x7, padding: [0, 2]}
    tall:
      - conv: {filters: 8, kernel: 7x1}
"""
STRIDED = """
- concat:
    pool: [{max_pool: {}}]
    b3x3:
      - conv: {filters: 8, kernel: 1}
      - conv:
          filters: 8   # as the figure has it
          kernel: 3
          padding: valid
    more:
      - max_pool:
      - conv: {filters: 8, kernel: 1}
"""
ADDED = """
- add:
    one: [{conv: {filters: 8, kernel: 1}}]
    two: [{conv: {filters: 9, kernel: 1}}, {act: relu}]
    three: [{conv: {filters: 8, kernel: 3}}]
"""
SUM_OF_STEPS = """
- conv: {filters: 8, kernel: 1}
  id: left
- conv: {filters: 9, kernel: 3}
  id: right
- add: {}
  from: [left, right]
"""
OF_A_CONCAT = """
- conv: {filters: 16, kernel: 1}
- residual:
    body:
      - concat:
          a: [{conv: {filters: 8, kernel: 1}}]
          b: [{conv: {filters: 9, kernel: 3}}]
"""
SHRUNK = """
- residual:
    body:
      - conv: {filters: 3, kernel: 3, padding: valid}
      - conv: {filters: 3, kernel: 1}
"""
PROJECTED = """
- residual:
    shortcut: [{conv: {filters: 8, kernel: 1, stride: 2, padding: valid}}]
    body:
      - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}
      - conv: {filters: 12, kernel: 3}
"""
TOO_SMALL = """
- max_pool: {kernel: 5, stride: 8}
- conv: {filters: 8, kernel: 5, padding: valid}
"""
GROUPED = """
- conv: {filters: 16, kernel: 3}
- conv: {filters: 32, kernel: 3, groups: 3}
"""
DEPTHWISE = """
- conv: {filters: 16, kernel: 3}
- conv: {filters: 24, kernel: 3, groups: here.channels}
"""
EXPECTED_GRID = """
- conv: {filters: 8, kernel: 3, padding: valid}
  expect: {grid: 35, channels: 8}
"""
EXPECTED_CHANNELS = """
- conv: {filters: 8, kernel: 3}
- dropout: 0.1
  expect: {channels: 8}
- linear: {features: 12}
  expect: {channels: 10}
"""
BROKEN = {
    "three": THREE,
    "two": TWO,
    "wide": WIDE,
    "strided": STRIDED,
    "added": ADDED,
    "sum_of_steps": SUM_OF_STEPS,
    "of_a_concat": OF_A_CONCAT,
    "shrunk": SHRUNK,
    "projected": PROJECTED,
    "too_small": TOO_SMALL,
    "grouped": GROUPED,
    "depthwise": DEPTHWISE,
    "expected_grid": EXPECTED_GRID,
    "expected_channels": EXPECTED_CHANNELS,
}


@pytest.mark.parametrize("name", BROKEN)
def test_every_fix_of_a_broken_network_holds(name: str) -> None:
    assert_every_fix_holds(net(BROKEN[name]))


@pytest.mark.parametrize("code", [rule.code for rule in MENDED_BY_SHAPE])
def test_every_fix_of_the_examples_holds(code: str) -> None:
    assert_every_fix_holds((EXPLANATIONS / code / "fails.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("steps", "first"),
    [
        (THREE, "`padding: valid` on `conv_2` (line 10)"),
        (WIDE, "`padding: same` on `conv` (line 9)"),
        (STRIDED, "`stride: 2` on `conv_2` (line 10)"),
        (ADDED, "`filters: 8` on `conv` (line 8)"),
        (OF_A_CONCAT, "`filters: 7` on `conv` (line 10)"),
        (SHRUNK, "`padding: same` on `conv` (line 8)"),
        (PROJECTED, "`filters: 8` on `conv_2` (line 10)"),
        (EXPECTED_GRID, "`padding: same` on `conv` (line 6)"),
        (EXPECTED_CHANNELS, "`features: 10` on `linear` (line 9)"),
    ],
)
def test_the_smallest_edit_comes_first(steps: str, first: str) -> None:
    assert titles(net(steps))[0] == first


def test_the_help_says_what_the_edit_brings() -> None:
    help = shape_finding(net(THREE)).help
    assert "on `conv_2` (line 10) gives 17x17 in all three branches" in help


def test_of_two_branches_either_may_follow_the_other() -> None:
    help = shape_finding(net(TWO)).help
    assert "`padding: valid` on `conv` (line 8)" in help
    assert "`padding: 1` on `conv` (line 10)" in help
    assert "gives 17x17 in both branches" in help
    assert "gives 18x18 in both branches" in help


def test_no_more_than_three_are_shown() -> None:
    assert all(len(f.fixes) <= 3 for steps in BROKEN.values() for f in found_in(net(steps)))


def test_a_mistake_in_two_branches_has_no_single_edit() -> None:
    steps = (
        THREE
        + "    odd_2: [{conv: {filters: 8, kernel: 3, padding: valid}}]\n    even_2: [max_pool]\n"
    )
    finding = shape_finding(net(steps))
    assert finding.rule.code == "AG301"
    assert not finding.fixes


UNIT = """
unit:
  body:
    - residual:
        body:
          - conv: {filters: 8, kernel: 1}
          - conv: {filters: 30, kernel: 1}
"""


def test_channels_are_told_as_the_block_knows_them() -> None:
    text = net("- conv: {filters: 32, kernel: 1}\n- unit", UNIT)
    assert titles(text)[0] == "`filters: in.channels` on `conv_2` (line 11)"
    assert_every_fix_holds(text)


def test_in_the_network_itself_a_number_is_told() -> None:
    steps = "- conv: {filters: 32, kernel: 1}\n- residual:\n    body: [{conv: {filters: 30, kernel: 1}}]"
    help = shape_finding(net(steps)).help
    assert help.startswith("`filters: 32` on `conv_2`")
    assert "in.channels" not in help


def test_a_fix_in_a_block_holds_for_every_use() -> None:
    steps = "- conv: {filters: 32, kernel: 1}\n- unit\n- conv: {filters: 16, kernel: 1}\n- unit\n"
    text = net(steps, UNIT)
    found = found_in(text)
    assert {finding.rule.code for finding in found} == {"AG303"}
    for finding in found:
        assert [fix.title.split(" on ")[0] for fix in finding.fixes] == ["`filters: in.channels`"]
    (edit,) = found[0].fixes[0].edits
    assert found_in(applied(text, [edit])) == ()


PARAM = """
unit:
  params: {width: int, kernel: {type: kernel, default: 3}}
  variants: {wide: {width: 30}}
  body:
    - residual:
        body:
          - conv: {filters: width, kernel: kernel}
"""


@pytest.mark.parametrize(
    ("use", "after"),
    [
        ("unit: {width: 30}", "unit: {width: 32}"),
        ("unit: {variant: wide}", "unit: {width: 32, variant: wide}"),
        ("unit: {width: 30, kernel: 5}", "unit: {width: 32, kernel: 5}"),
    ],
)
def test_a_param_is_mended_where_it_is_given(use: str, after: str) -> None:
    text = net(f"- conv: {{filters: 32, kernel: 1}}\n- {use}\n", PARAM)
    finding = shape_finding(text)
    assert finding.fixes[0].title.startswith("`width: 32` on `unit`")
    assert applied(text, finding.fixes[0].edits) == text.replace(use, after)
    assert_every_fix_holds(text)


STAGE = """
unit:
  params: {width: int, stride: {type: int, default: 1}}
  body:
    - residual:
        shortcut:
          - conv: {filters: 4 * width, kernel: 1, stride: stride}
            when: stride > 1 or in.channels != 4 * width
        body:
          - conv: {filters: width, kernel: 3, stride: stride, padding: 1}
          - conv: {filters: 4 * width, kernel: 1}
stage:
  params: {width: int, stride: {type: int, default: 1}}
  body:
    - unit: {width: width, stride: stride}
    - unit: {width: width}
      repeat: 2
"""


@pytest.mark.parametrize(
    ("use", "first"),
    [
        ("stage: {width: 7, stride: 2}", "`width: 8` on `stage` (line 23)"),
        ("stage: {width: 8, stride: 1}", "`stride: 2` on `stage` (line 23)"),
        ("stage: {width: 8}", "`stride: 2` on `stage` (line 23)"),
    ],
)
def test_a_param_mends_both_branches_of_a_residual(use: str, first: str) -> None:
    text = net(f"- {use}\n  expect: {{grid: 18, channels: 32}}\n", STAGE)
    assert titles(text)[0] == first
    assert_every_fix_holds(text)


def test_an_edit_that_an_alternative_does_not_bear_is_not_offered() -> None:
    steps = "- conv: {filters: width, kernel: 3, padding: valid}\n  expect: {grid: 35}\n"
    more = "params: {width: {type: int, default: 8}}\nalternatives:\n  wide:\n    why: tried\n"
    more += "    set: {width: 9}\n    expect: {params: 252}\n"
    text = net(steps, head=HEAD + more)
    assert titles(text) == ["`padding: same` on `conv` (line 12)"]
    assert_every_fix_holds(text)


def test_an_edit_that_makes_branches_alike_is_not_offered() -> None:
    steps = TWO.replace("filters: 9", "filters: 8")
    assert all("padding" not in title for title in titles(net(steps)))


def test_a_shortcut_lends_its_words() -> None:
    block = """
    unit:
      params: {width: int}
      body:
        - residual:
            shortcut: [{conv: {filters: width, kernel: 3}}]
            body: [{conv: {filters: 30, kernel: 1}}]
    """
    text = net("- unit: {width: 32}\n- unit: {width: 64}\n", block)
    first = found_in(text)[0]
    assert first.fixes[0].title.startswith("`filters: width` on `conv`")
    assert_every_fix_holds(net("- unit: {width: 32}\n", block))


def test_an_edit_that_breaks_an_expect_is_not_offered() -> None:
    steps = TWO.replace("    two:", "        expect: {grid: 18}\n    two:")
    help = shape_finding(net(steps)).help
    assert "18x18" in help
    assert "17x17" not in help


def test_an_expect_further_down_counts_too() -> None:
    steps = TWO + "- conv: {filters: 8, kernel: 1}\n  expect: {grid: 18}\n"
    (finding,) = (f for f in found_in(net(steps)) if f.rule.code == "AG301")
    assert "18x18" in finding.help
    assert "17x17" not in finding.help


@pytest.mark.parametrize(("params", "is_offered"), [(224, True), (1, True), (336, False)])
def test_an_edit_is_not_offered_where_it_breaks_a_sum_that_was_right(
    params: int, is_offered: bool
) -> None:
    """With 8 filters there are 8 * 3 * 9 + 8 = 224 params, with 12 there are 336."""
    steps = "- conv: {filters: 12, kernel: 3}\n  expect: {channels: 8}\n"
    head = HEAD + f"expect: {{params: {params}}}\n"
    (finding,) = found_in(net(steps, head=head))
    assert finding.rule.code == "AG501"
    assert any("filters: 8" in fix.title for fix in finding.fixes) is is_offered


def test_padding_is_proposed_inside_a_block_of_the_branch() -> None:
    blocks = "shrink:\n  body:\n    - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}\n"
    steps = "- concat:\n    a: [shrink]\n    b: [max_pool]\n    c: [max_pool]\n"
    text = net(steps, blocks)
    assert titles(text)[0] == "`padding: valid` on `conv` (line 8)"
    assert_every_fix_holds(text)


@pytest.mark.parametrize(
    ("step", "after"),
    [
        ("- max_pool", "- max_pool: {stride: 1}"),
        ("- max_pool: {}", "- max_pool: {stride: 1}"),
        ("- max_pool:", "- max_pool: {stride: 1}"),
        ("- max_pool: # halves", "- max_pool: {stride: 1}# halves"),
        ("- max_pool: {kernel: 3}", "- max_pool: {stride: 1, kernel: 3}"),
        ("- max_pool:\n    kernel: 3", "- max_pool:\n    stride: 1\n    kernel: 3"),
        (
            "- max_pool: # why\n\n    # note\n    kernel: 3",
            "- max_pool: # why\n\n    # note\n    stride: 1\n    kernel: 3",
        ),
        ("- {max_pool: {kernel: 3}, id: p}", "- {max_pool: {stride: 1, kernel: 3}, id: p}"),
    ],
)
def test_a_setting_that_comes_from_the_defaults_is_put_into_the_step(step: str, after: str) -> None:
    text = net(step, head=HEAD + "expect: {grid: 33}\n")
    (finding,) = found_in(text)
    fix = next(fix for fix in finding.fixes if fix.title.startswith("`stride: 1`"))
    expected = net(after, head=HEAD + "expect: {grid: 33}\n")
    assert applied(text, fix.edits) == expected
    assert_every_fix_holds(text)


@pytest.mark.parametrize("value", ["&k 30", "*k"])
def test_an_anchor_is_not_edited(value: str) -> None:
    given = "&k 30" if value == "*k" else "7"
    steps = f"- conv: {{filters: {given}, kernel: 1}}\n- conv: {{filters: {value}, kernel: 1}}\n"
    text = net(steps + "  expect: {channels: 31}\n")
    (finding,) = found_in(text)
    assert finding.fixes
    assert all(not fix.edits for fix in finding.fixes if "filters" in fix.title)


def test_as_printed_fixes_are_words_alone() -> None:
    text = (SPECS / "inception_resnet_v2.yaml").read_text(encoding="utf-8")
    path = SPECS / "inception_resnet_v2.yaml"
    found = check(SpecText(str(path), text, path), as_printed=True).diagnostics
    mismatch = next(f for f in found if "1154" in f.message)
    assert mismatch.help.startswith("`filters: in.channels` on `conv` (line ")
    assert mismatch.fixes
    assert all(not fix.edits for finding in found for fix in finding.fixes)


def test_a_vector_is_traced_to_the_step_that_made_it() -> None:
    steps = "- conv: {filters: 8, kernel: 1}\n- flatten\n- act: relu\n- global_avg_pool\n"
    (finding,) = found_in(net(steps))
    assert finding.rule.code == "AG306"
    assert finding.labels[0].text == "`flatten` makes a vector here"
    assert "one of `flatten` and `global_avg_pool`" in finding.help


def test_all_divisors_are_told_where_few() -> None:
    finding = shape_finding(net(GROUPED))
    assert [fix.title.split(" on ")[0] for fix in finding.fixes[:2]] == [
        "`groups: 2`",
        "`groups: 4`",
    ]


def test_many_findings_stay_cheap() -> None:
    steps = "".join(dedent(TWO).strip() + "\n- conv: {filters: 3, kernel: 1}\n" for _ in range(60))
    assert compiled(net(steps)).diagnostics
    assert calls(lambda: compiled(net(steps))) < 1_000_000


def test_a_vast_network_is_not_searched() -> None:
    steps = "- conv: {filters: 1 + i % 7, kernel: 1}\n  repeat: 20000\n" + dedent(THREE)
    (finding,) = found_in(net(steps))
    assert finding.rule.code == "AG301"
    assert finding.help == "bring `odd` to 17x17, as in the other branches"


def test_edits_are_applied_at_characters_and_keep_line_ends() -> None:
    text = "a: 1\r\nbé: 2\u2028c: 3\n"
    spans = [Position(2, 5), Position(3, 4)]
    source = shape_finding(net(TWO)).span
    edits = [
        Edit(source._replace(start=p, end=p._replace(column=p.column + 1)), "9") for p in spans
    ]
    assert applied(text, edits) == "a: 1\r\nbé: 9\u2028c: 9\n"
