from __future__ import annotations

import numpy as np
import pytest

from archgen.train import keyed
from archgen.train.keyed import Purpose


def test_a_draw_depends_on_its_key_and_on_nothing_else() -> None:
    together = keyed.draw(7, Purpose.FLIP, 3, np.arange(100))
    alone = keyed.draw(7, Purpose.FLIP, 3, np.array([42]))
    assert together[42] == alone[0]


@pytest.mark.parametrize(
    ("seed", "purpose", "when"),
    [(8, Purpose.FLIP, 3), (7, Purpose.CROP_TOP, 3), (7, Purpose.FLIP, 4)],
)
def test_every_part_of_the_key_matters(seed: int, purpose: Purpose, when: int) -> None:
    samples = np.arange(1000)
    here, there = keyed.draw(7, Purpose.FLIP, 3, samples), keyed.draw(seed, purpose, when, samples)
    assert not (here == there).any()
    agree = (keyed.below(here, 2) == keyed.below(there, 2)).mean()
    assert 0.4 < agree < 0.6


def test_the_draws_are_the_ones_that_past_runs_had() -> None:
    assert keyed.draw(1, Purpose.ORDER, 2, np.array([3]))[0] == 0x6B360221EDD5A20A
    assert keyed.order(0, 0, 8).tolist() == [1, 6, 5, 4, 3, 7, 2, 0]


def test_numbers_below_a_limit_are_uniform() -> None:
    made = keyed.below(keyed.draw(0, Purpose.CROP_LEFT, 0, np.arange(90_000)), 9)
    counts = np.bincount(made, minlength=9)
    assert len(counts) == 9
    assert abs(counts - 10_000).max() < 500


def test_an_order_visits_every_sample_once() -> None:
    assert sorted(keyed.order(0, 5, 1000).tolist()) == list(range(1000))
    assert keyed.order(0, 5, 1000).tolist() != keyed.order(0, 6, 1000).tolist()


def test_the_networks_seeds_differ_from_step_to_step_and_suit_torch() -> None:
    seeds = [keyed.network_seed(2**63 - 1, step) for step in range(1000)]
    assert len(set(seeds)) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_networks_seed_is_a_draw_of_its_step_and_process() -> None:
    for step in (0, 255, 256, 1001):
        drawn = keyed.draw(7, Purpose.NETWORK, step, np.arange(3)) >> np.uint64(1)
        assert [keyed.network_seed(7, step, rank) for rank in range(3)] == drawn.tolist()
