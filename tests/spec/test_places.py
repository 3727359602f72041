"""Every place that is told lies in the text, and long words do not make long messages."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Diagnostic, Position, SpecError
from archgen.spec.files import decode
from tests.compiling import findings
from tools.fuzzing.promises import checked

HEAD = "archgen: 1\nname: n\ninput: {channels: 3, grid: 8}\n"


@pytest.mark.parametrize(
    "text",
    [
        "{{{{",
        f"{HEAD}network:\n  - conv: {{filters: 16, padding: ",
        "%\navg_pool\n",
        "archgen: 1\rname: n\r[",
        f"{HEAD}network: ",
        f"{HEAD}network: []\nexpect: {{params: 1 + }}\n",
        f"{HEAD}network: []\nexpect:\n  params: {'-' * 40}",
    ],
)
def test_a_place_at_the_end_of_a_text_lies_in_it(text: str) -> None:
    assert checked(text.encode()).broken == ""


def test_a_byte_that_is_no_text_is_shown_in_its_line_whatever_ends_the_lines() -> None:
    with pytest.raises(SpecError) as raised:
        decode(b"archgen: 1\rname: \xe8\r", "spec.yaml")
    assert raised.value.diagnostics[0].span.start == Position(2, 7)
    assert raised.value.sources == {"spec.yaml": "archgen: 1\rname: \ufffd\r"}


@pytest.mark.parametrize(
    "where",
    ["gr{}: 1\nnetwork: []\n", "network:\n  - con{}: {{}}\n", "network: []\nparams: {{a: i{}}}\n"],
)
def test_a_word_of_very_many_letters_is_cut_in_messages(where: str) -> None:
    found = findings(HEAD + where.format("a" * 900))
    assert found
    assert all(len(finding.message) <= 500 for finding in found)
    assert any("aaa...aaa" in finding.message for finding in found)


def only(text: str) -> Diagnostic:
    (found,) = (finding for finding in findings(text) if finding.severity == "error")
    return found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{HEAD}network:\n     - act: relu\n  - act: relu\n", 5),
        (f"{HEAD}network:\n - act: relu\n  - act: relu\n", 5),
        (f"{HEAD}network:\n  - add:\n    a: []\n      b: []\n", 6),
        (" archgen: 1\nname: n\n", 1),
        ("archgen 1\nname: n\n", 1),
        (f"{HEAD}network:\n  - add:\n      a: [\n      b:\n        - act: relu\n", 6),
        (f"{HEAD}network:\n  - add: {{a: [], b: [1]\n  - act: relu\n", 5),
    ],
)
def test_a_slip_that_yaml_finds_late_is_shown_where_it_may_stand(text: str, line: int) -> None:
    found = only(text)
    assert found.rule.code == "AG002"
    assert line in [label.span.start.line for label in found.labels]


def test_a_long_name_that_a_refused_value_belongs_to_is_cut() -> None:
    found = only(f"{HEAD}network:\n  - split: {{{'a' * 1000}}}\n")
    assert found.rule.code == "AG107"
    assert len(found.message) <= 500
