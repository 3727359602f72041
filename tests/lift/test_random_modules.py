"""Random small modules: each is refused in words, or its spec is equal in evaluation and in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archgen.emit import emit
from archgen.emit.module import build_class
from archgen.lift.matching import OutsideTheTable
from archgen.lift.proving import NotProved
from archgen.lift.recording import NotRecorded
from archgen.pipeline import check
from archgen.spec.files import SpecText
from tests.lift.test_lifting import lifted

WIDTH = 8
Maker = Callable[[], nn.Module]


class Random8(nn.Module):
    """Steps over values of one shape, chosen by a seed; each reads values that came before."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        chance = Random(seed)  # noqa: S311  # the same module for a seed
        self.stem = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.layers = nn.ModuleDict()
        self.plan: list[tuple[str, tuple[int, ...]]] = []
        for number in range(1, chance.randint(3, 9)):
            kind = chance.choice(
                "conv conv conv norm relu sum sum minus product cat split halves drop".split()
            )
            count = {"sum": 2, "minus": 2, "product": 2, "cat": chance.randint(2, 3)}.get(kind, 1)
            self.plan.append((kind, tuple(chance.randrange(number) for _ in range(count))))
            made = self._layer(kind, chance)
            if made is not None:
                self.layers[str(number)] = made
        last = len(self.plan)
        self.outputs = [
            last,
            *(chance.randrange(1, last + 1) for _ in range(chance.choice((0, 0, 1, 2)))),
        ]
        chance.shuffle(self.outputs)
        torch.manual_seed(seed)

    def _layer(self, kind: str, chance: Random) -> nn.Module | None:
        momentum = chance.choice((0.1, 0.1, 0.01, 0.0, None))
        makers: dict[str, Maker] = {
            "conv": lambda: nn.Conv2d(WIDTH, WIDTH, chance.choice((1, 3)), padding="same"),
            "norm": lambda: nn.BatchNorm2d(WIDTH, momentum=momentum, affine=chance.random() < 0.8),
            "cat": lambda: nn.LazyConv2d(WIDTH, 1),
            "split": lambda: nn.Conv2d(WIDTH // 2, WIDTH // 2, 3, padding=1),
            "drop": lambda: nn.Dropout(chance.choice((0.0, 0.3))),
        }
        return makers[kind]() if kind in makers else None

    def forward(self, x: Tensor) -> Sequence[Tensor]:
        values = [self.stem(x)]
        for number, (kind, reads) in enumerate(self.plan, 1):
            given = [values[place] for place in reads]
            values.append(self._step(kind, given, number))
        return [values[place] for place in self.outputs]

    def _step(self, kind: str, given: Sequence[Tensor], number: int) -> Tensor:
        first = given[0]
        match kind:
            case "relu":
                return F.relu(first)
            case "sum":
                return first + given[1]
            case "minus":
                return first - 0.5 * given[1]
            case "product":
                return first * torch.sigmoid(given[1])
            case "cat":
                made: Tensor = self.layers[str(number)](torch.cat(list(given), 1))
                return made
            case "split":
                one, other = first.chunk(2, 1)
                added = other + self.layers[str(number)](other)
                return torch.cat([one, added], 1)
            case "halves":
                return torch.cat([first[:, WIDTH // 2 :], first[:, : WIDTH // 2]], 1)
        result: Tensor = self.layers[str(number)](first)
        return result


def outputs_of(module: nn.Module, images: Tensor) -> list[Tensor]:
    made = module(images)
    return [made] if isinstance(made, Tensor) else list(made)


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_a_random_module_is_refused_or_equal_in_evaluation_and_training(start: int) -> None:
    lifts = 0
    for seed in range(start, start + 10):
        module = Random8(seed)
        try:
            found = lifted(module, grid=8)
        except (OutsideTheTable, NotRecorded):
            continue
        except NotProved as error:  # what training alone makes another network
            pytest.fail(f"{seed}: {error}")
        assert found.proof is not None
        assert not found.proof.untrained
        assert check(SpecText("lifted.yaml", found.text)).diagnostics == ()
        network = built(found.text)
        network.load_state_dict(found.weights)
        images = torch.randn(4, 3, 8, 8)
        for mode in (False, True):
            for each in (module, network):
                each.train(mode)
                for inner in each.modules():
                    if isinstance(inner, nn.Dropout):
                        inner.eval()
            pairs = zip(outputs_of(network, images), outputs_of(module, images), strict=True)
            assert all(torch.allclose(one, other, atol=1e-4) for one, other in pairs), seed
        lifts += 1
    assert lifts


def built(text: str) -> nn.Module:
    compilation = check(SpecText("lifted.yaml", text))
    made: nn.Module = build_class(emit(compilation.sound_network(), compilation.sources, "net"))()
    return made
