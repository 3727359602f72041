"""The plain calls of torch that random networks are held against."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tools.fuzzing.tensors import HARDSIGMOID_SLOPE, hardsigmoid


def test_hardsigmoid_has_the_derivative_of_torch_which_is_no_sixth() -> None:
    x = torch.linspace(-4, 4, 101, dtype=torch.float64, requires_grad=True)
    theirs, ours = F.hardsigmoid(x), hardsigmoid(x)
    assert torch.equal(theirs, ours)
    (of_theirs,) = torch.autograd.grad(theirs.sum(), x)
    (of_ours,) = torch.autograd.grad(ours.sum(), x)
    assert torch.equal(of_theirs, of_ours)
    assert HARDSIGMOID_SLOPE != 1 / 6
