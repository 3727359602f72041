"""What many findings cost, and how many are shown: work grows with the text, and not faster."""

from __future__ import annotations

from pathlib import Path

import pytest

from archgen.cli.palette import PLAIN
from archgen.cli.reporters import REPORTERS
from archgen.diagnostics import MAX_FINDINGS
from archgen.pipeline import check
from archgen.spec.files import SpecText, read_spec
from tests.compiling import ROOT, calls, codes

HEAD = "archgen: 1\nname: net\ninput: {channels: 1, grid: 32}\n"


def unknown_keys(n: int) -> str:
    return f"{HEAD}network:\n  - flatten\n" + "".join(f"x{i}: 1\n" for i in range(n))


def one_line(n: int) -> str:
    step = "{conv: {filters: 1, kernel: 1, padding: sam}}"
    return f"{HEAD}network: [{', '.join([step] * n)}]\n"


def duplicate_keys(n: int) -> str:
    return f"{HEAD}network:\n  - flatten\nnote: {{{', '.join(['a: 1'] * n)}}}\n"


def unknown_settings(n: int) -> str:
    return f"{HEAD}network:\n" + "  - conv: {filters: 1, kernel: 1, padding: same, width: 3}\n" * n


def unknown_names(n: int) -> str:
    return f"{HEAD}network:\n" + "".join(f"  - act: relu\n    from: s{i}\n" for i in range(n))


def alternatives(n: int) -> str:
    steps = "  - conv: {filters: n, kernel: 1, padding: same}\n" * n
    others = "".join(f"  a{i}: {{why: x, set: {{n: {i + 2}}}}}\n" for i in range(n))
    params = "params: {n: {type: int, default: 1}}\n"
    return f"{HEAD}{params}network:\n{steps}alternatives:\n{others}"


@pytest.mark.parametrize(
    "grow", [unknown_keys, one_line, duplicate_keys, unknown_settings, unknown_names]
)
def test_findings_cost_what_the_text_is_long(grow: object) -> None:
    def work(n: int) -> int:
        text = SpecText("net.yaml", grow(n))  # type: ignore[operator]  # one of the above
        found = check(text).diagnostics
        return calls(
            lambda: [check(text), *REPORTERS["full"](found, {"net.yaml": text.text}, PLAIN)]
        )

    assert work(400) < 3 * work(200)


@pytest.mark.parametrize("grow", [unknown_keys, unknown_names])
def test_a_thousand_findings_of_a_file_are_shown_and_the_others_counted(grow: object) -> None:
    found = check(SpecText("net.yaml", grow(1_500))).diagnostics  # type: ignore[operator]
    assert len(found) == MAX_FINDINGS + 1
    assert found[0].message.startswith("this file has more than 1,000 findings, and ")


def test_errors_behind_a_thousand_warnings_are_not_forgotten() -> None:
    steps = "  - act: relu\n    from: in\n" * 1_100
    text = f"{HEAD}network:\n{steps}expect: {{channels: 3}}\n"
    assert any(d.severity == "error" for d in check(SpecText("net.yaml", text)).diagnostics)


def test_alternatives_are_tried_up_to_a_limit() -> None:
    assert codes(alternatives(200)) == ["AG005"]
    assert not codes(alternatives(20))


def test_libraries_use_each_other_up_to_a_limit(tmp_path: Path) -> None:
    def written(count: int) -> list[str]:
        for i in range(count):
            use = f"use: {{b: l{i + 1}.yaml}}\n" if i < count - 1 else ""
            step = "b.a" if use else "act: relu"
            text = f"archgen: 1\n{use}blocks:\n  a:\n    body: [{step}]\n"
            (tmp_path / f"l{i}.yaml").write_text(text)
        (tmp_path / "net.yaml").write_text(f"{HEAD}use: {{b: l0.yaml}}\nnetwork: [b.a]\n")
        found = check(read_spec(tmp_path / "net.yaml")).diagnostics
        return [finding.message for finding in found]

    assert not written(20)
    assert written(250) == ["libraries use each other more than 32 files deep"]


def test_edits_look_at_a_base_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    steps = "".join(f"  - act: relu\n    id: s{i}\n" for i in range(1_000))
    (tmp_path / "base.yaml").write_text(f"{HEAD}network:\n{steps}")
    edits = "".join(f"  - {{at: network.s{i}.act, set: gelu}}\n" for i in range(1_000))
    own = f"archgen: 1\nname: net\nextends: base.yaml\nedit:\n{edits}"
    (tmp_path / "net.yaml").write_text(own)
    found = check(read_spec(tmp_path / "net.yaml")).diagnostics
    assert [finding.rule.code for finding in found] == ["AG005"]


@pytest.mark.parametrize("name", ["port_repeat2", "port_from_last"])
def test_a_block_with_outputs_is_not_repeated(name: str) -> None:
    found = check(read_spec(ROOT / "tests" / "cases" / "hostile" / f"{name}.yaml")).diagnostics
    assert "AG112" in {finding.rule.code for finding in found}


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u200f"])
def test_signs_that_turn_text_round_are_told_in_comments_and_texts(sign: str) -> None:
    for line in (f"# as{sign} printed\n", f'note: "as{sign} printed"\n'):
        assert codes(f"{HEAD}{line}network:\n  - flatten\n") == ["AG419"]
    assert not codes(f"{HEAD}# אב\nnetwork:\n  - flatten\n")
