"""Making Inception-v4 from its emitted module, beside making the same layers by hand.

    tools/bench construct

Loading the emitted text and constructing its class with its random weights on the CPU, against
`by_hand`; medians of turns in CPU time on one thread. The second line leaves the weights out (the
meta device), so that only the Python remains.
"""

from __future__ import annotations

import statistics
import time
from argparse import ArgumentParser
from functools import partial
from pathlib import Path

import torch
from torch import nn

from archgen.emit import ModuleSource, emit
from archgen.emit.module import build_class
from archgen.pipeline import check
from archgen.spec.files import read_spec
from tools.benchmarks.ratios import Ratio, Task, measure, print_ratios, versions

ROUNDS = 9
AIM = 1.2
SPEC = Path("specs/inception_v4.yaml")
Kernel = int | tuple[int, int]


def main() -> None:
    """Measures and prints."""
    ArgumentParser("tools/bench construct").parse_args()  # it takes no options
    torch.set_num_threads(1)
    source = emitted()
    require_equal_layers(live(source), by_hand())
    ratios = [
        measure_on("cpu", "with its weights", source, AIM),
        measure_on("meta", "without weights", source, None),
    ]
    title = f"construct: CPU time, median of {ROUNDS}; {versions('torch')}"
    print_ratios(title, "by hand", ratios)


def emitted() -> ModuleSource:
    """The module of Inception-v4."""
    compilation = check(read_spec(SPEC))
    return emit(compilation.sound_network(), compilation.sources, str(SPEC))


def measure_on(device: str, task: str, source: ModuleSource, aim: float | None) -> Ratio:
    """Both ways of making the network on a device."""
    tasks: dict[str, Task] = {
        "ours": partial(on_device, device, partial(live, source)),
        "by hand": partial(on_device, device, by_hand),
    }
    seconds = measure(tasks, rounds=ROUNDS, clock=time.process_time, summary=statistics.median)
    return Ratio(f"inception_v4 {task}", seconds["ours"], seconds["by hand"], aim)


def live(source: ModuleSource) -> nn.Module:
    """The network of an emitted text, which is compiled and run each time."""
    return build_class(source)()


def on_device(device: str, make: Task) -> object:
    """What `make` makes, there."""
    with torch.device(device):
        return make()


def require_equal_layers(ours: nn.Module, theirs: nn.Module) -> None:
    """Raises SystemExit unless both hold the same tensors, whatever their order."""
    shapes = [sorted(tuple(p.shape) for p in net.parameters()) for net in (ours, theirs)]
    if shapes[0] != shapes[1]:
        raise SystemExit("the layers made by hand are not those of the spec")


# ------------------------------------------------------------- the same layers, in plain containers


def by_hand() -> nn.Module:
    """Every layer of Inception-v4; it holds them and cannot run.

    A convolution of stride 1 is padded here even where the network's is not.
    """
    return nn.Sequential(
        stem(),
        *(inception_a() for _ in range(4)),
        reduction_a(),
        *(inception_b() for _ in range(7)),
        reduction_b(),
        *(inception_c() for _ in range(3)),
        nn.Dropout(0.2),
        nn.Linear(1536, 1000),
    )


def conv(inputs: int, filters: int, kernel: Kernel, stride: int = 1) -> nn.Module:
    """A convolution and its batch norm."""
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (0, 0) if stride > 1 else (height // 2, width // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, filters, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(filters, eps=0.001),
    )


def chain(inputs: int, *convs: tuple[int, Kernel]) -> nn.Module:
    """Convolutions in a row, each given by its filters and kernel."""
    widths = (inputs, *(filters for filters, _ in convs))
    return nn.Sequential(
        *(conv(width, *settings) for width, settings in zip(widths, convs, strict=False))
    )


def pooled(inputs: int, filters: int) -> nn.Module:
    """An average pool and the convolution behind it."""
    pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Sequential(pool, conv(inputs, filters, 1))


def stem() -> nn.Module:
    """Figure 3."""
    return nn.ModuleList(
        [
            conv(3, 32, 3, stride=2),
            chain(32, (32, 3), (64, 3)),
            nn.MaxPool2d(3, stride=2),
            conv(64, 96, 3, stride=2),
            chain(160, (64, 1), (96, 3)),
            chain(160, (64, 1), (64, (7, 1)), (64, (1, 7)), (96, 3)),
            conv(192, 192, 3, stride=2),
            nn.MaxPool2d(3, stride=2),
        ]
    )


def inception_a() -> nn.Module:
    """Figure 4."""
    return nn.ModuleList(
        [
            pooled(384, 96),
            conv(384, 96, 1),
            chain(384, (64, 1), (96, 3)),
            chain(384, (64, 1), (96, 3), (96, 3)),
        ]
    )


def reduction_a() -> nn.Module:
    """Figure 7."""
    return nn.ModuleList(
        [
            nn.MaxPool2d(3, stride=2),
            conv(384, 384, 3, stride=2),
            chain(384, (192, 1), (224, 3)),
            conv(224, 256, 3, stride=2),
        ]
    )


def inception_b() -> nn.Module:
    """Figure 5."""
    long = ((192, 1), (192, (1, 7)), (224, (7, 1)), (224, (1, 7)), (256, (7, 1)))
    return nn.ModuleList(
        [
            pooled(1024, 128),
            conv(1024, 384, 1),
            chain(1024, (192, 1), (224, (1, 7)), (256, (7, 1))),
            chain(1024, *long),
        ]
    )


def reduction_b() -> nn.Module:
    """Figure 8."""
    return nn.ModuleList(
        [
            nn.MaxPool2d(3, stride=2),
            conv(1024, 192, 1),
            conv(192, 192, 3, stride=2),
            chain(1024, (256, 1), (256, (1, 7)), (320, (7, 1))),
            conv(320, 320, 3, stride=2),
        ]
    )


def inception_c() -> nn.Module:
    """Figure 6."""
    return nn.ModuleList(
        [
            pooled(1536, 256),
            conv(1536, 256, 1),
            conv(1536, 384, 1),
            conv(384, 256, (1, 3)),
            conv(384, 256, (3, 1)),
            chain(1536, (384, 1), (448, (1, 3)), (512, (3, 1))),
            conv(512, 256, (3, 1)),
            conv(512, 256, (1, 3)),
        ]
    )


if __name__ == "__main__":
    main()
