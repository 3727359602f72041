"""Where a name or a path on the command line becomes images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import torch

from archgen.diagnostics import did_you_mean
from archgen.train.data import fashion_mnist, synthetic
from archgen.train.data.held import HeldListing, fits_in_memory, hold
from archgen.train.data.idx_folder import is_idx_folder, load_idx_folder
from archgen.train.data.image_folder import FolderImages, class_names, list_image_folder
from archgen.train.data.images import ImageSet, InputShape, Split, viewed
from archgen.train.data.listing import Renumbered
from archgen.train.data.splits import has_tar_shards, split_folder
from archgen.train.data.streamed_set import Loading, StreamedSet
from archgen.train.data.survey import notes_on
from archgen.train.data.tar_shards import TarImages, list_tar_shards, tar_classes
from archgen.train.errors import DataError

Images: TypeAlias = ImageSet | StreamedSet
AS_THEY_ARE = Loading()
EMBEDDED: dict[str, Callable[[Split, InputShape], ImageSet]] = {
    fashion_mnist.NAME: lambda split, shape: fashion_mnist.load_fashion_mnist(split),  # noqa: ARG005
    synthetic.NAME: synthetic.load_synthetic,
}


def load_data(
    name_or_path: str,
    *,
    channels: int,
    height: int,
    width: int,
    split: Split,
    loading: Loading = AS_THEY_ARE,
) -> Images:
    """One split of a data set, resized and recoloured to channels x height x width.

    `name_or_path` is `fashion_mnist` (embedded: 8,000 train, 2,000 test), `synthetic`, a folder of
    gzipped IDX files, or a folder with `train/` and `test/` or `val/`, each with a folder of images
    for each class or with tar files of such folders; to measure, `val/` alone will do. Images in folders
    and tar files are held in memory where they take up to 1 GiB and no preset has to see them whole;
    otherwise streamed.
    Raises `DataError`, naming the file at fault.
    """
    shape = InputShape(channels, height, width)
    if name_or_path in EMBEDDED:
        return _prepared(EMBEDDED[name_or_path](split, shape), shape, loading)
    folder = Path(name_or_path)
    if not folder.is_dir():
        raise DataError(_unknown(name_or_path))
    if is_idx_folder(folder):
        return _prepared(load_idx_folder(folder, split), shape, loading)
    listing = listing_of(folder, split, loading)
    streamed = StreamedSet.of(listing, shape, loading)
    streamed.bad.notes = tuple(notes_on(listing, folder, split, loading.look, streamed.preparation))
    return hold(streamed) if loading.preset is None and fits_in_memory(streamed) else streamed


def with_classes(images: Images, classes: tuple[str, ...]) -> Images:
    """The same images, labelled by the place of their class among `classes`, which have them all."""
    numbers = {name: number for number, name in enumerate(classes)}
    places = torch.tensor([numbers[name] for name in images.classes], dtype=torch.int64)
    labels = places[images.labels]
    if isinstance(images, ImageSet):
        return replace(images, labels=labels, classes=classes)
    listing = Renumbered(images.listing, classes, labels.numpy())
    return replace(images, listing=listing)


def _prepared(data: ImageSet, shape: InputShape, loading: Loading) -> Images:
    """Images in memory, which are all of one size, as the preparation makes them."""
    if loading.preset is not None:
        return StreamedSet.of(HeldListing(data), shape, replace(loading, workers=0))
    shape.check_room_for(len(data), data.name)
    prepared = loading.prepared_for(shape)
    return replace(data, images=viewed(data.images, shape, prepared), preparation=prepared)


def listing_of(folder: Path, split: Split, loading: Loading) -> FolderImages | TarImages:
    """The images of one split; classes are those of `train/`, where there is one."""
    look, root = loading.look, folder.resolve()
    classes = None
    if split == "test" and (root / "train").is_dir():
        trained = split_folder(root, "train", look)
        is_packed = has_tar_shards(trained)
        classes = tar_classes(root, "train", look) if is_packed else class_names(trained)
    measured = split_folder(root, split, look)
    if has_tar_shards(measured):
        return list_tar_shards(root, split, look, classes)
    return list_image_folder(root, split, loading.on_bad, look, classes or class_names(measured))


def _unknown(name: str) -> str:
    nearest = did_you_mean(name, EMBEDDED)
    if nearest:
        return f"no data set or folder `{name}`; did you mean `{nearest}`?"
    known = " or ".join(f"`{known}`" for known in EMBEDDED)
    return f"no data set or folder `{name}`; give a folder, or {known}"
