"""What a run says about itself: gathered without stopping the device, told every few steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from time import perf_counter

import torch
from torch import Tensor

from archgen.train.evaluation import Evaluation
from archgen.train.gradients import Outcome
from archgen.train.progress import Progress, StepReport
from archgen.train.run import RunFolder
from archgen.train.schedule import Timeline
from archgen.train.utilisation import Utilisation

REPORT_EVERY = 10


@dataclass(slots=True)
class Journal:
    """Tells the run folder and the person about the steps since the last report.

    `done` counts the steps that were finished before the journal was begun.
    """

    run: RunFolder
    progress: Progress
    timeline: Timeline
    done: int = 0
    utilisation: Utilisation | None = None
    _losses: list[Tensor] = field(default_factory=list, init=False)
    _correct: list[Tensor] = field(default_factory=list, init=False)
    _images: int = field(default=0, init=False)
    _rate: float = field(default=0.0, init=False)
    _waited: float = field(default=0.0, init=False)
    _since: float = field(default_factory=perf_counter, init=False)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Notes the time inside as spent on getting a batch."""
        started = perf_counter()
        yield
        self._waited += perf_counter() - started

    def stepped(self, step: int, rate: float, made: Outcome, images: int) -> None:
        """Notes step `step`, counted from 0, and reports after the first and every tenth."""
        self._losses.append(made.loss)
        self._correct.append(made.correct)
        self._images += images
        self.done, self._rate = step + 1, rate
        self.progress.stepped()
        if self.done == 1 or self.done % REPORT_EVERY == 0:
            self.catch_up()

    def catch_up(self) -> None:
        """Reports the steps that no report has covered."""
        if self._losses:
            report = self._report()
            self.run.record({"kind": "train", **asdict(report)})
            self.progress.trained(report)
            self._losses, self._correct, self._images = [], [], 0
            self._waited, self._since = 0.0, perf_counter()

    def tested(self, evaluation: Evaluation) -> None:
        """Tells of an evaluation after the last noted step; its time counts for no step."""
        epoch = self.done / self.timeline.steps_per_epoch
        self.run.record({"kind": "test", "step": self.done, "epoch": epoch, **evaluation.figures()})
        self.progress.tested(self.done, evaluation)
        self._since = perf_counter()

    def _report(self) -> StepReport:
        losses = torch.stack(self._losses).tolist()
        seconds = perf_counter() - self._since
        speed, per_epoch = self._images / seconds, self.timeline.steps_per_epoch
        return StepReport(
            step=self.done,
            steps=self.timeline.steps,
            epoch=self.done / per_epoch,
            epochs=self.timeline.steps / per_epoch,
            loss=sum(losses) / len(losses),
            top1=int(torch.stack(self._correct).sum()) / self._images,
            learning_rate=self._rate,
            images_per_second=speed,
            data_wait=min(1.0, self._waited / seconds),
            seconds_left=(self.timeline.steps - self.done) * seconds / len(losses),
            mfu=self.utilisation.share(speed) if self.utilisation else None,
        )
