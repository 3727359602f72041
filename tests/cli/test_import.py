"""`archgen import`: what is printed, what is written, and what is told of a network that is no spec."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cli.conftest import Command

NET = dedent(
    """\
    import torch
    import torch.nn.functional as F
    from torch import nn

    class Net(nn.Module):
        def __init__(self, width=8):
            super().__init__()
            self.conv1 = nn.Conv2d(1, width, 3, padding=1)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, padding=1)
            self.fc = nn.Linear(width * 16, 10)

        def forward(self, x):
            x = F.relu(self.bn1(self.conv1(x)))
            x = F.max_pool2d(x + self.conv2(x), 2)
            return self.fc(x.view(x.size(0), -1))

    class Strange(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.Sequential(*(nn.ELU() for _ in range(5)))

        def forward(self, x):
            x = self.parts(x)
            return torch.fft.rfft2(x).abs() if x.max() > 0 else x
    """
)


@pytest.fixture(autouse=True)
def net(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [*sys.path])
    path = folder / "net.py"
    path.write_text(NET)
    return path


def test_the_spec_goes_to_stdout_and_the_proof_beside_it(archgen: Command) -> None:
    result = archgen("import", "net.py:Net", "--grid", "8")
    proof = "proved: 1,970 parameters, 42,752 MACs, logits equal to the bit\n"
    assert (result.status, result.err) == (0, proof)
    assert result.out.startswith(
        'archgen: 1\nname: net\nsource: {code: "net.py:Net"}\ninput: {channels: 1, grid: 8}\n'
    )


def test_what_is_written_checks_without_a_word(archgen: Command) -> None:
    result = archgen("import", "net.py:Net", "--grid", "8", "--set", "width=4", "-o", "net.yaml")
    assert (result.status, result.out) == (0, "")
    assert result.err.startswith("wrote net.yaml\nproved: ")
    assert archgen("check", "net.yaml", "--strict").status == 0
    assert archgen("fmt", "--check", "net.yaml").status == 0


def test_a_file_that_is_there_stays_unless_told_otherwise(archgen: Command, folder: Path) -> None:
    (folder / "net.yaml").write_text("mine")
    arguments = ("import", "net.py:Net", "--grid", "8", "-o", "net.yaml")
    result = archgen(*arguments)
    assert (result.status, result.out) == (2, "")
    assert "`net.yaml` is there already: --force writes over it" in result.err
    assert (folder / "net.yaml").read_text() == "mine"
    assert archgen(*arguments, "--force").status == 0
    assert (folder / "net.yaml").read_text() != "mine"


def test_the_file_that_is_lifted_is_never_written_over(archgen: Command, net: Path) -> None:
    result = archgen("import", "net.py:Net", "--grid", "8", "-o", "net.py", "--force")
    assert result.status == 2
    assert net.read_text() == NET


def test_without_proof_it_says_so(archgen: Command) -> None:
    result = archgen("import", "net.py:Net", "--grid", "8", "--no-proof")
    assert (result.status, result.err) == (0, "not proved: --no-proof was given\n")


def test_an_input_that_does_not_fit_is_told_with_its_size(archgen: Command) -> None:
    result = archgen("import", "net.py:Net")
    assert (result.status, result.out) == (2, "")
    assert "it cannot be run on 2 images of 1x224x224: `fc` raises RuntimeError" in result.err
    assert "with --grid and --channels" in result.err


@pytest.mark.parametrize("size", ["0", "8x8x8", "x8", "-3", "9999999", "a"])
def test_a_size_that_is_none_is_refused(archgen: Command, size: str) -> None:
    assert archgen("import", "net.py:Net", "--grid", size).status == 2


def test_all_that_is_outside_the_table_is_named_with_its_places(
    archgen: Command, folder: Path
) -> None:
    result = archgen("import", "net.py:Strange", "--grid", "8", "-o", "strange.yaml")
    assert (result.status, result.out) == (1, "")
    lines = result.err.splitlines()
    assert lines[:5] == [
        "error: `elu` is outside the op table",
        *(f"   --> in `parts.{number}` (net.py:24)" for number in range(3)),
        "   and 2 more",
    ]
    assert "error: to go by the values of a tensor (`__bool__`) is outside the op table" in lines
    assert "error: `fft_rfft2` is outside the op table" in lines
    assert not (folder / "strange.yaml").exists()


def test_hostile_words_stay_words(archgen: Command, folder: Path) -> None:
    result = archgen("import", "\x1b[2Jnet.py:Net")
    assert result.status == 2
    assert "\x1b" not in result.err
    name = "a\x1b]0;b\n.py"
    (folder / name).write_text(NET)
    result = archgen("import", f"{name}:Net", "--grid", "8")
    assert result.status == 0
    assert "\x1b" not in result.out + result.err


def test_modules_with_hostile_names_give_a_sound_spec(archgen: Command, folder: Path) -> None:
    text = """
        from torch import nn

        def net():
            made = nn.Sequential(nn.Conv2d(3, 4, 1))
            inner = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU())
            for number in range(3):
                made.add_module(f"class: [{number}]\\n - x\\x1b", inner if number == 0 else nn.ReLU())
            return made
    """
    (folder / "odd.py").write_text(dedent(text))
    result = archgen("import", "odd.py:net", "--grid", "8", "-o", "odd.yaml")
    assert result.status == 0, result.err
    assert archgen("check", "odd.yaml", "--strict").status == 0
    assert "\x1b" not in (folder / "odd.yaml").read_text()
