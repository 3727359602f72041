"""Running emitted networks beside those of timm and torchvision, with the same weights.

Batches of two at the native size, on one thread. Forward is in evaluation, forward and backward in
training. Before anything is measured, outputs and gradients of both must be equal, bit by bit.
Where theirs has no auxiliary head, ours is taken out. Each prints what ours takes for each one that
theirs takes: 1.00 or less is never slower and never larger. Ctrl-C stops it and prints what there is.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from functools import partial

import torch

from tools.benchmarks.memory import SIDES, resident_bytes, tensor_bytes
from tools.benchmarks.ratios import (
    MEGABYTES,
    Ratio,
    print_ratios,
    ratio_of_medians,
    take_turns,
    versions,
)
from tools.benchmarks.twins import COMPARED, LAYOUTS, STEPS, Twins, forward, twins

ROUNDS = 6
AIM = 1.0


def main() -> None:
    """Measures and prints."""
    arguments = _arguments()
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that are started
    times: list[Ratio] = []
    peaks: list[Ratio] = []
    resident: list[Ratio] = []
    try:
        for spec in arguments.networks:
            for layout, pair in _laid_out(spec):
                times += _times(spec, layout, pair, arguments.rounds)
                peaks += _tensor_peaks(spec, layout, pair)
        if arguments.resident:
            for spec in arguments.networks:
                resident += _resident_peaks(spec)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    packages = versions("torch", "timm", "torchvision")
    title = (
        f"modules: CPU time, medians of {2 * arguments.rounds} and {arguments.rounds}; {packages}"
    )
    print_ratios(title, "theirs", times)
    print_ratios("modules: most bytes of tensors at a time", "theirs", peaks, what="ours")
    print_ratios("modules: growth of a process", "theirs", resident, what="ours")


def _arguments() -> Namespace:
    parser = ArgumentParser(
        "tools/bench modules", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds",
        type=int,
        choices=range(1, 1000),
        default=ROUNDS,
        metavar="N",
        help=f"turns of each task, of forward alone twice as many (default: {ROUNDS})",
    )
    parser.add_argument(
        "--networks", nargs="+", choices=COMPARED, default=list(COMPARED), metavar="SPEC"
    )
    parser.add_argument(
        "--no-resident",
        dest="resident",
        action="store_false",
        help="leave out resident memory, which takes a new process for each figure",
    )
    return parser.parse_args()


def _laid_out(spec: str) -> Iterator[tuple[str, Twins]]:
    """Both implementations in each layout, after they were found to do the same."""
    pair = twins(spec)
    for layout in LAYOUTS:
        pair = pair.laid_out(layout)
        pair.require_equal_results()
        yield layout, pair


def _times(spec: str, layout: str, pair: Twins, rounds: int) -> Iterator[Ratio]:
    for name, step in STEPS.items():
        print(f"{spec}, {layout}, {name}", file=sys.stderr)
        tasks = {side: partial(step, getattr(pair, side), pair.images) for side in SIDES}
        many = 2 * rounds if step is forward else rounds  # it takes a third of the time
        turns = take_turns(tasks, rounds=many, clock=time.process_time)
        task = f"{spec}, {layout}, {name}"
        yield ratio_of_medians(task, turns["ours"], turns["theirs"], AIM)


def _tensor_peaks(spec: str, layout: str, pair: Twins) -> Iterator[Ratio]:
    for name, step in STEPS.items():
        for net in (pair.ours, pair.theirs):
            net.zero_grad()
        ours, theirs = (
            tensor_bytes(partial(step, net, pair.images)) for net in (pair.ours, pair.theirs)
        )
        yield Ratio(f"{spec}, {layout}, {name}", ours, theirs, AIM, unit=MEGABYTES)


def _resident_peaks(spec: str) -> Iterator[Ratio]:
    for step in STEPS:
        print(f"{spec}, {step}, resident", file=sys.stderr)
        ours, theirs = (resident_bytes(spec, side, step, "contiguous") for side in SIDES)
        yield Ratio(f"{spec}, {step}", ours, theirs, unit=MEGABYTES)


if __name__ == "__main__":
    main()
