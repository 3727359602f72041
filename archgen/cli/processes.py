"""This process among those that a launcher has started with it: where it computes, and who speaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.exit_codes import LOST, UNUSABLE
from archgen.cli.report import status_of
from archgen.cli.terminal import note, silenced

if TYPE_CHECKING:
    import torch

    from archgen.train.launch import Launch
    from archgen.train.world import World


class Here(NamedTuple):
    """All processes of the run, and where this one computes."""

    world: World
    device: torch.device


@contextmanager
def here(device: str) -> Iterator[Here]:
    """This process and its peers, come together; alone unless a launcher such as torchrun says so.

    Only the first of them says anything, also of what ends all of them.
    """
    from archgen.train.launch import this_launch

    launch = this_launch()
    with _speaking_once(launch):
        place = launch.device(device)
        if launch.hint is not None:
            note(launch.hint)
        with launch.world(place) as world:
            yield Here(world, place)


@contextmanager
def _speaking_once(launch: Launch) -> Iterator[None]:
    from archgen.diagnostics import SpecError
    from archgen.train import TrainingError
    from archgen.train.errors import PeerLost

    if launch.share.rank == 0:
        yield
        return
    with silenced():
        try:
            yield
        except PeerLost:
            raise SystemExit(LOST) from None
        except (TrainingError, click.ClickException):
            raise SystemExit(UNUSABLE) from None
        except SpecError as error:
            raise SystemExit(status_of(error.diagnostics)) from None
