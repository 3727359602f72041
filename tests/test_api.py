"""archgen as a library: its public names, and what they give and raise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch

import archgen
from archgen.cli import main
from tests.compiling import SPECS

TINY = dedent(
    """\
    archgen: 1
    name: tiny
    input: {channels: 3, grid: 8}
    params: {num_classes: {type: int, default: 10}}
    network:
      - conv: {filters: 4, kernel: 1, padding: same}
      - global_avg_pool
      - linear: {features: num_classes}
    """
)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


def test_check_takes_a_path_a_name_and_a_text(spec: Path) -> None:
    assert archgen.check(spec) == []
    assert archgen.check(str(spec)) == []
    assert archgen.check("inception_resnet_mini") == []
    assert archgen.check(TINY) == []
    (finding,) = archgen.check(TINY.replace("kernel", "kernal"))
    assert finding.rule.code in ("AG105", "AG106")


def test_check_tells_of_a_file_that_cannot_be_read() -> None:
    assert [finding.rule.code for finding in archgen.check("absent.yaml")] == ["AG001"]
    assert [finding.rule.code for finding in archgen.check("absent")] == ["AG001"]


def test_load_gives_the_network_or_every_finding(spec: Path) -> None:
    assert archgen.load(spec).sound_network().network.title == "tiny"
    spec.write_text(TINY.replace("kernel", "kernal").replace("linear", "liner"))
    with pytest.raises(archgen.SpecError) as raised:
        archgen.load(str(spec))
    assert len(raised.value.diagnostics) >= 2
    assert raised.value.sources == {str(spec): spec.read_text()}


def test_load_refuses_a_file_of_blocks() -> None:
    with pytest.raises(archgen.SpecError, match="AG111"):
        archgen.load(SPECS / "blocks" / "stems.yaml")


def test_emit_is_what_the_command_line_writes(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(spec)]) == 0
    assert archgen.emit(spec) == capsys.readouterr().out
    assert archgen.emit(archgen.load(spec)) == archgen.emit(str(spec))


def test_build_is_a_live_network_with_the_params_given(spec: Path) -> None:
    images = torch.zeros(2, 3, 8, 8)
    assert archgen.build(spec)(images).shape == (2, 10)
    net = archgen.build(archgen.load(spec), num_classes=7)
    assert net(images).shape == (2, 7)
    assert type(net).__name__ == "Tiny"


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"num_classes": "ten"}, "num_classes"),
        ({"num_classes": 1.5}, "num_classes"),
        ({"num_classes": None}, "num_classes"),
        ({"num_classes": -3}, "-3"),
        ({"num_classes": 0}, "0"),
        ({"num_classes": [10]}, "num_classes"),
        ({"num_clases": 10}, "did you mean `num_classes`?"),
    ],
)
def test_build_refuses_params_that_the_spec_does_not_take(
    spec: Path, params: dict[str, object], told: str
) -> None:
    with pytest.raises(archgen.SpecError) as caught:
        archgen.build(spec, **params)
    (finding,) = caught.value.diagnostics
    assert told in f"{finding.span.source} {finding.message} {finding.help}"


def test_build_takes_the_whole_numbers_of_other_libraries(spec: Path) -> None:
    images = torch.zeros(2, 3, 8, 8)
    assert archgen.build(spec, num_classes=np.int64(7))(images).shape == (2, 7)


def test_emit_is_a_function_also_after_its_package_is_loaded(spec: Path) -> None:
    code = f"""
import archgen.emit.source
from archgen.emit import ModuleSource
import archgen
from archgen import emit
assert "class Tiny" in archgen.emit({str(spec)!r})
assert emit is archgen.emit
assert "archgen.emit" in __import__("sys").modules
"""
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_only_public_names_are_there() -> None:
    assert archgen.__all__ == ["SpecError", "__version__", "build", "check", "emit", "load"]
    assert all(hasattr(archgen, name) for name in archgen.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = archgen.nothing  # type: ignore[attr-defined]  # that is the point
