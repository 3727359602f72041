"""The normal form: what it changes, what it leaves, and that it has nothing left to do."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from archgen.diagnostics import SpecError
from archgen.formatting import WouldChange, formatted
from archgen.formatting.printing import print_layout
from archgen.spec.files import SpecText
from tools.fuzzing import layout
from tools.fuzzing.promises import SPECS

HEAD = "archgen: 1\nname: net\ninput: {channels: 3, grid: 9}\n\n"


def tidy(text: str) -> str:
    return formatted(SpecText("net.yaml", text))


def steps(text: str) -> str:
    """The steps of a network, formatted."""
    result = tidy(f"{HEAD}network:\n{dedent(text)}")
    return dedent(result.removeprefix(HEAD).removeprefix("network:\n"))


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_spec_of_this_project_is_in_its_normal_form(path: Path) -> None:
    assert tidy(path.read_text()) == path.read_text()


CASES = {
    "indentation": ("-   act: relu\n-   act:    relu6\n", "- act: relu\n- act: relu6\n"),
    "settings in brackets": (
        "- conv:\n    filters: 8\n    kernel: 3\n",
        "- conv: {filters: 8, kernel: 3}\n",
    ),
    "space in brackets": (
        "- conv: { filters:  8 ,kernel: 3}\n",
        "- conv: {filters: 8, kernel: 3}\n",
    ),
    "quotes that change nothing": (
        "- conv: {filters: '8 * 2', \"kernel\": '1x7'}\n",
        "- conv: {filters: 8 * 2, kernel: 1x7}\n",
    ),
    "quotes that are needed": (
        "- conv:\n    filters: max(8, 4)\n",
        '- conv: {filters: "max(8, 4)"}\n',
    ),
    "a number in quotes stays a text": ("- conv: {note: '8'}\n", '- conv: {note: "8"}\n'),
    "numbers as they are written": (
        "- norm: {batch: {eps: 1e-3, momentum: 0.10}}\n",
        "- norm: {batch: {eps: 1e-3, momentum: 0.10}}\n",
    ),
    "the op first, then the keys in order": (
        "- expect: {grid: 9}\n  id: a\n  conv: {filters: 8}\n",
        "- conv: {filters: 8}\n  id: a\n  expect: {grid: 9}\n",
    ),
    "a comment that goes with its key": (
        "- id: a\n  # why\n  conv: {filters: 8}  # how\n",
        "# why\n- conv: {filters: 8}  # how\n  id: a\n",
    ),
    "a comment inside brackets opens them": (
        "- conv: {filters: 8,  # few\n    kernel: 3}\n",
        "- conv:\n    filters: 8  # few\n    kernel: 3\n",
    ),
    "a comment in a column of its own": ("- act: relu        #why\n", "- act: relu  # why\n"),
    "comments in one column": (
        "- act: relu     # a\n- act: relu6    # b\n- act: silu # c\n",
        "- act: relu   # a\n- act: relu6  # b\n- act: silu  # c\n",
    ),
    "a comment at the end of a list belongs to it": (
        "- concat:\n     a:\n     - act: relu\n     # of a\n     b: []\n     # of b\n- flatten\n",
        "- concat:\n    a:\n      - act: relu\n    # of a\n    b: []\n    # of b\n- flatten\n",
    ),
    "blank lines, one at most": ("- act: relu\n\n\n\n- flatten\n", "- act: relu\n\n- flatten\n"),
    "branches as they were": (
        "- concat:\n    a: [{act: relu}]\n    b:\n    - act: relu\n",
        "- concat:\n    a: [{act: relu}]\n    b:\n      - act: relu\n",
    ),
    "a text of several lines": (
        "- act: relu\n  note: >-\n       one\n\n       two\n",
        "- act: relu\n  note: >-\n    one\n\n    two\n",
    ),
    "a list in a list": ("- - a\n  - b\n- c\n", "- - a\n  - b\n- c\n"),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_steps_come_out_as(before: str, after: str) -> None:
    assert steps(before) == after
    assert steps(after) == after


def test_what_does_not_fit_into_a_line_is_opened() -> None:
    settings = ", ".join(f"setting_{n}: {n}" for n in range(12))
    assert steps(f"- conv: {{{settings}}}\n") == "- conv:\n" + "".join(
        f"    setting_{n}: {n}\n" for n in range(12)
    )


def test_the_keys_of_the_file_are_in_order_under_its_first_comment() -> None:
    text = (
        "# who wrote this\nname: a\narchgen: 1\nnetwork: [flatten]\ninput: {channels: 3, grid: 9}\n"
    )
    assert tidy(text) == (
        "# who wrote this\narchgen: 1\nname: a\ninput: {channels: 3, grid: 9}\n\nnetwork:\n  - flatten\n"
    )


def test_blocks_stand_apart_and_rows_of_a_table_in_their_columns() -> None:
    text = dedent(
        """\
        archgen: 1
        blocks:
          a:
            variants:
              x:     {k: 1}
              long:  {k: 2}
            body: []
          b:
            body: []
        """
    )
    wanted = text.replace("blocks:", "\nblocks:").replace("  b:", "\n  b:")
    wanted = wanted.replace("x:     {", "x:    {").replace("long:  {", "long: {")
    assert tidy(text) == wanted


def test_an_alias_stays_behind_its_anchor() -> None:
    text = f"{HEAD}network:\n  - id: &a first\n    conv: {{filters: 8}}\n    note: *a\n"
    assert tidy(text) == text


def test_windows_line_ends_and_a_missing_last_one_are_mended() -> None:
    assert tidy("archgen: 1\r\nblocks: {}\r\nnote: |\r\n   kept") == (
        "archgen: 1\nnote: |-\n  kept\nblocks: {}\n"
    )


def test_blank_lines_inside_brackets_are_gone_at_once() -> None:
    text = "archgen: 1\nblocks: {}\nsource: {paper: p,\n\n\n\n}\n"
    assert tidy(text) == "archgen: 1\nsource: {paper: p}\nblocks: {}\n"
    assert tidy(tidy(text)) == tidy(text)


def test_an_empty_mapping_stays_one() -> None:
    assert tidy("{}") == "{}\n"
    assert tidy("# c\n{}") == tidy("{}\n# c") == "{}\n# c\n"


@pytest.mark.parametrize("text", ["a: [1", "a: 1\na: 2\n", "a: !!str 1\n", "- a\n", "", "<<: {}\n"])
def test_what_is_no_sound_yaml_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        tidy(text)
    assert caught.value.diagnostics


def test_a_key_that_is_too_long_to_stand_on_its_line_is_refused() -> None:
    with pytest.raises(SpecError, match="more than 1,024 characters"):
        tidy(f"archgen: 1\nblocks:\n  ? {'k' * 1100}\n  : 1\n")


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [("8", "9", "would not say the same"), ("# why", "# who", "would lose a comment")],
)
def test_a_formatter_that_went_wrong_is_noticed(
    monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, reason: str
) -> None:
    monkeypatch.setattr(
        "archgen.formatting.normal_form.print_layout",
        lambda root: print_layout(root).replace(right, wrong),
    )
    with pytest.raises(WouldChange, match=reason):
        steps("- conv: {filters: 8}  # why\n")


def test_odd_layouts_keep_meaning_and_comments_and_are_formatted_once() -> None:
    outcomes = list(layout.run(range(200)))
    assert [outcome.failure for outcome in outcomes if outcome.failure] == []
    assert sum(outcome.what == "formatted" for outcome in outcomes) > 90


@pytest.mark.parametrize(
    "steps",
    [
        "  - conv: {filters: in.channels\n      * 2, kernel: 1, padding: same}",
        "  - conv:\n      filters: in.channels\n        * 2\n      kernel: 1",
        "  - conv: {filters: 8, kernel: 1}\n    note: some words\n      on two lines",
        "  - add: {a: [], b: [act:\n      relu]}",
        "  - conv: {filters: in.channels\n\n      * 2, kernel: 1}",
    ],
)
def test_a_text_that_is_folded_over_lines_is_settled_at_once(steps: str) -> None:
    once = tidy(f"archgen: 1\nname: n\nnetwork:\n{steps}\n")
    assert tidy(once) == once
