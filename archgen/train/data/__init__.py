"""Data sets: embedded, made up, or from a folder; held in memory as uint8."""

from archgen.train.data.images import ImageSet, InputShape, Split
from archgen.train.data.load import load_data

__all__ = ["ImageSet", "InputShape", "Split", "load_data"]
