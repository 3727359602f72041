from __future__ import annotations

import numpy as np
import pytest
import torch

from archgen.train import ImageSet, Recipe
from archgen.train.batches import Batches, augmented, crop
from archgen.train.recipe import Augment
from archgen.train.schedule import Timeline

CPU = torch.device("cpu")


@pytest.fixture
def batches(images: ImageSet, recipe: Recipe) -> Batches:
    return Batches(images, recipe, Timeline.of(recipe, len(images)), seed=5)


def test_an_epoch_visits_each_sample_at_most_once(batches: Batches) -> None:
    epoch = np.concatenate([batches.samples(step) for step in range(6)])
    assert len(set(epoch.tolist())) == len(epoch) == 96


def test_each_epoch_has_its_own_order(batches: Batches) -> None:
    assert batches.samples(0).tolist() != batches.samples(6).tolist()


def test_a_batch_is_a_function_of_its_step_alone(images: ImageSet, recipe: Recipe) -> None:
    made = recipe.model_copy(update={"augment": Augment(flip=True, crop_padding=2)})
    timeline = Timeline.of(recipe, len(images))
    walked = [Batches(images, made, timeline, seed=5).at(step, CPU) for step in range(9)]
    jumped = Batches(images, made, timeline, seed=5).at(8, CPU)
    assert torch.equal(walked[8][0], jumped[0])
    assert torch.equal(walked[8][1], jumped[1])


def test_images_and_labels_stay_together(batches: Batches, images: ImageSet) -> None:
    made, labels = batches.at(3, CPU)
    samples = torch.from_numpy(batches.samples(3))
    assert torch.equal(labels, images.labels[samples])
    assert torch.equal(made, images.normalised(images.images[samples]))


def test_no_augmentation_leaves_the_images_alone(images: ImageSet) -> None:
    same = augmented(images.images, Augment(), 0, 0, np.arange(len(images)))
    assert same is images.images


def test_a_flip_mirrors_about_half_of_the_images(images: ImageSet) -> None:
    made = augmented(images.images, Augment(flip=True), 0, 0, np.arange(len(images)))
    kept = (made == images.images).flatten(1).all(1)
    mirrored = (made == images.images.flip(3)).flatten(1).all(1)
    assert (kept ^ mirrored).all()
    assert 30 < int(mirrored.sum()) < 70


def test_a_crop_shifts_each_image_by_its_own_offset_and_fills_with_black() -> None:
    image = torch.arange(1, 13, dtype=torch.uint8).view(1, 1, 3, 4)
    shifted = crop(image.expand(2, -1, -1, -1), 1, torch.tensor([0, 2]), torch.tensor([1, 2]))
    assert shifted[0, 0].tolist() == [[0, 0, 0, 0], [1, 2, 3, 4], [5, 6, 7, 8]]
    assert shifted[1, 0].tolist() == [[6, 7, 8, 0], [10, 11, 12, 0], [0, 0, 0, 0]]


def test_crops_reach_every_offset() -> None:
    image = torch.zeros(1, 1, 5, 5, dtype=torch.uint8)
    image[0, 0, 2, 2] = 255
    made = augmented(image.expand(400, -1, -1, -1), Augment(crop_padding=2), 0, 0, np.arange(400))
    places = {tuple(place) for place in (made[:, 0] == 255).nonzero()[:, 1:].tolist()}
    assert places == {(row, column) for row in range(5) for column in range(5)}


def test_a_sample_changes_from_epoch_to_epoch(images: ImageSet) -> None:
    augment, samples = Augment(crop_padding=3), np.arange(len(images))
    first, second = (augmented(images.images, augment, 0, epoch, samples) for epoch in (0, 1))
    assert not torch.equal(first, second)
