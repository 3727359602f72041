from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archgen.lift.lifting import Lifted, lift
from archgen.lift.recording import NotRecorded
from archgen.lift.source import Original
from tests.lift.modules import NETWORKS, ConvNorm, Last, Residual


def lifted(module: nn.Module, channels: int = 3, grid: int = 16, *, proof: bool = True) -> Lifted:
    name = type(module).__name__.lower()
    original = Original(module.eval(), name, f"tests:{name}", channels, (grid, grid))
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, channels, grid, grid, generator=generator)
    return lift(original, images, with_proof=proof)


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_lifted_network_gives_the_same_logits_to_the_bit(kind: type[nn.Module]) -> None:
    module = kind()
    proof = lifted(module).proof
    assert proof is not None
    assert (
        proof.is_exact or kind is Last
    )  # torch's gelu goes by how the numbers lie, in the last digit
    assert proof.largest > 0
    assert proof.params == sum(parameter.numel() for parameter in module.parameters())


def test_the_spec_reads_as_somebody_would_have_written_it() -> None:
    text = lifted(Residual()).text
    assert "name: residual\n" in text
    assert 'source: {code: "tests:residual"}' in text
    assert "num_classes: {type: int, default: 5}" in text
    assert "- linear: {features: num_classes}\n" in text


def test_without_proof_nothing_is_run_again() -> None:
    assert lifted(Residual(), proof=False).proof is None


class Auxiliary(nn.Module):
    """A head that only training uses, and a layer that does something in training alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = ConvNorm(3, 8)
        self.aux = nn.Linear(8, 5)
        self.noise = Noise()

    def forward(self, x: Tensor) -> Tensor:
        x = self.noise(self.conv(x))
        if self.training:
            self.aux(x.mean((2, 3)))
        return x


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x) if self.training else x


def test_what_evaluation_does_not_use_is_told() -> None:
    assert lifted(Auxiliary()).remarks == (
        "`noise` does nothing in evaluation, and is left out",
        "`aux` is left out: nothing comes of its 45 parameters in evaluation",
    )


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_what_cannot_be_followed_is_told() -> None:
    with pytest.raises(NotRecorded, match="there is nothing to lift"):
        lifted(nn.Sequential(nn.Identity()))
    with pytest.raises(NotRecorded, match="`1` is compiled"):
        lifted(nn.Sequential(nn.ReLU(), torch.jit.script(nn.ReLU())))


class Pair(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


def test_a_forward_of_two_inputs_is_refused() -> None:
    with pytest.raises(NotRecorded, match=r"wants 2 inputs, `x`, `y`"):
        lifted(Pair())


@pytest.mark.parametrize(
    ("module", "what"),
    [
        (nn.Sequential(nn.Conv1d(3, 4, 3)), "`0` \\(Conv1d\\) works on sequences"),
        (nn.Sequential(nn.BatchNorm1d(3), nn.LSTM(3, 4)), "`1` \\(LSTM\\) works on sequences"),
        (nn.Conv3d(3, 4, 3), "`Conv3d` works on volumes"),
    ],
)
def test_a_network_of_sequences_or_volumes_is_told_that_grids_have_two_sides(
    module: nn.Module, what: str
) -> None:
    with pytest.raises(NotRecorded, match=f"{what}, and the grid of a spec has two sides"):
        lifted(module)
