from __future__ import annotations

import pytest

from archgen.train import Recipe, TrainingError
from archgen.train.schedule import Timeline, learning_rate


def recipe(schedule: dict[str, object], epochs: int | None = None) -> Recipe:
    length = {"epochs": epochs} if epochs else {"steps": 100}
    fields = {"optimizer": {"name": "sgd", "lr": 2.0}, "schedule": schedule, "batch": 10}
    return Recipe.model_validate({**fields, **length})


def rates(schedule: dict[str, object], timeline: Timeline) -> list[float]:
    made = recipe(schedule)
    return [learning_rate(made, timeline, step) for step in range(timeline.steps)]


def test_an_epoch_is_the_full_batches_that_the_images_fill() -> None:
    timeline = Timeline.of(recipe({"name": "constant"}, epochs=3), images=57)
    assert timeline == Timeline(steps=15, steps_per_epoch=5)
    assert [timeline.epoch(step) for step in (0, 4, 5, 14)] == [0, 0, 1, 2]


def test_a_length_in_steps_is_taken_as_it_is() -> None:
    assert Timeline.of(recipe({"name": "constant"}), images=1000).steps == 100


def test_a_batch_larger_than_the_data_is_refused_with_what_to_write() -> None:
    with pytest.raises(TrainingError, match="set `batch` to 9 or less"):
        Timeline.of(recipe({"name": "constant"}), images=9)


def test_a_constant_rate_stays() -> None:
    assert set(rates({"name": "constant"}, Timeline(20, 5))) == {2.0}


def test_warmup_rises_linearly_and_reaches_the_full_rate_at_its_end() -> None:
    made = rates({"name": "constant", "warmup_steps": 3}, Timeline(6, 5))
    assert made == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]


def test_a_cosine_falls_from_the_full_rate_through_half_towards_its_floor() -> None:
    made = rates({"name": "cosine", "floor": 0.1}, Timeline(100, 5))
    assert made[0] == 2.0
    assert made[50] == pytest.approx(2.0 * 0.55)
    assert made == sorted(made, reverse=True)
    assert 0.2 < made[-1] < 0.21


def test_a_cosine_starts_to_fall_after_the_warmup() -> None:
    made = rates({"name": "cosine", "warmup_steps": 10}, Timeline(100, 5))
    assert max(made) == made[10] == 2.0


def test_a_staircase_falls_at_once_every_two_epochs() -> None:
    made = rates({"name": "staircase", "factor": 0.5, "epochs": 2}, Timeline(30, 5))
    assert made == [2.0] * 10 + [1.0] * 10 + [0.5] * 10


def test_a_staircase_of_less_than_a_step_still_has_steps() -> None:
    made = rates({"name": "staircase", "factor": 0.5, "epochs": 0.01}, Timeline(3, 5))
    assert made == [2.0, 1.0, 0.5]


def test_the_second_phase_counts_its_steps_from_its_own_start() -> None:
    then = {"name": "staircase", "factor": 0.5, "epochs": 1}
    phases = {"name": "two_phase", "low_lr": 0.01, "low_steps": 3, "then": then}
    made = rates(phases, Timeline(16, 5))
    assert made == [0.01] * 3 + [2.0] * 5 + [1.0] * 5 + [0.5] * 3


def test_a_cosine_after_a_low_phase_still_ends_at_its_floor() -> None:
    then = {"name": "cosine", "floor": 0.1}
    phases = {"name": "two_phase", "low_lr": 0.01, "low_steps": 50, "then": then}
    made = rates(phases, Timeline(150, 5))
    assert made[50] == 2.0
    assert made[100] == pytest.approx(2.0 * 0.55)
    assert 0.2 < made[-1] < 0.21


def test_every_rate_scales_with_the_batch_that_it_was_meant_for() -> None:
    phases = {"name": "two_phase", "low_lr": 0.01, "low_steps": 1, "then": {"name": "constant"}}
    made = recipe(phases).model_copy(update={"lr_for_batch": 40})
    found = [learning_rate(made, Timeline(2, 5), step) for step in range(2)]
    assert found == [0.01 / 4, 2.0 / 4]
