"""`archgen import`: what is printed, what is written, and what is told of a network that is no spec."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from safetensors.torch import load_file

from archgen import build
from archgen.lift.source import original
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


def test_what_the_module_does_and_a_spec_warns_of_is_allowed_with_its_name(
    archgen: Command,
) -> None:
    """The first convolution of the module has a bias that the batch norm after it cancels."""
    result = archgen("import", "net.py:Net", "--grid", "8", "--channels", "1")
    assert "allow: [AG309]  # so it is in the module: bias-before-norm\n" in result.out


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


KEPT = """
    import torch
    from torch import nn

    class Streams(nn.Module):
        # two equal streams, a layer under two names, a factor of no layer, and a head that nothing reads
        def __init__(self):
            super().__init__()
            torch.manual_seed(3)
            made = lambda: nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8, momentum=0.3))
            self.rgb, self.depth = made(), made()
            self.factor, self.unread = nn.Parameter(torch.rand(8, 1, 1)), nn.Linear(4, 4)
            self.again, self.fc = self.depth, nn.Linear(8, 5)

        def forward(self, x):
            return self.fc((self.rgb(x) + self.factor * self.depth(x).relu()).mean((2, 3)))

    class Loose(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)
            self.w, self.b = nn.Parameter(torch.rand(4, 4)), nn.Parameter(torch.rand(4))

        def forward(self, x):
            return nn.functional.linear(self.conv(x).mean((2, 3)), self.w, self.b)
"""


@pytest.fixture
def kept(folder: Path) -> Path:
    (folder / "kept.py").write_text(dedent(KEPT))
    return folder


def test_weights_and_map_of_a_module_are_kept_as_the_proof_found_them(
    archgen: Command, kept: Path
) -> None:
    results = ("-o", "kept.yaml", "--save-weights", "kept.safetensors", "--write-map", "map.yaml")
    result = archgen("import", "kept.py:Streams", "--grid", "8", *results)
    assert result.status == 0, result.err
    assert archgen("check", "kept.yaml", "map.yaml", "--strict").status == 0
    module = original("kept.py:Streams").module
    torch.save(module.state_dict(), kept / "theirs.pth")
    arguments = ("kept.yaml", "theirs.pth", "--map", "map.yaml", "-o", "imported.safetensors")
    assert archgen("weights", "import", *arguments).status == 0
    images = torch.randn(2, 3, 8, 8)
    for name in ("kept.safetensors", "imported.safetensors"):
        network = build("kept.yaml").eval()
        network.load_state_dict(load_file(kept / name))
        assert torch.equal(network(images), module(images))


def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    archgen: Command, kept: Path
) -> None:
    before = {*kept.iterdir()}
    for target, results, why in (
        ("Loose", ("-o", "a.yaml", "--write-map", "m.yaml"), "which no one layer owns"),
        ("Streams", ("--write-map", "m.yaml"), "--write-map needs -o SPEC.yaml"),
        ("Streams", ("-o", "a.yaml", "--write-map", "a.yaml"), "a file of its own"),
        ("Streams", ("--save-weights", "w.pth"), "must end in .safetensors"),
        ("Streams", ("--save-weights", "w.safetensors", "--no-proof"), "leave --no-proof out"),
        ("Streams", ("-o", "kept.py", "--force"), "kept.py"),
    ):
        result = archgen("import", f"kept.py:{target}", "--grid", "8", *results)
        assert result.status == 2, results
        assert why in result.err
    assert {*kept.iterdir()} - before <= {kept / "__pycache__"}
