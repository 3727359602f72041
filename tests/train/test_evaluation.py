from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from archgen.train import ImageSet, evaluate
from archgen.train.evaluation import correct, device_of


class ByBrightness(nn.Module):
    """Logits that name the nearest brightness, and a count of the images seen."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.modes: set[bool] = set()

    def forward(self, images: Tensor) -> Tensor:
        self.seen += len(images)
        self.modes.add(self.training)
        grey = (images.mean((1, 2, 3)) * 0.5 + 0.5) * 255
        return -(grey[:, None] - torch.tensor([30.0, 120.0, 210.0])).abs()


@pytest.mark.parametrize("batch", [1, 7, 64, 100, 1000])
def test_every_image_counts_once_whatever_the_batch(images: ImageSet, batch: int) -> None:
    model = ByBrightness()
    evaluation = evaluate(model, images, batch)
    assert model.seen == evaluation.count == 100
    assert evaluation.correct_top1 == 100
    assert evaluation.loss == pytest.approx(evaluate(ByBrightness(), images, 100).loss, abs=1e-9)


def test_a_model_that_knows_nothing_is_right_for_one_class(images: ImageSet) -> None:
    class Constant(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.tensor([1.0, 0.0, 0.0]).expand(len(images), 3)

    evaluation = evaluate(Constant(), images, 9)
    assert evaluation.top1 == 34 / 100
    assert evaluation.top5 == 1.0
    expected = math.log(math.e + 2) - 34 / 100
    assert evaluation.loss == pytest.approx(expected)


def test_evaluation_runs_in_eval_mode_and_restores_the_mode(images: ImageSet) -> None:
    for training in (True, False):
        model = ByBrightness().train(training)
        evaluate(model, images, 50)
        assert model.modes == {False}
        assert model.training is training


def test_evaluation_changes_no_statistics(
    images: ImageSet, tiny: Callable[[int], nn.Module]
) -> None:
    model = tiny(0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    evaluate(model, images, 32)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_top_five_counts_the_five_largest() -> None:
    logits = torch.arange(8.0).expand(2, 8)
    assert correct(logits, torch.tensor([3, 2]), 5) == 1
    assert correct(logits, torch.tensor([7, 6]), 1) == 1


def test_a_model_without_parameters_is_on_the_cpu() -> None:
    assert device_of(nn.Flatten()) == torch.device("cpu")
