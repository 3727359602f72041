"""Modules that pass on their input in evaluation, and drop some of it in training: found by trying them.

A `DropPath` is what drops whole samples and scales up the others, whatever its class is called; one that
drops something else is none, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

_KNOWN = {"DropPath": "drop_prob", "StochasticDepth": "p"}  # where these have their rate
_SAMPLES, _SHAPE = 4096, (2, 2, 2)  # enough for a rate of a thousandth to show


class Drop(NamedTuple):
    """What a module does in training: an op of the table, and its rate, which may be 0."""

    op: str
    rate: float


def drops_of(module: nn.Module) -> Mapping[int, Drop]:
    """What the modules inside drop in training, by identity; only of those whose code is not torch's."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return dict(_drops(module))


def _drops(module: nn.Module) -> Iterator[tuple[int, Drop]]:
    for each in module.modules():
        owns = any(True for _ in (*each.children(), *each.parameters(), *each.buffers()))
        if not owns and not type(each).__module__.startswith("torch.nn.modules."):
            drop = _drop_of(each)
            if drop is not None:
                yield id(each), drop


def _drop_of(module: nn.Module) -> Drop | None:
    """What a module drops, found on ones; by its class alone where it cannot be run on these."""
    ones, was_training = torch.ones(_SAMPLES, *_SHAPE), module.training
    try:
        if not torch.equal(module.train(False)(ones.clone()), ones):
            return None
        made = module.train()(ones.clone())
    except (Exception, SystemExit):  # noqa: BLE001  # the user's own code, on what it may not be for
        rates = getattr(module, _KNOWN.get(type(module).__name__, ""), None)
        return Drop("stochastic_depth", rates) if isinstance(rates, float) else None
    finally:
        module.train(was_training)
    is_like = isinstance(made, Tensor) and made.shape == ones.shape
    return _dropped(made, [*_numbers(module)]) if is_like else None


def _numbers(module: nn.Module) -> Iterator[float]:
    """The numbers that a module has as attributes."""
    for value in vars(module).values():
        if isinstance(value, float) or (isinstance(value, Tensor) and value.numel() == 1):
            yield float(value)


def _dropped(made: Tensor, numbers: Sequence[float]) -> Drop | None:
    """What was dropped of ones. The rate is the number of the module that explains the scale of the rest."""
    if bool((made == 1).all()):
        return Drop("stochastic_depth", 0.0) if 0 in numbers else None
    kept, scale = (made != 0).flatten(1), float(made.max())
    rates = (rate for number in numbers for rate in (number, round(1 - number, 12)) if 0 < rate < 1)
    fitting = [rate for rate in rates if abs(scale * (1 - rate) - 1) < 1e-5]
    rate = min(fitting, key=lambda rate: len(repr(rate)), default=None)
    is_scaled = bool((made[made != 0] == scale).all())
    if rate is None or not is_scaled or bool(kept.all()) or not bool(kept.any()):
        return None
    if _is_by(kept):
        samples = kept.all(1)
        return None if bool((samples == samples[0]).all()) else Drop("stochastic_depth", rate)
    return None if _is_by(kept.unflatten(1, (_SHAPE[0], -1))) else Drop("dropout", rate)


def _is_by(kept: Tensor) -> bool:
    """Whether all along the last side are dropped together."""
    return bool((kept.all(-1) | ~kept.any(-1)).all())
