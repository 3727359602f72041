"""`archgen eval`: how well a trained network does on images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.options import (
    common_options,
    device_option,
    example,
    follow_links_option,
    format_option,
    preparation_option,
    processes_options,
)
from archgen.cli.report import reports_findings
from archgen.cli.terminal import note, write_lines
from archgen.harmless import harmless

if TYPE_CHECKING:
    from archgen.cli.preparations import Matched, Stated
    from archgen.cli.processes import Here
    from archgen.cli.training import Trainable
    from archgen.spec.files import SpecText
    from archgen.train import Evaluation, Loading, Recipe
    from archgen.train.data import Images
    from archgen.train.data.splits import Look
    from archgen.train.preparation import Preparation

SCHEMA = 1
MAX_RUN_BYTES = 2**20  # of run.json, which we write with less than a thousandth of that


@click.command(
    "eval",
    epilog=example(
        "archgen eval runs/mini",
        "archgen eval inception_v4 --weights model.safetensors --data photos/",
        "archgen eval resnet_50 --weights resnet.safetensors --data photos/ --preparation torchvision",
    ),
)
@click.argument("target", metavar="RUN|SPEC")
@click.option("--weights", metavar="FILE", type=click.Path(), help="The weights, beside a SPEC.")
@click.option(
    "--data", metavar="NAME|PATH", help="The images; without it those the run was trained on."
)
@click.option(
    "--batch", type=click.IntRange(1, 10**6), default=128, show_default=True, help="Images a step."
)
@click.option(
    "--split",
    type=click.Choice(["val", "test"]),
    help="Which images of a folder; without it val, or test where there is no val.",
)
@follow_links_option
@preparation_option
@click.option(
    "--classes-subset",
    is_flag=True,
    help="Measure although the data have only some of the network's classes.",
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
    split: Literal["val", "test"] | None,
    follow_links: bool | None,
    preparation: str | None,
    classes_subset: bool,
    gpus: int | None,
    processes: int | None,
    device: str,
    output_format: str,
) -> int:
    """Measure a trained network on test images.

    Takes the folder of a run, or a spec with --weights. Images are prepared as the weights say that
    they were made for, and classes are matched by name; both are printed with the figures. Several
    processes share the batches; each image counts once, and the figures are the same for any number
    of processes.
    """
    from archgen.cli.launching import Processes, launch_again
    from archgen.cli.locate import read_target
    from archgen.cli.processes import here
    from archgen.cli.training import require_training, told_plainly
    from archgen.spec.files import read_spec
    from archgen.train.data.splits import Look

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
        images = data or _data_of(run)
        text = read_spec(run / "spec.yaml") if run is not None else read_target(target)
        path = Path(weights) if weights is not None else Path(target) / "model.safetensors"
        links = bool(follow_links) or (data is None and _followed_links(run))
        look = Look(split, links)
        order = Order(run, text, path, images, preparation, classes_subset, look)
        _print(_measure(order, batch, place), output_format)
    return SOUND


class Order(NamedTuple):
    """What is measured, on what."""

    run: Path | None
    text: SpecText
    weights: Path
    data: str
    preparation: str | None
    is_subset: bool
    look: Look


def _data_of(run: Path | None) -> str:
    """The data set that a run says it was trained on; the embedded one otherwise."""
    if run is None:
        return "fashion_mnist"
    try:
        return str(_facts(run)["train"]).rpartition(" (")[0] or "fashion_mnist"
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise click.UsageError(
            f"`{run / 'run.json'}` is damaged and does not say what the run was trained on; "
            "name the images by --data"
        ) from error


def _followed_links(run: Path | None) -> bool:
    """Whether a run was trained on images outside of the folder of its data."""
    try:
        return run is not None and bool(_facts(run).get("follow_links"))
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def _facts(run: Path) -> dict[str, Any]:
    with (run / "run.json").open("rb") as file:
        facts: dict[str, Any] = json.loads(file.read(MAX_RUN_BYTES))
    return facts


class Measured(NamedTuple):
    """A figure, and all that it depends on."""

    name: str
    evaluation: Evaluation
    preparation: Preparation
    preparation_from: str
    classes: Matched
    size: tuple[int, int, int]


def _measure(order: Order, batch: int, place: Here) -> Measured:
    from archgen.train import evaluate as measure

    made, stated, classes = place.world.together(partial(_materials, order))
    network = made.module.to(place.device)
    images = classes.images
    result = measure(network, images, batch, world=place.world, tell=note)
    for line in images.bad.notes if images.bad is not None else ():
        note(harmless(line))
    if images.bad is not None and images.bad.found:
        for line in images.bad.left_out(images.bad.since(0)):
            note(harmless(line))
    shape = made.network.network.input
    size = (shape.channels, shape.height, shape.width)
    title = made.network.network.title
    return Measured(title, result, stated.preparation, stated.origin, classes, size)


def _materials(order: Order) -> tuple[Trainable, Stated, Matched]:
    """The network with its weights, how its images are prepared, and the images, labelled by its outputs."""
    from archgen.cli.preparations import matched, not_stated, stated_by
    from archgen.cli.training import input_of, load_images
    from archgen.train.run import PREPARATION_FILE
    from archgen.train.weights import load_weights, read_header

    header = read_header(order.weights)
    size = input_of(order.text)
    recipe = _recipe_of(order.run)
    option = order.preparation
    if order.run is not None and (order.run / PREPARATION_FILE).exists():
        option = option or str(
            order.run / PREPARATION_FILE
        )  # one that was edited must not be passed over
    stated = stated_by(order.weights, header.metadata, option, size, recipe)
    if stated is None:
        raise not_stated(order.weights)
    images = load_images(
        order.text, order.data, "test", _loading(recipe, stated.preparation, order.look)
    )
    made = _network_for(order, header.shapes, stated.classes, images)
    load_weights(order.weights, made.module)
    output = made.network.output
    assert output is not None
    return made, stated, matched(stated.classes, images, output.channels, is_subset=order.is_subset)


def _network_for(
    order: Order,
    shapes: Mapping[str, tuple[int, ...]],
    classes: tuple[str, ...] | None,
    images: Images,
) -> Trainable:
    """The network of a spec with as many classes as its weights have.

    Those are the named ones, those of the spec, or as many as the data have.
    """
    from archgen.cli.training import make_trainable

    if order.run is not None:
        return make_trainable(order.text, None, seed=0)
    if classes is not None:
        return make_trainable(order.text, len(classes), seed=0)
    made = make_trainable(order.text, None, seed=0)
    if shapes == {name: tuple(each.shape) for name, each in made.module.state_dict().items()}:
        return made
    return make_trainable(order.text, len(images.classes), seed=0)


def _recipe_of(run: Path | None) -> Recipe | None:
    """The recipe of a run, which says how it took its images."""
    from archgen.cli.recipes import sound_recipe
    from archgen.spec.files import read_spec

    if run is None or not (run / "recipe.yaml").exists():
        return None
    return sound_recipe(read_spec(run / "recipe.yaml"))


def _loading(recipe: Recipe | None, prepared: Preparation, look: Look) -> Loading:
    """Images read as the run read them."""
    from archgen.cli.training import loading_of
    from archgen.train import Loading

    as_trained = Loading() if recipe is None else loading_of(recipe, None)
    return replace(as_trained, preparation=prepared, look=look)


def _print(measured: Measured, output_format: str) -> None:
    from archgen.train.preparation import in_words

    figures, classes = measured.evaluation, measured.classes
    grid = measured.size[1:]
    prepared = measured.preparation.fitted(*measured.size)
    if output_format == "json":
        document = {
            "schema": SCHEMA,
            "name": measured.name,
            "data": classes.images.name,
            **figures.figures(),
            "classes": {
                "of_network": classes.classes,
                "with_images": classes.present,
                "matched": classes.words,
            },
            "preparation": prepared.model_dump(mode="json", exclude_none=True),
            "preparation_from": measured.preparation_from,
        }
        write_lines([json.dumps(document, indent=2)])
        return
    write_lines(
        [
            f"{measured.name} on {figures.count:,} test images of {harmless(classes.images.name)}",
            f"  top-1  {figures.top1:7.2%}",
            f"  top-5  {figures.top5:7.2%}",
            f"  loss   {figures.loss:7.3f}",
            f"over {harmless(classes.words)}",
            f"prepared as {harmless(measured.preparation_from)} says:",
            f"  {in_words(prepared, *grid)}",
        ]
    )
