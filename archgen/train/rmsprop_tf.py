"""RMSProp in TensorFlow's form, in which the paper's rates and `eps` of 1.0 are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT


class RMSpropTF(Optimizer):
    """RMSProp as `tf.train.RMSPropOptimizer` computes it, not centred; without a closure.

    For each weight w with gradient g, rate lr, decay alpha:

        g    <- g + weight_decay * w
        ms   <- alpha * ms + (1 - alpha) * g^2          ms starts at one
        move <- momentum * move + lr * g / sqrt(ms + eps)   move starts at zero
        w    <- w - move

    `torch.optim.RMSprop` starts ms at zero, adds `eps` outside the root and multiplies by the
    rate after the momentum, so that a fall of the rate takes hold at once; here the moves made
    at the old rate run out first.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        alpha: float = 0.9,
        eps: float = 1.0,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        for name, value in (("lr", lr), ("eps", eps), ("weight_decay", weight_decay)):
            if value < 0:
                raise ValueError(f"`{name}` must be at least 0, and {value} is not")
        for name, value in (("alpha", alpha), ("momentum", momentum)):
            if not 0 <= value < 1:
                raise ValueError(f"`{name}` must be at least 0 and below 1, and {value} is not")
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "momentum": momentum,
            "weight_decay": weight_decay,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # torch has overloads
        """Moves every weight that has a gradient; the gradients stay as they are."""
        if closure is not None:
            raise ValueError("RMSpropTF takes no closure")
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if weights:
                self._move(weights, group)

    def _move(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [cast("Tensor", weight.grad) for weight in weights]
        squares = [self._kept(weight, "square_avg", 1.0) for weight in weights]
        moves = [self._kept(weight, "momentum_buffer", 0.0) for weight in weights]
        if group["weight_decay"]:
            decay = group["weight_decay"]
            gradients = list(torch._foreach_add(gradients, weights, alpha=decay))  # noqa: SLF001  # as torch's own optimizers
        torch._foreach_mul_(squares, group["alpha"])
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - group["alpha"])
        roots = torch._foreach_add(squares, group["eps"])  # noqa: SLF001  # as above
        torch._foreach_sqrt_(roots)
        torch._foreach_mul_(moves, group["momentum"])
        torch._foreach_addcdiv_(moves, gradients, roots, value=group["lr"])
        torch._foreach_sub_(weights, moves)

    def _kept(self, weight: Tensor, name: str, start: float) -> Tensor:
        """What is remembered of a weight under a name, from `start` on."""
        state = self.state[weight]
        if name not in state:
            state[name] = torch.full_like(weight, start, memory_format=torch.preserve_format)
        return cast("Tensor", state[name])
