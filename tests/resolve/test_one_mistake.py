"""One misspelt word is one error: what follows from it is silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from archgen.diagnostics import Diagnostic
from archgen.pipeline import check
from archgen.spec.files import read_spec
from tests.compiling import findings

SMALL = """\
archgen: 1
name: tiny
input: {channels: 3, grid: 32}
defaults:
  conv: {kernel: 3, padding: same}
params:
  width: {type: int, default: 16}
blocks:
  unit:
    params: {filters: int}
    variants: {wide: {filters: 64}}
    body:
      - conv: {filters: filters}
      - conv: {filters: 2 * filters}
network:
  - conv: {filters: width}
    id: stem
  - unit: {filters: width}
    id: inner
  - unit: {variant: wide}
  - concat: {}
    from: [stem, inner]
"""


def errors(text: str) -> list[Diagnostic]:
    """The errors of a text, warnings left out."""
    return [finding for finding in findings(text) if finding.severity == "error"]


def test_the_example_is_sound() -> None:
    assert errors(SMALL) == []


@pytest.mark.parametrize(
    ("word", "slip", "code"),
    [
        ("grid: 32", "gird: 32", "AG101"),
        ("defaults:", "defualts:", "AG101"),
        ("  conv: {kernel", "  cnov: {kernel", "AG116"),
        ("{kernel: 3, padding", "{kernal: 3, padding", "AG105"),
        ("\nparams:", "\nparms:", "AG101"),
        ("default: 16", "defualt: 16", "AG101"),
        ("blocks:", "blokcs:", "AG101"),
        ("\nnetwork:", "\nnetwrok:", "AG101"),
        ("  unit:\n", "  uint:\n", "AG103"),
        ("{filters: int}", "{filter: int}", "AG202"),
        ("id: stem", "idd: stem", "AG101"),
        ("id: inner", "id: iner", "AG401"),
        ("  width: {", "  widht: {", "AG202"),
        ("variants:", "varaints:", "AG101"),
        ("{wide:", "{wdie:", "AG206"),
    ],
)
def test_a_misspelt_word_is_one_error(word: str, slip: str, code: str) -> None:
    assert SMALL.count(word) == 1
    assert [finding.rule.code for finding in errors(SMALL.replace(word, slip))] == [code]


WORDS = SMALL.replace("{filters: int}", "{filters: int, act: [relu, none]}").replace(
    "filters: filters}", "filters: filters, act: act}"
)
WORDS = WORDS.replace("unit: {filters: width}", "unit: {filters: width, act: relu}")
WORDS = WORDS.replace("unit: {variant: wide}", "unit: {variant: wide, act: relu}")


@pytest.mark.parametrize(
    ("word", "slip", "code"),
    [("act: [relu", "att: [relu", "AG202"), ("[relu, none]", "[rlu, none]", "AG107")],
)
def test_a_misspelt_param_that_holds_a_word_is_one_error(word: str, slip: str, code: str) -> None:
    assert errors(WORDS) == []
    (found,) = errors(WORDS.replace(word, slip))
    assert found.rule.code == code


def test_a_word_that_no_use_knows_is_told_at_its_declaration_too() -> None:
    (found,) = errors(WORDS.replace("[relu, none]", "[rlu, none]"))
    assert [(label.span.start.line, label.text) for label in found.labels] == [
        (10, "`act` is declared here"),
        (20, "and here"),
    ]
    assert found.fixes == ()


def test_a_word_that_a_caller_hands_on_is_told_with_the_words_given_at_once() -> None:
    caller = "  outer:\n    params: {act: [relu, none]}\n    body:\n      - unit: {filters: 8, act: act}\n"
    text = WORDS.replace("network:\n", f"{caller}network:\n  - outer: {{act: relu}}\n")
    assert errors(text) == []
    (found,) = errors(text.replace("[relu, none]", "[rlu, none]", 1))
    assert [(label.span.start.line, label.text) for label in found.labels[:3]] == [
        (10, "`act` is declared here"),
        (20, "`act` is relu"),
        (23, "and here"),
    ]


def test_of_two_steps_as_near_the_one_that_names_no_op_is_the_one_that_is_meant() -> None:
    blocks = "blocks:\n  part_a: {body: [norm: batch]}\n  part_b: {body: [norm: batch]}\n"
    steps = "network:\n  - part_a\n  - part_b\n  - flatten\n  - concat: {}\n    from: [part_a, part_b]\n"
    spec = f"archgen: 1\nname: n\ninput: {{channels: 3, grid: 8}}\n{blocks}{steps}"
    assert errors(spec) == []
    (found,) = errors(spec.replace("  - part_b\n", "  - partx_b\n"))
    assert found.rule.code == "AG103"


def test_other_uses_of_an_unknown_name_are_labels_of_the_first() -> None:
    (found,) = errors(SMALL.replace("{filters: int}", "{filter: int}"))
    assert found.span.start.line == 13
    assert [label.span.start.line for label in found.labels] == [14]


def test_a_step_that_cannot_be_read_may_be_the_one_that_is_named() -> None:
    (found,) = errors(SMALL.replace("    id: stem", "    d: stem"))
    assert found.rule.code == "AG104"


def test_a_library_by_a_wrong_name_is_told_once() -> None:
    uses = "  - libb.a\n  - libb.b\n"
    spec = f"archgen: 1\nname: n\ninput: {{channels: 3, grid: 8}}\nnetwork:\n{uses}"
    (found,) = errors(spec)
    assert found.message == "`libb` is no library of this file"
    assert [label.span.start.line for label in found.labels] == [6]


def test_an_output_that_cannot_be_read_leaves_no_count_to_expect() -> None:
    head = "outputs:\n  aux:\n    from: stem\n    training_only: rtue\n    body: []\n"
    found = errors(f"{SMALL}{head}expect: {{params_training: 1}}\n")
    assert [finding.rule.code for finding in found] == ["AG007"]


def test_a_param_of_unreadable_words_is_told_at_its_definition_only() -> None:
    params = "  act: {type: [reld, none], default: relu}\nblocks:"
    text = SMALL.replace("blocks:", params).replace("{filters: width}", "{filters: 8, act: act}", 1)
    assert [finding.rule.code for finding in errors(text)] == ["AG107"]


@pytest.mark.parametrize(
    ("line", "slip", "code"),
    [
        ("    params: {filters: int}", "    params: {filters: int, filters: int}", "AG003"),
        ("    params: {filters: int}", "    params: {in__filters: int}", "AG108"),
        ("    params: {filters: int}", "    params: {range: int}", "AG108"),
        ("  - unit: {variant: wide}", "  - unit: {variant: wide, variant: wide}", "AG003"),
        ("    id: inner", "    id: stem", "AG109"),
        ("  unit:\n", "  un-it:\n", "AG108"),
    ],
)
def test_a_name_that_is_refused_where_it_is_made_is_one_error(
    line: str, slip: str, code: str
) -> None:
    assert [finding.rule.code for finding in errors(SMALL.replace(line, slip, 1))] == [code]


def test_uses_of_a_name_that_is_refused_are_labels_of_the_refusal() -> None:
    (found,) = errors(SMALL.replace("{filters: int}", "{range: int}"))
    assert found.span.start.line == 10
    assert [label.span.start.line for label in found.labels] == [13, 14]
    assert found.labels[0].text == "`filters` is not in scope"


def test_of_two_params_with_one_name_the_missing_one_is_silent() -> None:
    two = SMALL.replace("{filters: int}", "{filters: int, other: int}").replace(
        "conv: {filters: 2 * filters}", "conv: {filters: 2 * other}"
    )
    two = two.replace("{filters: 64}", "{filters: 64, other: 1}")
    two = two.replace("- unit: {filters: width}", "- unit: {filters: width, other: 1}")
    assert errors(two) == []
    for clash in ("{filters: int, filters: int}", "{other: int, other: int}"):
        slip = two.replace("{filters: int, other: int}", clash)
        assert errors(slip)[0].rule.code == "AG003"
    argument = two.replace("{filters: width, other: 1}", "{filters: width, filters: 1}")
    assert [finding.rule.code for finding in errors(argument)] == ["AG003"]


def test_a_network_that_is_indented_into_another_key_is_told_once() -> None:
    inside = SMALL.replace("\nnetwork:", "\n  network:").replace("\n  - ", "\n    - ")
    inside = inside.replace("\n    id:", "\n      id:").replace("\n    from:", "\n      from:")
    (found,) = errors(inside)
    assert found.message == "`network` belongs to the file, and stands inside another key"
    assert found.span.start.line == 15


def test_a_default_that_a_second_key_has_taken_away_is_no_second_error() -> None:
    (finding,) = errors(SMALL.replace("{kernel: 3, padding: same}", "{kernel: 3, kernel: same}"))
    assert finding.rule.code == "AG003"


def test_a_step_of_no_op_may_be_the_one_that_is_named() -> None:
    named = SMALL.replace("    id: inner\n", "").replace("[stem, inner]", "[stem, unit]")
    named = named.replace("  - unit: {variant: wide}\n", "")
    assert errors(named) == []
    slip = named.replace("- unit: {filters: width}", "- unitt: {filters: width}")
    assert [finding.rule.code for finding in errors(slip)] == ["AG103"]


LIBRARY = """\
archgen: 1
name: net
input: {channels: 3, grid: 32}
use: {lib: lib.yaml}
defaults: lib
network:
  - conv: {filters: 8, kernel: 3}
  - conv: {filters: 8, kernel: 3}
  - lib.unit: {}
expect: {params: 864}
"""


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    """A folder with a library whose defaults the network takes."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "lib.yaml").write_text(
        "archgen: 1\ndefaults: {conv: {padding: same, bias: false}}\n"
        "blocks: {unit: {body: [conv: {filters: 1, kernel: 3}]}}\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("word", "slip", "code", "help"),
    [
        ("", "", "", ""),
        ("lib.yaml", "lbi.yaml", "AG406", "lib.yaml`?"),
        ("defaults: lib", "defaults: lbi", "AG406", "did you mean `lib`?"),
        ("defaults: lib", "defaults: other", "AG406", "name one under `use:`"),
        ("{lib: lib", "{lbi: lib", "AG406", "did you mean `lbi`?"),
        ("defaults: lib", "defaults: [conv]", "AG007", ""),
        ("defaults: lib", "defaults: {convolution: {padding: same}}", "AG116", "there are conv"),
        ("defaults: lib", "defaults: {conv: same}", "AG007", "write `conv: {...}`"),
    ],
)
def test_what_defaults_would_have_given_is_no_second_mistake(
    libraries: Path, word: str, slip: str, code: str, help: str
) -> None:
    path = libraries / "net.yaml"
    path.write_text(LIBRARY.replace(word, slip))
    found = [f for f in check(read_spec(path)).diagnostics if f.severity == "error"]
    assert [finding.rule.code for finding in found] == ([code] if code else [])
    assert all(help in finding.help for finding in found)


def test_what_a_step_writes_itself_is_judged_where_the_defaults_are_lost(libraries: Path) -> None:
    steps = "  - split: {a: 1, b: 1}\n"
    path = libraries / "net.yaml"
    path.write_text(
        LIBRARY.replace("lib.yaml", "no.yaml").replace("network:\n", f"network:\n{steps}")
    )
    assert "AG307" in [finding.rule.code for finding in check(read_spec(path)).diagnostics]


SEVERAL = """\
archgen: 1
name: net
input: {channels: 4, grid: 8}
blocks:
  up:
    inputs: [low, across]
    body:
      - concat: {}
        from: [in.across, in.low]
      - conv: {filters: in.across.channels, kernel: 1, padding: same}
network:
  - conv: {filters: 8, kernel: 1, padding: same}
    id: a
  - up: {}
    from: [in, a]
  - up: {}
    from: [up, a]
"""


def test_a_misspelt_input_is_one_error_where_its_value_and_its_shape_are_named() -> None:
    assert errors(SEVERAL) == []
    (found,) = errors(SEVERAL.replace("[low, across]", "[low, acorss]"))
    assert (found.rule.code, found.help) == ("AG401", "did you mean `in.acorss`?")
    assert [(label.span.start.line, label.text) for label in found.labels] == [
        (6, "the inputs of this block"),
        (10, "`in.across.channels` is not in scope"),
    ]


def test_a_block_that_every_use_gives_too_much_is_told_once_with_its_definition() -> None:
    one = SEVERAL.replace("    inputs: [low, across]\n", "").replace("in.across", "in")
    (found,) = errors(one.replace("from: [in, in.low]", "from: [in, in]"))
    assert (found.rule.code, found.span.start) == ("AG407", (14, 12))
    assert [(label.span.start.line, label.text) for label in found.labels] == [
        (5, "`up` has no `inputs:`, and so takes one value"),
        (16, "and here"),
    ]


def test_a_use_that_gives_too_little_is_told_at_its_from_with_what_the_block_takes() -> None:
    (found,) = errors(SEVERAL.replace("from: [in, a]", "from: [in]"))
    assert (found.rule.code, found.span.start) == ("AG407", (15, 12))
    (label,) = found.labels
    assert (label.span.start, label.text) == ((6, 14), "the inputs of `up`")


REPEATED = """\
archgen: 1
name: net
input: {channels: 4, grid: 8}
blocks:
  repeated:
    params: {filters: int}
    body: [{conv: {filters: filters, kernel: 1, padding: same}}]
network:
  - repeated: {filters: 8}
    repeat: 2
"""


def test_the_nearest_of_two_words_is_the_misspelt_one() -> None:
    assert errors(REPEATED) == []
    (found,) = errors(REPEATED.replace("repeat: 2", "repat: 2"))
    assert (found.message, found.help) == (
        "unknown key `repat` in a step",
        "did you mean `repeat`?",
    )
