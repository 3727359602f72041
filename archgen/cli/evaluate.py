"""`archgen eval`: how well a trained network does on images."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.options import (
    common_options,
    device_option,
    example,
    format_option,
    processes_options,
)
from archgen.cli.report import reports_findings
from archgen.cli.terminal import note, write_lines
from archgen.harmless import harmless

if TYPE_CHECKING:
    from archgen.cli.processes import Here
    from archgen.train import Evaluation, Loading

SCHEMA = 1
MAX_RUN_BYTES = 2**20  # of run.json, which we write with less than a thousandth of that


@click.command(
    "eval",
    epilog=example(
        "archgen eval runs/mini",
        "archgen eval inception_v4 --weights model.safetensors --data photos/",
    ),
)
@click.argument("target", metavar="RUN|SPEC")
@click.option("--weights", metavar="FILE", type=click.Path(), help="The weights, beside a SPEC.")
@click.option(
    "--data", metavar="NAME|PATH", help="The images; without it those the run was trained on."
)
@click.option(
    "--batch", type=click.IntRange(min=1), default=128, show_default=True, help="Images a step."
)
@processes_options
@device_option
@format_option("table", "json")
@common_options
@reports_findings
def evaluate(
    target: str,
    weights: str | None,
    data: str | None,
    batch: int,
    gpus: int | None,
    processes: int | None,
    device: str,
    output_format: str,
) -> int:
    """Measure a trained network on test images.

    Takes the folder of a run, or a spec with --weights. Several processes share the batches; each
    image counts once, and the figures are the same for any number of processes.
    """
    from archgen.cli.launching import Processes, launch_again
    from archgen.cli.processes import here
    from archgen.cli.training import require_training, told_plainly

    wanted = Processes.requested(gpus, processes, 0, device)
    require_training()
    run = Path(target) if Path(target, "run.json").is_file() else None
    if run is None and weights is None:
        raise click.UsageError(
            f"`{target}` is no run folder; name one, or give a spec its --weights FILE"
        )
    if wanted is not None:
        return launch_again(wanted)
    with told_plainly(), here(device) as place:
        result, name = _measure(target, run, weights, data or _data_of(run), batch, place)
        _print(result, name, output_format)
    return SOUND


def _data_of(run: Path | None) -> str:
    """The data set that a run says it was trained on; the embedded one otherwise."""
    if run is None:
        return "fashion_mnist"
    try:
        with (run / "run.json").open("rb") as file:
            facts = json.loads(file.read(MAX_RUN_BYTES))
        return str(facts["train"]).rpartition(" (")[0] or "fashion_mnist"
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise click.UsageError(
            f"`{run / 'run.json'}` is damaged and does not say what the run was trained on; "
            "name the images by --data"
        ) from error


def _measure(
    target: str, run: Path | None, weights: str | None, data: str, batch: int, place: Here
) -> tuple[Evaluation, str]:
    from archgen.cli.locate import read_target
    from archgen.cli.training import load_images, make_trainable
    from archgen.spec.files import read_spec
    from archgen.train import evaluate as measure
    from archgen.train import load_weights

    text = read_target(target) if run is None else read_spec(run / "spec.yaml")
    images = place.world.together(partial(load_images, text, data, "test", _loading(run)))
    made = make_trainable(text, len(images.classes) if run is None else None, seed=0)
    path = Path(weights) if weights is not None else Path(target) / "model.safetensors"
    place.world.together(partial(load_weights, path, made.module))
    network = made.module.to(place.device)
    result = measure(network, images, batch, world=place.world, tell=note)
    if images.bad is not None and images.bad.found:
        for line in images.bad.left_out(images.bad.since(0)):
            note(harmless(line))
    return result, made.network.network.title


def _loading(run: Path | None) -> Loading:
    """Images as the run took them."""
    from archgen.cli.recipes import sound_recipe
    from archgen.cli.training import loading_of
    from archgen.spec.files import read_spec
    from archgen.train import Loading

    if run is None or not (run / "recipe.yaml").exists():
        return Loading()
    return loading_of(sound_recipe(read_spec(run / "recipe.yaml")), None)


def _print(result: Evaluation, name: str, output_format: str) -> None:
    if output_format == "json":
        write_lines([json.dumps({"schema": SCHEMA, "name": name, **result.figures()}, indent=2)])
        return
    write_lines(
        [
            f"{name} on {result.count:,} test images",
            f"  top-1  {result.top1:7.2%}",
            f"  top-5  {result.top5:7.2%}",
            f"  loss   {result.loss:7.3f}",
        ]
    )
