"""Where the time and the memory of a training step go, module by module, by torch's own profiler.

Every module's forward pass is wrapped in a named range. A function of the backward pass bears the number
of the forward call that recorded it, so its time goes to the module in whose range that call was.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch._C._autograd import DeviceType
from torch.autograd.profiler import record_function
from torch.autograd.profiler_util import Interval
from torch.profiler import ProfilerActivity, profile

from archgen.train.evaluation import device_of
from archgen.train.learner import Learner
from archgen.train.losses import Objective
from archgen.train.recipe import Recipe
from archgen.train.schedule import Timeline

RANGE = "archgen: "
BACKWARD = "autograd::engine::evaluate_function: "
OPTIMIZER = "Optimizer.step"
WARM_UP = 2
os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler tells when it starts and stops


class Spent(NamedTuple):
    """Seconds of a step, and the bytes that the forward pass leaves behind for the backward pass."""

    forward: float = 0.0
    backward: float = 0.0
    kept: float = 0.0

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def seconds(self) -> float:
        """Both passes."""
        return self.forward + self.backward


@dataclass(frozen=True, slots=True)
class StepProfile:
    """What a step takes, on average over `steps` of them.

    `modules` has what each module spends itself, those inside it left out; the network itself is
    called by an empty name. On a GPU seconds are those of its kernels, else of the calling thread.
    `plain` and `profiled` are the seconds of whole steps by the clock, without and with the profiler;
    `peak` is the most bytes of tensors at a time, on a GPU with the weights, else without; None
    where nobody counts them.
    """

    modules: dict[str, Spent]
    optimizer: float
    plain: float
    profiled: float
    peak: int | None
    steps: int

    @property
    def total(self) -> Spent:
        """The network as a whole."""
        return together(self.modules.values())

    def within(self, path: str) -> Spent | None:
        """What the modules at a path and in them spend together; None where there are none.

        In a path `0..3` stands for each of four instances.
        """
        found = [spent for name, spent in self.modules.items() if is_within(name, path)]
        return together(found) if found else None


def together(parts: Iterable[Spent]) -> Spent:
    """The sum of several."""
    return reduce(Spent.plus, parts, Spent())


def is_within(module: str, path: str) -> bool:
    """Whether a module is at or below a path; see `StepProfile.within`."""
    wanted = re.split(r"(?<!\.)\.(?!\.)", path)
    names = module.split(".")
    return len(names) >= len(wanted) and all(map(_is_segment, names, wanted))


def _is_segment(name: str, wanted: str) -> bool:
    first, dots, last = wanted.partition("..")
    if not dots:
        return name == wanted
    return name.isdigit() and int(first) <= int(name) <= int(last)


class Event(Protocol):
    """What torch's profiler says of one call: its name, times in microseconds, and bytes."""

    name: str
    sequence_nr: int
    device_type: object
    cpu_children: list[Event]
    time_range: Interval
    cpu_time_total: float
    device_time_total: float
    cpu_memory_usage: int
    device_memory_usage: int


def profile_step(
    model: nn.Module, recipe: Recipe, objective: Objective, shape: tuple[int, ...], steps: int
) -> StepProfile:
    """Takes steps as training does, and measures `steps` of them without and with the profiler.

    The batches are random images of `shape` (channels, height, width), on the model's device. Its
    weights change.
    """
    images, labels = _random_batch(recipe.batch, shape, objective.classes, device_of(model))
    learner = Learner.of(model, recipe, Timeline(WARM_UP + 2 * steps, 1))
    model.train()

    def step() -> None:
        learner.set_rate()
        model.zero_grad()
        loss, _ = objective(learner.forward(images), labels)
        learner.backward(loss)
        learner.step()

    device = device_of(model)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    _timed(step, WARM_UP, device)
    plain = median(_timed(step, steps, device))
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
    model.zero_grad()  # so that nothing is freed under the profiler that was made before it
    is_cuda = device.type == "cuda"
    watched = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if is_cuda else [])]
    with _ranges(model), profile(activities=watched, profile_memory=True, acc_events=True) as seen:
        profiled = median(_timed(step, steps, device))
    events = Events(seen, is_cuda=is_cuda)
    modules = {
        name: Spent(*(figure / steps for figure in s)) for name, s in events.modules().items()
    }
    peak = _peak(seen) if peak is None else peak
    return StepProfile(modules, events.optimizer() / steps, plain, profiled, peak, steps)


def _random_batch(
    count: int, shape: tuple[int, ...], classes: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    images = torch.randn(count, *shape, device=device).contiguous(memory_format=torch.channels_last)
    return images, torch.arange(count, device=device) % classes


def _timed(step: Callable[[], None], count: int, device: torch.device) -> list[float]:
    """Seconds of each of `count` steps, the device's work included."""
    seconds = []
    for _ in range(count):
        started = perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(perf_counter() - started)
    return seconds


@contextmanager
def _ranges(model: nn.Module) -> Iterator[None]:
    """Inside, each call of a module's forward is a range of its name."""
    open_ranges: list[record_function] = []
    handles = []

    def begin(name: str) -> Callable[[nn.Module, object], None]:
        def hook(_module: nn.Module, _inputs: object) -> None:
            opened = record_function(f"{RANGE}{name}")
            open_ranges.append(opened)
            opened.__enter__()

        return hook

    def end(_module: nn.Module, _inputs: object, _outputs: object) -> None:
        open_ranges.pop().__exit__(None, None, None)

    for name, module in model.named_modules():
        handles += [
            module.register_forward_pre_hook(begin(name)),
            module.register_forward_hook(end),
        ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Events:
    """What a profiler saw, by module."""

    def __init__(self, seen: profile, *, is_cuda: bool) -> None:
        events = seen.events()
        assert events is not None
        self._events: list[Event] = [e for e in events if e.device_type == DeviceType.CPU]
        self._is_cuda = is_cuda

    def modules(self) -> dict[str, Spent]:
        """What each module spent itself, in all steps."""
        spent: dict[str, Spent] = {}
        for event in self._events:
            if event.name.startswith(RANGE):
                name = event.name.removeprefix(RANGE)
                spent[name] = spent.get(name, Spent()).plus(self._own(event))
        recorded = self._recorded()
        for event in self._events:
            caller = recorded.get(event.sequence_nr)
            if event.name.startswith(BACKWARD) and caller is not None:
                spent[caller] = spent[caller].plus(Spent(backward=self._seconds(event)))
        return spent

    def optimizer(self) -> float:
        """Seconds of the optimizer's steps."""
        return sum(self._seconds(e) for e in self._events if e.name.startswith(OPTIMIZER))

    def _own(self, event: Event) -> Spent:
        inner = [*_nearest_ranges(event)]
        seconds = self._seconds(event) - sum(map(self._seconds, inner))
        return Spent(forward=seconds, kept=self._bytes(event) - sum(map(self._bytes, inner)))

    def _recorded(self) -> dict[int, str]:
        """The module in whose range the call of each number was.

        A call that records nothing bears the number of the next one that does: the last one counts.
        """
        numbered: list[tuple[float, int, str]] = []
        for event in self._events:
            if event.name.startswith(RANGE):
                name = event.name.removeprefix(RANGE)
                numbered += [(e.time_range.start, e.sequence_nr, name) for e in _own_calls(event)]
        return {number: name for _, number, name in sorted(numbered) if number >= 0}

    def _seconds(self, event: Event) -> float:
        microseconds = event.device_time_total if self._is_cuda else event.cpu_time_total
        return float(microseconds) * 1e-6

    def _bytes(self, event: Event) -> float:
        return float(event.device_memory_usage if self._is_cuda else event.cpu_memory_usage)


def _nearest_ranges(event: Event) -> Iterator[Event]:
    """The ranges of the modules called directly inside."""
    for child in event.cpu_children:
        if child.name.startswith(RANGE):
            yield child
        else:
            yield from _nearest_ranges(child)


def _own_calls(event: Event) -> Iterator[Event]:
    """All calls inside, those in the ranges of other modules left out."""
    for child in event.cpu_children:
        if not child.name.startswith(RANGE):
            yield child
            yield from _own_calls(child)


def _peak(seen: profile) -> int | None:
    """The most bytes at a time that torch's allocator gave out and had not got back."""
    found = seen.profiler.kineto_results if seen.profiler is not None else None
    if found is None:
        return None
    events: list[Any] = [event for event in found.events() if event.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most
