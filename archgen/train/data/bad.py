"""Images that cannot be used: refused by name, or left out up to a share, and never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple

from archgen.train.errors import DataError

OnBad = Literal["error", "skip"]

MAX_BAD_SHARE = 0.001
LISTED = 12


class BadImage(NamedTuple):
    """Where an image is, and why it cannot be used."""

    place: str
    reason: str


@dataclass(slots=True)
class BadImages:
    """What was found so far among `total` images.

    With `error` the first find raises `DataError`; with `skip` the find that makes them more than
    `max_share` of all. Either names what was found, the first dozen of them in full. `empty` names the
    class folders without images, which `skip` leaves out too; `notes` are what else a person should know
    of the images, a line each.
    """

    name: str
    total: int
    on_bad: OnBad = "error"
    max_share: float = MAX_BAD_SHARE
    empty: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    found: dict[str, str] = field(default_factory=dict)
    _news: list[BadImage] = field(default_factory=list, init=False)

    def add(self, images: Iterable[BadImage]) -> None:
        """Notes those that are new. An image that is met again counts once."""
        news = [image for image in images if image.place not in self.found]
        self.found.update(news)
        self._news += news
        if not news:
            return
        if self.on_bad == "error":
            raise DataError(self._told("leave them out with `--on-bad skip`"))
        if len(self.found) > self.max_share * self.total:
            raise DataError(
                self._told(
                    f"`--max-bad` allows {100 * self.max_share:g} % of them, "
                    f"and these are {100 * len(self.found) / self.total:.2g} %"
                )
            )

    def pool(self, pooled: Callable[[Sequence[str]], list[str]]) -> None:
        """Adds what other processes have found since; `pooled` gives what all of them say."""
        said = pooled([json.dumps(image) for image in self._news])
        self.add(BadImage(*json.loads(text)) for text in said)
        self._news.clear()

    def since(self, known: int) -> list[BadImage]:
        """Those that were found after the first `known`."""
        return [BadImage(*each) for each in islice(self.found.items(), known, None)]

    def left_out(self, images: Sequence[BadImage]) -> list[str]:
        """How many are left out so far, and which `images` are new among them, line by line."""
        count, share = len(self.found), 100 * len(self.found) / self.total
        verb = "is" if count == 1 else "are"
        head = f"{count:,} of the {self.total:,} images of `{self.name}` {verb} left out ({share:.2g} %)"
        if len(images) == 1:
            return [f"{head}: {images[0].reason}"]
        return [f"{head}:", *_listed([image.reason for image in images])] if images else [head]

    def lines(self) -> list[str]:
        """The first of them, one a line, and how many there are besides."""
        return _listed(list(self.found.values()))

    def _told(self, advice: str) -> str:
        if len(self.found) == 1 and self.on_bad == "error":
            return f"{next(iter(self.found.values()))}; leave such images out with `--on-bad skip`"
        head = f"{len(self.found)} of the {self.total} images of `{self.name}` cannot be used"
        return "\n".join((f"{head}; {advice}:", *self.lines()))


def _listed(reasons: Sequence[str]) -> list[str]:
    named = [f"  {reason}" for reason in reasons[:LISTED]]
    rest = len(reasons) - LISTED
    return [*named, f"  and {rest:,} more"] if rest > 0 else named
