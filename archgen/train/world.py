"""The processes that train one network together: what each is told, does and decides with the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Share:
    """The part of the work that process `rank` of `size` has; both count from 0."""

    rank: int = 0
    size: int = 1

    def of(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """One of `size` runs of `items` in their order, whose lengths differ by one at most."""
        ends = [len(items) * rank // self.size for rank in (self.rank, self.rank + 1)]
        return items[slice(*ends)]


WHOLE = Share()


class State(Protocol):
    """What can be handed from one process to another."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain Python values."""

    def load_state_dict(self, content: dict[str, Any]) -> None:
        """Takes over what `state_dict` gave."""


class World:
    """All processes of a run. By itself it is one process that trains alone.

    Between two steps all of them hold the same weights, statistics and averages, bit by bit. The
    first one alone writes the run folder and speaks to the person. Each calls the same methods here
    in the same order; whatever one of them can meet by itself (a file, a full disk, a signal)
    happens in `together`, so that none waits for another that has stopped.
    """

    share = WHOLE

    @property
    def size(self) -> int:
        """How many processes there are."""
        return self.share.size

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.share.rank == 0

    def together(self, action: Callable[[], Result]) -> Result:
        """What `action` gives here, once it has succeeded everywhere; what one raised, all raise."""
        return action()

    def entering(self, context: AbstractContextManager[Result]) -> AbstractContextManager[Result]:
        """A context that is entered by all processes or by none."""
        return _entering(self, context)

    def pooled(self, own: Sequence[str]) -> list[str]:
        """What every process has to say, in the order of the processes."""
        return list(own)

    def is_any(self, *, one: bool) -> bool:
        """Whether it is so in one of the processes."""
        return one

    def sum(self, values: Tensor) -> Tensor:
        """The sums of `values` over the processes, in place; on a GPU nothing waits for them."""
        return values

    def follow_first(self, tensors: Iterable[Tensor]) -> None:
        """Copies the tensors of the first process into those of the others."""

    def take_from_first(self, state: State) -> None:
        """Gives the other processes the state of the first."""

    def parallel(self, model: nn.Module) -> nn.Module:
        """`model`, called so that its gradients become the means over the processes."""
        return model

    def apart(self, model: nn.Module) -> AbstractContextManager[None]:
        """Inside, what `parallel` gave leaves the gradients as they are in each process."""
        del model
        return nullcontext()


ALONE = World()


@contextmanager
def _entering(world: World, context: AbstractContextManager[Result]) -> Iterator[Result]:
    with ExitStack() as stack:
        yield world.together(lambda: stack.enter_context(context))
