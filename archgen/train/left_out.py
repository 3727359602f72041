"""What a run goes without: images that cannot be used, told to the person and kept in `metrics.jsonl`."""

from __future__ import annotations

from dataclasses import dataclass, field

from archgen.train.data import Images, Split, StreamedSet
from archgen.train.data.bad import LISTED, BadImage
from archgen.train.progress import Progress
from archgen.train.run import RunFolder, Scalar

KIND = "left_out"


@dataclass(slots=True)
class LeftOut:
    """Tells of each bad image once, by name for the first dozen of a set, and records all of them.

    A run that goes on records none that it knew of before.
    """

    run: RunFolder
    progress: Progress
    _seen: dict[Split, int] = field(default_factory=dict, init=False)
    _recorded: set[tuple[object, object]] | None = field(default=None, init=False)

    def recall(self, split: Split, data: Images) -> None:
        """Lets those count that the run went without before it was resumed.

        Raises `DataError` where they are more than may be left out.
        """
        bad = data.bad
        if bad is None or bad.on_bad != "skip" or not isinstance(data, StreamedSet):
            return  # a set in memory has looked at all of its images already
        known = [report for report in self.run.reports(KIND) if report.get("split") == split]
        places = [(str(each.get("image")), str(each.get("reason"))) for each in known]
        bad.add(BadImage(*each) for each in places if each[0].startswith(bad.name))

    def look(self, split: Split, step: int, data: Images) -> None:
        """Takes what was found bad in `data` since the last look; `step` counts finished steps."""
        bad, seen = data.bad, self._seen.get(split)
        if bad is None or len(bad.found) == seen:
            return
        if seen is None:
            for line in (*bad.notes, *bad.empty):
                self.progress.tell(line)
        news = bad.since(seen or 0)
        self._seen[split] = len(bad.found)
        for image in news:
            self._record(split, step, image)
        if news and (seen or 0) < LISTED:
            self._tell(bad.left_out(news))

    def sum_up(self, data: Images) -> None:
        """Tells how many there were at the end, where they came one by one."""
        if data.bad is not None and len(data.bad.found) > LISTED:
            self._tell(data.bad.left_out(()))
            self.progress.tell(f"each is named in `{self.run.metrics}`")

    def _tell(self, lines: list[str]) -> None:
        for line in lines:
            self.progress.tell(line)

    def _record(self, split: Split, step: int, image: BadImage) -> None:
        if self._recorded is None:
            before = self.run.reports(KIND)
            self._recorded = {(report.get("split"), report.get("image")) for report in before}
        if (split, image.place) in self._recorded:
            return
        what: dict[str, Scalar] = {"kind": KIND, "step": step, "split": split}
        self.run.record({**what, "image": image.place, "reason": image.reason})
