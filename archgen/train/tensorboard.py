"""The reports of a run as TensorBoard reads them, beside `metrics.jsonl`, which stays the source."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from archgen.train.errors import TrainingError
from archgen.train.evaluation import Evaluation
from archgen.train.progress import Progress, StepReport

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
SHOWN = ("loss", "top1", "learning_rate", "images_per_second", "data_wait", "mfu", "epoch")


def require_tensorboard() -> None:
    """Raises `TrainingError` with what to type where the extra `tensorboard` is missing."""
    if find_spec("tensorboard") is None:
        raise TrainingError(
            "`--tensorboard` needs tensorboard: `pip install 'archgen[tensorboard]'` brings it"
        )


class TensorBoardProgress(Progress):
    """Writes event files into `folder`; what a run that was killed wrote of later steps is taken back."""

    def __init__(self, folder: Path) -> None:
        require_tensorboard()
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def start(self, steps: int, done: int = 0) -> None:
        """Opens a new event file; readers drop what older ones say of steps after `done`."""
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  # the extra, if asked for

        self._writer = SummaryWriter(str(self._folder), purge_step=done + 1)

    def trained(self, report: StepReport) -> None:
        """A point of each figure, under `train/`."""
        for name in SHOWN:
            self._add(f"train/{name}", getattr(report, name), report.step)

    def tested(self, step: int, evaluation: Evaluation) -> None:
        """A point of each figure, under `test/`, on the disk at once."""
        for name in ("loss", "top1", "top5"):
            self._add(f"test/{name}", evaluation.figures()[name], step)
        if self._writer is not None:
            self._writer.flush()

    def stop(self) -> None:
        """Closes the event file."""
        if self._writer is not None:
            self._writer.close()

    def _add(self, name: str, value: float | None, step: int) -> None:
        if self._writer is not None and value is not None:
            self._writer.add_scalar(name, value, step)
