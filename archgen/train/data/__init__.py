"""Data sets: embedded, made up, or from a folder; small ones in memory, large ones streamed."""

from archgen.train.data.images import ImageSet, InputShape, Split
from archgen.train.data.load import Images, load_data
from archgen.train.data.streamed_set import Loading, StreamedSet, default_workers

__all__ = [
    "ImageSet",
    "Images",
    "InputShape",
    "Loading",
    "Split",
    "StreamedSet",
    "default_workers",
    "load_data",
]
