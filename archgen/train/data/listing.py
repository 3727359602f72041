"""What all sets of encoded images have in common: labels, places, and pixels on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from archgen.train.preparation import PLAIN, Preparation


class Listing(Protocol):
    """Images that are found and counted but not decoded; it can be sent to another process."""

    @property
    def name(self) -> str:
        """What the set is called."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each image, as an index into `classes`."""

    @property
    def empty(self) -> tuple[str, ...]:
        """Where classes without images are."""

    def place(self, index: int) -> str:
        """Where image `index` is, as errors call it."""

    def decoded(self, index: int, prepared: Preparation = PLAIN) -> Tensor:
        """Image `index` as uint8, 1 x channels x height x width. Raises `DataError` naming it.

        Of `prepared` it takes what decoding has to know: EXIF rotation and transparency.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Renumbered:
    """The images of a listing with the classes of a network, which are more or in another order."""

    listing: Listing
    classes: tuple[str, ...]
    labels: NDArray[np.int64]

    @property
    def name(self) -> str:
        """What the set is called."""
        return self.listing.name

    @property
    def empty(self) -> tuple[str, ...]:
        """Where classes without images are."""
        return self.listing.empty

    def place(self, index: int) -> str:
        """Where image `index` is, as errors call it."""
        return self.listing.place(index)

    def decoded(self, index: int, prepared: Preparation = PLAIN) -> Tensor:
        """Image `index` as uint8, 1 x channels x height x width. Raises `DataError` naming it."""
        return self.listing.decoded(index, prepared)
