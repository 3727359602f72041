"""Training on a GPU beside timm's network in a bare loop: images a second, waiting, memory, MFU.

Ours is trained by `fit` on synthetic images, with all that the trainer does; theirs by the shortest loop
there is, on one batch that lies on the card. Both in bf16, channels last, by SGD with momentum, with and
without torch.compile; each in a process of its own, in turns, on the same card. Without a GPU it runs
too, in float32, to try the script itself: `--device cpu --batch 2 --size 96 --steps 12`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archgen.cli.networks import compile_network
from archgen.cost import Costs
from archgen.ir.shape import Grid, Shape
from archgen.train import Progress, Recipe, RunFolder, fit, load_data
from archgen.train.computing import autocast, autocast_type, described_device
from archgen.train.data import Split
from archgen.train.devices import choose_device, resident
from archgen.train.optim import build_optimizer
from archgen.train.progress import StepReport
from archgen.train.utilisation import Utilisation
from tools.benchmarks.ratios import versions
from tools.benchmarks.twins import compiled, lay_out, live
from tools.oracles.networks import ORACLES

NETWORKS = {
    "inception_v4": "timm inception_v4",
    "inception_resnet_v2_tf": "timm inception_resnet_v2",
}
SIDES = ("ours", "theirs")
SPLITS: tuple[Split, Split] = ("train", "test")
CLASSES = 1000
HEADS = (
    "network",
    "compiled",
    "images/s",
    "theirs",
    "ratio",
    "data wait",
    "memory",
    "theirs",
    "MFU",
    "theirs",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One side's speed in images a second, its share of waiting and of the card, and bytes at most."""

    speed: float
    data_wait: float
    mfu: float | None
    peak: int


class Logits(nn.Module):
    """A network whose head for training alone was taken out: its logits."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """The first of the outputs."""
        outputs = self.net(x)
        first: Tensor = outputs if isinstance(outputs, Tensor) else outputs[0]
        return first


class Reports(Progress):
    """Keeps what is reported, but for the first fifth, which warms up."""

    def __init__(self) -> None:
        self.kept: list[StepReport] = []

    def trained(self, report: StepReport) -> None:
        """Keeps it."""
        if report.step > max(10, report.steps // 5):
            self.kept.append(report)


def main() -> None:
    """Measures and prints."""
    arguments = _arguments()
    if arguments.side:
        print(json.dumps(asdict(_measured(arguments))))
        return
    ways = ("no", "yes") if arguments.compile else ("no",)
    rows = [_row(net, way, arguments) for net in arguments.networks for way in ways]
    device = choose_device(arguments.device)
    name = described_device(nn.Linear(1, 1).to(device))
    print(f"gpu: {name}; batch {arguments.batch}, {arguments.size}x{arguments.size}, ", end="")
    print(f"{arguments.steps} steps, medians of {arguments.rounds}; {versions('torch', 'timm')}\n")
    for row in (HEADS, tuple("---" for _ in HEADS), *rows):
        print(f"| {' | '.join(row)} |")


def _arguments() -> Namespace:
    parser = ArgumentParser(
        "tools/bench gpu", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--size", type=int, default=299)
    parser.add_argument("--steps", type=int, default=100, help="the first fifth is not counted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    parser.add_argument("--side", choices=SIDES, help="measure one side, in this process")
    parser.add_argument("--compiled", choices=("no", "yes"), default="no")
    return parser.parse_args()


def _row(network: str, way: str, arguments: Namespace) -> tuple[str, ...]:
    """Both sides in turns, every other round the other way round."""
    found: dict[str, list[Measured]] = {side: [] for side in SIDES}
    for number in range(arguments.rounds):
        for side in SIDES[:: -1 if number % 2 else 1]:
            print(f"{network}, compiled: {way}, {side}", file=sys.stderr)
            found[side].append(_in_a_process(network, way, side, arguments))
    ours, theirs = (_median(found[side]) for side in SIDES)
    return (
        network,
        way,
        *(f"{speed:,.1f}" for speed in (ours.speed, theirs.speed)),
        f"{ours.speed / theirs.speed:.2f}",
        f"{ours.data_wait:.1%}",
        *(f"{side.peak / 2**30:.1f} GiB" if side.peak else "–" for side in (ours, theirs)),
        *("–" if side.mfu is None else f"{side.mfu:.0%}" for side in (ours, theirs)),
    )


def _in_a_process(network: str, way: str, side: str, arguments: Namespace) -> Measured:
    words = [sys.executable, "-m", "tools.benchmarks.gpu", "--networks", network, "--side", side]
    words += ["--compiled", way, "--device", arguments.device, "--batch", str(arguments.batch)]
    words += ["--size", str(arguments.size), "--steps", str(arguments.steps)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  # ours
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _median(runs: list[Measured]) -> Measured:
    """The run of the middle speed."""
    return sorted(runs, key=lambda run: run.speed)[len(runs) // 2]


def _measured(arguments: Namespace) -> Measured:
    device = choose_device(arguments.device)
    recipe = Recipe.model_validate(
        {
            "optimizer": {"name": "sgd", "lr": 0.01, "momentum": 0.9},
            "batch": arguments.batch,
            "steps": arguments.steps,
            "compile": arguments.compiled == "yes",
        }
    )
    (network,) = arguments.networks
    sized = compile_network(network, Shape(3, Grid(arguments.size, arguments.size))).network
    macs = Costs().network(sized).cost.macs
    measure = ours if arguments.side == "ours" else theirs
    return measure(network, recipe, arguments.size, device, macs)


def ours(
    network: str,
    recipe: Recipe,
    size: int,
    device: torch.device,
    macs: int,
) -> Measured:
    """The emitted network, trained by `fit`."""
    torch.manual_seed(0)
    net = Logits(live(ORACLES[NETWORKS[network]], compiled(network))).to(device)
    train, test = (
        resident(load_data("synthetic", channels=3, height=size, width=size, split=split), device)
        for split in SPLITS
    )
    reports = Reports()
    with tempfile.TemporaryDirectory() as scratch:
        run = RunFolder.create(Path(scratch) / "run", spec="", recipe="")
        fit(net, train, test, recipe, run, seed=0, progress=reports, macs=macs)
    speeds = [report.images_per_second for report in reports.kept]
    waits = [report.data_wait for report in reports.kept]
    mfus = [report.mfu for report in reports.kept if report.mfu is not None]
    mfu = statistics.median(mfus) if mfus else None
    return Measured(statistics.median(speeds), statistics.median(waits), mfu, _peak(device))


def theirs(
    network: str,
    recipe: Recipe,
    size: int,
    device: torch.device,
    macs: int,
) -> Measured:
    """The same network of timm, in a bare loop."""
    torch.manual_seed(0)
    net = ORACLES[NETWORKS[network]].theirs().to(device).train()
    lay_out(net, "channels last")
    if recipe.compile:
        net.compile()
    optimizer = build_optimizer(net, recipe.optimizer)
    images = torch.randn(recipe.batch, 3, size, size, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(recipe.batch, device=device) % CLASSES
    started, warm = 0.0, max(10, (recipe.steps or 0) // 5)
    for step in range(recipe.steps or 0):
        if step == warm:
            _wait_for(device)
            started = time.perf_counter()
        optimizer.zero_grad()
        with autocast(recipe.precision, device):
            loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
    _wait_for(device)
    speed = recipe.batch * ((recipe.steps or 0) - warm) / (time.perf_counter() - started)
    known = Utilisation.of(macs, device, autocast_type(recipe.precision, device))
    return Measured(speed, 0.0, known.share(speed) if known else None, _peak(device))


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
