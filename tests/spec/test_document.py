"""YAML text to positioned nodes: scalars of YAML 1.2, positions, and what a spec may not hold."""

from __future__ import annotations

from math import inf, isnan
from textwrap import dedent

import pytest

from archgen.diagnostics import Diagnostic, Findings
from archgen.spec.document import MappingNode, Node, SequenceNode, parse, plain, resolve_scalar
from tests.compiling import calls

FEW = 20_000  # calls


def parsed(text: str) -> tuple[Node | None, list[Diagnostic]]:
    """The node of a text, and what is wrong with it."""
    found = Findings()
    return parse(dedent(text), "spec.yaml", found), found.diagnostics


def value_of(text: str) -> object:
    """The plain data of a text that must be sound."""
    node, found = parsed(text)
    assert node is not None
    assert not found
    return plain(node)


def only(text: str) -> Diagnostic:
    """The one finding of a text."""
    _, found = parsed(text)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("012", 12),
        ("0o17", 15),
        ("0x7", 7),
        ("0xFf", 255),
        ("+3", 3),
        ("-3", -3),
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        (".inf", inf),
        ("-.inf", -inf),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("2026-01-01", "2026-01-01"),
        ("1x7", "1x7"),
        ("1e", "1e"),
        (".", "."),
        ("=", "="),
    ],
)
def test_a_plain_scalar_has_its_value_of_yaml_1_2(text: str, value: object) -> None:
    found = resolve_scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_a_number() -> None:
    value = resolve_scalar(".nan")
    assert isinstance(value, float)
    assert isnan(value)


@pytest.mark.parametrize("text", ['"3"', "'3'", '"true"', "'null'", '"1e-3"'])
def test_a_quoted_scalar_is_a_text(text: str) -> None:
    assert value_of(f"k: {text}") == {"k": text.strip("\"'")}


def test_folded_and_literal_texts_are_texts() -> None:
    assert value_of("a: >-\n  one\n  two\nb: |\n  3\n") == {"a": "one two", "b": "3\n"}


def test_keys_and_values_know_where_they_stand() -> None:
    node, _ = parsed("a: 1\nlong_key:\n  - x\n  -   yy\n")
    assert isinstance(node, MappingNode)
    key, value = node.key("long_key"), node.get("long_key")
    assert key is not None
    assert (key.span.start, key.span.end) == ((2, 1), (2, 9))
    assert isinstance(value, SequenceNode)
    assert [item.span.start for item in value.items] == [(3, 5), (4, 7)]
    assert value.items[1].span.end == (4, 9)
    assert str(key.span) == "spec.yaml:2:1"


def test_columns_count_characters_and_not_bytes() -> None:
    node, _ = parsed('é😀: {"ü": 7}')
    assert isinstance(node, MappingNode)
    inner = node.get("é😀")
    assert isinstance(inner, MappingNode)
    assert inner.entries[0][1].span.start == (1, 11)


def test_a_mapping_spans_from_its_brace_to_behind_the_other() -> None:
    node, _ = parsed("k: {a: 1}")
    assert isinstance(node, MappingNode)
    inner = node.get("k")
    assert inner is not None
    assert (inner.span.start, inner.span.end) == ((1, 4), (1, 10))


def test_entries_keep_the_order_of_the_text() -> None:
    node, _ = parsed("z: 1\na: 2\nm: 3\n")
    assert isinstance(node, MappingNode)
    assert [key.text for key, _ in node.entries] == ["z", "a", "m"]


def test_an_unknown_key_of_a_node_is_none() -> None:
    node, _ = parsed("a: 1")
    assert isinstance(node, MappingNode)
    assert node.get("b") is None
    assert node.key("b") is None


def test_a_duplicate_key_is_reported_with_its_first_place() -> None:
    node, found = parsed("a: 1\nb: 2\na: 3\n")
    (finding,) = found
    assert finding.rule.code == "AG003"
    assert finding.span.start == (3, 1)
    assert finding.labels[0].span.start == (1, 1)
    assert node is not None
    assert plain(node) == {"a": 1, "b": 2}


def test_every_duplicate_key_is_reported() -> None:
    _, found = parsed("a: 1\na: 2\na: 3\nb: {c: 1, c: 2}\n")
    assert [finding.rule.code for finding in found] == ["AG003"] * 3


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("k: !!python/object/apply:os.system [ls]", "!!python/object/apply:os.system"),
        ("k: !!int 3", "!!int"),
        ("k: !mine 3", "!mine"),
        ("!!map {k: 1}", "!!map"),
        ("!!binary k: 1", "!!binary"),
    ],
)
def test_a_tag_is_refused(text: str, shown: str) -> None:
    finding = only(text)
    assert finding.rule.code == "AG004"
    assert f"`{shown}`" in finding.message


def test_a_merge_key_is_refused() -> None:
    node, found = parsed("base: &base {a: 1}\nmore:\n  <<: *base\n")
    assert node is None
    assert [finding.rule.code for finding in found] == ["AG004"]
    assert found[0].span.start == (3, 3)


def test_a_second_document_is_refused_where_it_starts() -> None:
    node, found = parsed("a: 1\n---\nb: 2\n")
    assert node is None
    assert found[0].rule.code == "AG004"
    assert found[0].span.start == (2, 1)


def test_one_document_may_begin_with_dashes() -> None:
    assert value_of("---\na: 1\n...\n") == {"a": 1}


def test_an_alias_repeats_its_value() -> None:
    assert value_of("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize("text", ["a: *x\n", "a: *x\nb: &x 1\n", "a: &x [*x]\n"])
def test_an_alias_without_an_anchor_before_it_is_refused(text: str) -> None:
    finding = only(text)
    assert finding.rule.code == "AG004"
    assert "`*x`" in finding.message


def test_a_tab_in_the_indentation_is_told_as_a_tab() -> None:
    finding = only("a:\n\tb: 1\n")
    assert finding.rule.code == "AG002"
    assert finding.span.start.line == 2
    assert "tab" in finding.message
    assert "spaces" in finding.help


@pytest.mark.parametrize(
    ("sign", "code"), [("\x00", "U+0000"), ("\x07", "U+0007"), ("\x1b", "U+001B")]
)
def test_a_control_character_is_named_and_pointed_at(sign: str, code: str) -> None:
    finding = only(f"a: 1\nb: x{sign}y\n")
    assert finding.rule.code == "AG002"
    assert code in finding.message
    assert finding.span.start == (2, 5)


def test_a_byte_order_mark_within_a_text_is_refused() -> None:
    assert "U+FEFF" in only("a: x\ufeffy\n").message


def test_one_hundred_kilobytes_of_brackets_hit_the_depth_limit_quickly() -> None:
    assert calls(lambda: parsed("[" * 100_000)) < FEW
    finding = only("[" * 100_000)
    assert finding.rule.code == "AG005"
    assert "64 levels" in finding.message


def test_one_hundred_kilobytes_of_dashes_hit_the_depth_limit_quickly() -> None:
    assert calls(lambda: parsed("- " * 50_000)) < FEW
    _, found = parsed("- " * 50_000)
    assert [finding.rule.code for finding in found] == ["AG005"]


def test_a_billion_laughs_hit_the_limit_of_events_quickly() -> None:
    lines = ['a0: &a0 ["lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol"]']
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert calls(lambda: parsed("\n".join(lines))) < FEW
    finding = only("\n".join(lines))
    assert finding.rule.code == "AG005"
    assert "500,000" in finding.message


def test_as_deep_as_the_limit_is_fine() -> None:
    node, found = parsed("[" * 64 + "]" * 64)
    assert node is not None
    assert not found


@pytest.mark.parametrize("digits", ["9" * 19, "-" + "9" * 5000, "+" + "0" * 100_000])
def test_a_number_of_too_many_digits_hits_a_limit(digits: str) -> None:
    finding = only(f"k: {digits}")
    assert finding.rule.code == "AG005"
    assert "18 digits" in finding.message


def test_eighteen_digits_are_a_number() -> None:
    assert value_of("k: " + "9" * 18) == {"k": 10**18 - 1}


@pytest.mark.parametrize("text", ["0x" + "f" * 100_000, "0o" + "7" * 100_000])
def test_an_endless_hexadecimal_number_is_a_text(text: str) -> None:
    assert resolve_scalar(text) == text


def test_an_unquoted_comparison_is_told_to_be_quoted() -> None:
    finding = only("when: >1\n")
    assert "quote the expression" in finding.help
    assert finding.span.start.line == 1


@pytest.mark.parametrize("text", ["when: > 3\n", "when: >= 3\n", "when: >\n", "when: >\nb: 1\n"])
def test_every_form_of_an_unquoted_comparison_is_told_to_be_quoted(text: str) -> None:
    node, found = parsed(text)
    assert node is None
    assert [finding.rule.code in ("AG002", "AG006") for finding in found] == [True]
    assert 'quote the expression: "> 3"' in found[0].help


def test_an_unquoted_call_is_told_with_the_call_in_quotes() -> None:
    node, found = parsed("conv: {filters: max(a, b), kernel: 3}")
    (finding,) = found
    assert node is None
    assert finding.rule.code == "AG006"
    assert finding.help == 'quote the expression: `filters: "max(a, b)"`'


def test_an_unquoted_call_of_three_values_is_told_whole() -> None:
    assert '`filters: "max(a, b, c)"`' in only("conv: {filters: max(a, b, c)}").help


def test_a_quoted_key_may_end_with_a_bracket() -> None:
    assert value_of('{"f(x)": 1}') == {"f(x)": 1}


@pytest.mark.parametrize("text", ["conv: {filters: {{ n }}}", "conv: {filters: ${n}, kernel: 3}"])
def test_braces_around_an_expression_are_told_to_go(text: str) -> None:
    _, found = parsed(text)
    assert found
    assert any("write `filters: n`" in finding.help for finding in found)


def test_a_list_as_a_key_is_refused() -> None:
    node, found = parsed("? [a, b]\n: 1\n")
    assert node is None
    assert [finding.rule.code for finding in found] == ["AG004"]


def test_a_bare_step_followed_by_a_key_is_told_to_take_braces() -> None:
    finding = only(
        """
        network:
          - global_avg_pool
            expect: {channels: 3}
        """
    )
    assert finding.rule.code == "AG002"
    assert "`- global_avg_pool: {}`" in finding.help


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2\nb: 3\n", "is missing here"),
        ('a: "x\n', "this quote is never closed"),
        ("a: b: c\n", "a `:` cannot stand here"),
        ("a: @x\n", "cannot begin a value"),
        ("a: `x`\n", "a backquote cannot begin a value"),
        ('a: "\\q"\n', "backslash"),
        ("a: 1\n  b: 2\n", "a `:` cannot stand here"),
        ("a:\n  b: 1\n c: 2\n", "indentation"),
        ("a: {b: 1\n", "is missing here"),
        ("a: - b\n", "a list cannot begin here"),
    ],
)
def test_a_slip_is_told_in_words_of_a_spec(text: str, message: str) -> None:
    finding = only(text)
    assert finding.rule.code == "AG002"
    assert message in finding.message


def test_the_line_that_lacks_the_colon_of_a_folded_text_is_told() -> None:
    finding = only("one:\n  why >-\n    words of a reason\n    and: more\n")
    (label,) = finding.labels
    assert (label.span.start.line, label.text) == (2, "or this line is where a `:` is missing")


def test_a_missing_space_behind_a_colon_is_seen() -> None:
    finding = only("network:\n  - conv:{filters: 3, kernel: 1}\n")
    assert finding.rule.code == "AG002"
    assert "put a space behind the colon" in finding.help


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_a_text_without_a_document_has_no_node(text: str) -> None:
    node, found = parsed(text)
    assert node is None
    assert not found
