from __future__ import annotations

import math
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from archgen.train import TrainingError
from archgen.train.losses import Objective, split_outputs

LABELS = torch.tensor([0, 2])


class WithHeads(NamedTuple):
    """Logits and two auxiliary heads."""

    logits: Tensor
    early: Tensor
    late: Tensor


def test_indifferent_logits_cost_the_logarithm_of_the_classes() -> None:
    loss, _ = Objective(3)(torch.zeros(2, 3), LABELS)
    assert float(loss) == pytest.approx(math.log(3))


def test_label_smoothing_spreads_over_all_classes() -> None:
    logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 3.0]])
    loss, _ = Objective(3, label_smoothing=0.3)(logits, LABELS)
    target = 0.7 * F.one_hot(LABELS, 3) + 0.1
    expected = -(target * logits.log_softmax(1)).sum(1).mean()
    assert float(loss) == pytest.approx(float(expected))


def test_auxiliary_heads_count_by_their_weights() -> None:
    zeros, sure = torch.zeros(2, 3), torch.tensor([[50.0, 0, 0], [0, 0, 50.0]])
    objective = Objective(3, aux_weights={"early": 0.4, "late": 0.3})
    loss, logits = objective(WithHeads(sure, zeros, sure), LABELS)
    assert float(loss) == pytest.approx(0.4 * math.log(3))
    assert logits is sure


def test_an_auxiliary_head_without_a_weight_is_refused_by_name() -> None:
    zeros = torch.zeros(2, 3)
    with pytest.raises(TrainingError, match="`late` has no loss weight"):
        Objective(3, aux_weights={"early": 0.4})(WithHeads(zeros, zeros, zeros), LABELS)


def test_outputs_without_names_are_refused() -> None:
    with pytest.raises(TrainingError, match="returns a list"):
        split_outputs([torch.zeros(2, 3)])  # type: ignore[arg-type]  # what a network might return


def test_a_grid_of_logits_is_refused_with_what_is_missing() -> None:
    with pytest.raises(TrainingError, match=r"2 x 3 x 7 x 7.*global_avg_pool"):
        Objective(3)(torch.zeros(2, 3, 7, 7), LABELS)


def test_fewer_logits_than_classes_are_refused_and_more_are_not() -> None:
    with pytest.raises(TrainingError, match="give its last layer 3 outputs"):
        Objective(3)(torch.zeros(2, 2), LABELS)
    loss, _ = Objective(3)(torch.zeros(2, 4), LABELS)
    assert float(loss) == pytest.approx(math.log(4))
