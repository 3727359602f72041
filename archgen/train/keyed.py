"""Random numbers as a pure function of what they are for.

No generator is advanced, so none has to be saved: the draw for sample 17 in epoch 3 is the same
whatever was drawn before it, in whichever process, after however many interruptions.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint64]

_AT_ONCE = 256
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


class Purpose(IntEnum):
    """What a number is drawn for; different purposes are independent. Values are permanent."""

    ORDER = 1
    NETWORK = 2
    FLIP = 3
    CROP_TOP = 4
    CROP_LEFT = 5
    CROP_BOX = 6
    COLOUR = 7
    REPLACEMENT = 8


def draw(seed: int, purpose: Purpose, when: int, samples: NDArray[np.int64]) -> Bits:
    """64 random bits for each of `samples`, keyed by (seed, purpose, when, sample)."""
    state = _scramble(_started(seed, purpose) ^ np.uint64(when))
    return _scramble(state ^ samples.astype(np.uint64))


@lru_cache(maxsize=64)
def _started(seed: int, purpose: Purpose) -> Bits:
    """What all draws of a seed for a purpose begin with; nobody changes it."""
    return _scramble(_scramble(np.uint64(seed) ^ np.zeros(1, np.uint64)) ^ np.uint64(purpose))


def below(bits: Bits, limit: int) -> NDArray[np.int64]:
    """Integers from 0 to `limit` - 1, uniform up to limit / 2**32."""
    return (((bits >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32)).astype(np.int64)


def uniforms(
    seed: int, purpose: Purpose, when: int, samples: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """`count` numbers for each of `samples`, uniform in [0, 1), keyed likewise."""
    bits = draw(seed, purpose, when, samples)[:, None] ^ np.arange(count, dtype=np.uint64)
    numbers: NDArray[np.float64] = (_scramble(bits) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers


def order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The order in which `epoch` visits `count` samples."""
    bits = draw(seed, Purpose.ORDER, epoch, np.arange(count))
    return np.argsort(bits, kind="stable").astype(np.int64)


def network_seed(seed: int, step: int, rank: int = 0) -> int:
    """What process `rank` seeds torch with before `step`, for the network's draws such as dropout."""
    return int(_network_seeds(seed, step // _AT_ONCE, rank)[step % _AT_ONCE])


@lru_cache(maxsize=4)
def _network_seeds(seed: int, block: int, rank: int) -> Bits:
    """Those of a block of steps: drawing one costs as much as drawing all of them."""
    steps = np.arange(block * _AT_ONCE, (block + 1) * _AT_ONCE, dtype=np.uint64)
    state = _scramble(_started(seed, Purpose.NETWORK) ^ steps)
    return _scramble(state ^ np.uint64(rank)) >> np.uint64(1)


def _scramble(state: Bits) -> Bits:
    """The output function of SplitMix64 (Steele, Lea, Flood 2014), modulo 2**64."""
    state = state + _GOLDEN
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))
