"""An `allow` covers what stands within its step, block or file, and must cover something."""

from __future__ import annotations

from pathlib import Path

import pytest

from archgen.pipeline import check
from archgen.spec.files import read_spec
from tests.compiling import codes, compiled, findings

HEAD = """archgen: 1
name: net
input: {channels: 3, grid: 8}
"""
POOL = "max_pool: {kernel: 3, stride: 2, padding: valid}"  # drops the last of 8 rows


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}network:\n  - {POOL}\n    allow: AG308\n",
        f"{HEAD}allow: [AG308]\nnetwork:\n  - {POOL}\n",
        f"{HEAD}blocks:\n  b:\n    allow: AG308\n    body: [{{{POOL}}}]\nnetwork: [b]\n",
        f"{HEAD}network:\n  - concat:\n      a: [{{{POOL}}}]\n    allow: AG308\n",
    ],
)
def test_an_allow_covers_its_step_its_block_or_its_file(text: str) -> None:
    assert not codes(text)
    assert codes(text.replace("AG308", "AG403")) in (["AG308", "AG410"], ["AG410", "AG308"])


def test_an_allow_covers_nothing_beside_its_step() -> None:
    text = f"{HEAD}network:\n  - conv: {{filters: 4, kernel: 1, padding: same}}\n    allow: AG308\n"
    assert codes(f"{text}  - {POOL}\n") == ["AG410", "AG308"]
    inner = (
        f"{HEAD}blocks:\n  b:\n    body: [{{{POOL}}}]\nnetwork:\n  - b: {{}}\n    allow: AG308\n"
    )
    assert codes(inner) == ["AG308", "AG410"]


def test_an_allow_that_acknowledges_nothing_is_told_at_its_own_word() -> None:
    (finding,) = findings(f"{HEAD}allow: [AG308, AG404]\nnetwork:\n  - {POOL}\n")
    assert finding.message == "there is no AG404 to acknowledge here"
    assert finding.span.start == (4, 16)
    assert finding.severity == "warning"


def test_an_idle_allow_can_be_allowed_itself() -> None:
    assert not codes(f"{HEAD}allow: [AG404, AG410]\nnetwork:\n  - act: relu\n")


def test_of_a_step_that_is_left_out_here_nothing_is_claimed() -> None:
    step = f"  - {POOL}\n    when: in.channels > 3\n    allow: AG308\n"
    assert not codes(f"{HEAD}network:\n  - act: relu\n{step}")


def test_where_there_are_errors_nothing_is_claimed() -> None:
    text = f"{HEAD}allow: AG404\nnetwork:\n  - {POOL}\n    expect: {{grid: 9}}\n"
    assert codes(text) == ["AG308", "AG501"]


def test_of_a_library_only_what_no_shape_decides_is_claimed(tmp_path: Path) -> None:
    library = f"archgen: 1\nallow: [AG308, AG405]\nblocks:\n  b:\n    body: [{{{POOL}}}]\n"
    assert codes(library) == ["AG410"]
    (tmp_path / "lib.yaml").write_text(library)
    path = tmp_path / "net.yaml"
    path.write_text(f"{HEAD}use: {{lib: lib.yaml}}\nnetwork: [lib.b]\n")
    assert not check(read_spec(path)).diagnostics


def test_an_allow_holds_as_printed_too() -> None:
    text = f"{HEAD}network:\n  - {POOL}\n    allow: AG308\n"
    assert not compiled(text, as_printed=True).diagnostics
