"""Running emitted networks beside those of timm and torchvision.

    tools/bench modules

Batches of two at the native size; CPU time on one thread, medians of turns. Forward is in
evaluation; forward and backward in training, where ours computes an auxiliary head that timm's
networks lack (a two-thousandth of the multiply-adds).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import timm
import torch
from torch import Tensor, nn
from torchvision.models import inception_v3, resnet152

from archgen.emit import emit
from archgen.emit.module import build_class
from archgen.pipeline import check
from archgen.spec.files import read_spec
from tools.benchmarks.ratios import Ratio, Task, measure, print_ratios, versions

ROUNDS = 5
AIM = 1.1
THEIRS = {
    "inception_v4_tf": partial(timm.create_model, "inception_v4"),
    "inception_resnet_v2_tf": partial(timm.create_model, "inception_resnet_v2"),
    "inception_v3_torch": partial(inception_v3, init_weights=False),
    "resnet_152": resnet152,
}


def main() -> None:
    """Measures and prints."""
    torch.set_num_threads(1)
    ratios = [ratio for name in THEIRS for ratio in compare(name)]
    title = f"modules: CPU time, median of {ROUNDS}; {versions('torch', 'timm', 'torchvision')}"
    print_ratios(title, "theirs", ratios)


def compare(name: str) -> Iterator[Ratio]:
    """Both implementations of a network, forward alone and with backward."""
    compilation = check(read_spec(Path(f"specs/{name}.yaml")))
    network = compilation.sound_network()
    ours = build_class(emit(network, compilation.sources, name))()
    theirs: nn.Module = THEIRS[name]()
    grid = network.network.input
    images = torch.randn(2, grid.channels, grid.height, grid.width)
    for step in (forward, forward_and_backward):
        tasks: dict[str, Task] = {
            "ours": partial(step, ours, images),
            "theirs": partial(step, theirs, images),
        }
        seconds = measure(tasks, rounds=ROUNDS, clock=time.process_time, summary=statistics.median)
        what = step.__name__.replace("_", " ")
        yield Ratio(f"{name}, {what}", seconds["ours"], seconds["theirs"], AIM)


def forward(net: nn.Module, images: Tensor) -> None:
    """The logits of a batch."""
    with torch.inference_mode():
        net.eval()(images)


def forward_and_backward(net: nn.Module, images: Tensor) -> None:
    """The gradients of the logits, and of the auxiliary logits where there are any."""
    out = net.train()(images)
    net.zero_grad()
    logits = out if isinstance(out, Tensor) else torch.stack(tuple(out))
    logits.sum().backward()


if __name__ == "__main__":
    main()
