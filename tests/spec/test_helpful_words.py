"""What new users wrote, and the help that names what to type instead."""

from __future__ import annotations

import pytest

from archgen.diagnostics import SpecError
from archgen.pipeline import check
from archgen.spec.files import SpecText

HEAD = "archgen: 1\nname: net\ninput: {channels: 3, grid: 32}\ndefaults: {conv: {padding: same}}\n"
CONV = "conv: {filters: 4, kernel: 1}"


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("network:\n  - conv: {filters: 2 ** 3, kernel: 1}\n", "`n * n`"),
        ("network:\n  - conv: {filters: 4, kernel: in.height x in.width}\n", "write `3x5`"),
        ("network:\n  - conv: {filters: 4, kernel: 1, repeat: 2}\n", "`repeat:` beside the step"),
        ("network:\n  - conv: {filters: 4, kernel: 1} x 5\n", "write `repeat: 5`"),
        (f"inputs: [a, b]\nnetwork: [{CONV}]\n", "a network has one input"),
        (
            "network:\n  - conv: {filters: 4, kernel: 1, bias: true, norm: batch}\n",
            "allow: [AG309]",
        ),
        (
            f"params: {{k: {{type: int, default: 1, doc: width, 7 / 2}}}}\nnetwork: [{CONV}]\n",
            "quote the text that holds it",
        ),
    ],
)
def test_the_help_says_what_to_type(text: str, help: str) -> None:
    found = check(SpecText("net.yaml", HEAD + text)).diagnostics
    assert any(help in finding.help for finding in found)


def test_an_input_that_is_a_list_hides_nothing_else() -> None:
    text = "archgen: 1\nname: a b\ninput: [3, 64, 32]\nnetwork:\n  - cnov: {}\n  - conv: {filtres: 3}\n"
    found = check(SpecText("net.yaml", text)).diagnostics
    assert [finding.rule.code for finding in found] == ["AG108", "AG007", "AG103", "AG105"]
    assert found[1].help == "write `input: {channels: 3, height: 64, width: 32}`"


def test_a_gate_of_one_channel_is_told_what_it_is_not() -> None:
    join = "multiply: {x: [], gate: [conv: {filters: 1, kernel: 7}]}"
    gate = f"network:\n  - conv: {{filters: 8, kernel: 1}}\n  - {join}\n"
    (finding,) = check(SpecText("net.yaml", HEAD + gate)).diagnostics
    assert "one channel is not stretched over the others" in finding.message
    assert "filters: 8" not in finding.help
    assert not finding.fixes


def test_findings_and_their_error_read_like_the_command_line() -> None:
    compilation = check(SpecText("net.yaml", HEAD + "network:\n  - cnov: {}\n"))
    (finding,) = compilation.diagnostics
    said = "net.yaml:6:5: error[AG103] `cnov` is neither an op nor a block\n  help: did you mean `conv`?"
    assert str(finding) == said
    assert str(SpecError(compilation.diagnostics)) == said


def test_branches_of_joins_without_ids_are_one_finding_of_a_join() -> None:
    join = "  - concat: {a: [conv: {filters: 4, kernel: 1}], b: [], c: [identity]}\n"
    found = check(SpecText("net.yaml", f"{HEAD}network:\n{join}{join}")).diagnostics
    (finding,) = [one for one in found if one.rule.code == "AG109"]
    assert finding.message == "the names `a`, `b`, `c` are taken in this list"
    assert "give the `concat` an `id:`" in finding.help
    assert len(finding.labels) == 5
