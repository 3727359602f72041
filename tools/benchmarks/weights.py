"""Importing a checkpoint of Inception-v4 beside loading it, and making the network beside create_model.

    tools/bench weights

CPU time on one thread, medians of turns. A checkpoint of timm's 42.7 million parameters is loaded as its
users do, `torch.load` and `load_state_dict` into a network that is there already; importing it reads, pairs,
looks for NaN, hashes, and writes the file of ours. Networks are made with their random weights and on the
meta device, ours from its emitted text with the auxiliary head that timm's does not have.
"""

from __future__ import annotations

import os
import statistics
import time
from argparse import ArgumentParser
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import timm
import torch
from torch import nn

from archgen.cli import main as archgen
from archgen.emit import emit
from tools.benchmarks.construct import live, on_device
from tools.benchmarks.ratios import (
    Ratio,
    Task,
    print_ratios,
    ratio_of_medians,
    take_turns,
    versions,
)
from tools.benchmarks.twins import compiled

SPEC = "inception_v4_tf"
ROUNDS = 15
IMPORT_AIM, MAKE_AIM = 2.0, 1.1


def main() -> None:
    """Measures and prints."""
    ArgumentParser("tools/bench weights").parse_args()  # it takes no options
    torch.set_num_threads(1)
    title = f"weights: CPU time, median of {ROUNDS}; {versions('torch', 'timm')}"
    print_ratios(title, "theirs", [importing(), *map(making, ("cpu", "meta"))])


def importing() -> Ratio:
    """The command beside loading the same file."""
    network = timm.create_model("inception_v4")
    with TemporaryDirectory() as folder:
        checkpoint, output = Path(folder, "theirs.pth"), Path(folder, "ours.safetensors")
        torch.save(network.state_dict(), checkpoint)
        tasks: dict[str, Task] = {
            "ours": partial(imported, checkpoint, output),
            "theirs": partial(loaded, network, checkpoint),
        }
        return compared("import a checkpoint of inception_v4", tasks, IMPORT_AIM)


def imported(checkpoint: Path, output: Path) -> None:
    """Our command, its words unheard."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        status = archgen(["weights", "import", SPEC, str(checkpoint), "-o", str(output)])
    if status != 0:
        raise SystemExit("the checkpoint was not imported")


def loaded(network: nn.Module, checkpoint: Path) -> None:
    """Their way."""
    network.load_state_dict(torch.load(checkpoint, weights_only=True))


def making(device: str) -> Ratio:
    """Both networks made on a device; on the meta device neither touches memory."""
    compilation = compiled(SPEC)
    source = emit(compilation.sound_network(), compilation.sources, SPEC)
    tasks: dict[str, Task] = {
        "ours": partial(on_device, device, partial(live, source)),
        "theirs": partial(on_device, device, partial(timm.create_model, "inception_v4")),
    }
    made = tasks["ours"]()
    assert isinstance(made, nn.Module)
    if {tensor.device.type for tensor in made.state_dict().values()} != {device}:
        raise SystemExit(f"not everything was made on {device}")
    return compared(f"make inception_v4 on {device}", tasks, MAKE_AIM)


def compared(task: str, tasks: dict[str, Task], aim: float) -> Ratio:
    """The ratio of both, the first round apart."""
    take_turns(tasks, rounds=1, clock=time.process_time)
    turns = take_turns(tasks, rounds=ROUNDS, clock=time.process_time)
    assert statistics.median(turns["theirs"]) > 0
    return ratio_of_medians(task, turns["ours"], turns["theirs"], aim)


if __name__ == "__main__":
    main()
