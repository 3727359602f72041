"""What a run of `archgen train` is to be: its order, the network and images it needs, and its folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import click

if TYPE_CHECKING:
    import torch

    from archgen.cli.training import Trainable
    from archgen.spec.files import SpecText
    from archgen.train import Recipe, RunFolder
    from archgen.train.data import Images, Split
    from archgen.train.run import Facts
    from archgen.train.world import World

DEFAULT_DATA = "fashion_mnist"
SPLITS: tuple[Split, Split] = ("train", "test")


class PlanOptions(TypedDict):
    """What the command line says about the recipe: a file, and values instead of that file's."""

    recipe: str | None
    preparation: str | None
    epochs: int | None
    max_steps: int | None
    batch: int | None
    seed: int | None
    deterministic: bool | None
    on_bad: str | None
    max_bad: float | None
    follow_links: bool | None


class Order(NamedTuple):
    """What is to be trained, how, on what, and where it goes.

    `recipe_from` says where the recipe is from, and `batch_from` names the recipe of a new run where that
    says how large a batch is. With `follow_links` the data may lie outside of their folder.
    """

    text: SpecText
    recipe: Recipe
    data: str
    out: Path
    recipe_from: str
    batch_from: str | None = None
    follow_links: bool = False

    def is_from(self, run: RunFolder) -> bool:
        """Whether the network is the very file that the run keeps."""
        path = self.text.path
        return path is not None and path.resolve() == (run.path / "spec.yaml").resolve()


class Materials(NamedTuple):
    """The network where it will be trained, the images to learn from and those to be measured on."""

    made: Trainable
    train: Images
    test: Images


def new_order(spec: str | None, plan: PlanOptions, data: str | None, out: str | None) -> Order:
    """The order of a run that the command line describes."""
    from archgen.cli.locate import read_target
    from archgen.cli.training import DEFAULT_RECIPE, named_recipe
    from archgen.train.launch import this_launch

    assert spec is not None
    if out is None and this_launch().restarts:
        raise click.UsageError(
            "name the folder of the run by --out RUN: processes that start again look for it"
        )
    text = read_target(spec)
    folder = Path(out) if out else new_folder(text)
    batch_from = (plan["recipe"] or DEFAULT_RECIPE) if plan["batch"] is None else None
    recipe = _changed(named_recipe(plan["recipe"]), plan)
    named = plan["recipe"] or f"{DEFAULT_RECIPE}, the default"
    follow_links = bool(plan["follow_links"])
    return Order(text, recipe, data or DEFAULT_DATA, folder, named, batch_from, follow_links)


def order_of_run(folder: str, spec: str | None, plan: PlanOptions, data: str | None) -> Order:
    """The order by which a run was begun, with what `plan` changes of it.

    Raises TrainingError where the folder holds none.
    """
    from archgen.cli.locate import read_target
    from archgen.cli.training import named_recipe
    from archgen.spec.files import read_spec
    from archgen.train import RunFolder

    run = Path(folder)
    facts = RunFolder.open(run).facts
    text = read_target(spec) if spec is not None else read_spec(run / "spec.yaml")
    began_with = str(facts.get("data") or DEFAULT_DATA)
    recipe = _changed(named_recipe(str(run / "recipe.yaml")), plan)
    follow_links = bool(plan["follow_links"] or facts.get("follow_links"))
    recipe_from = str(run / "recipe.yaml")
    return Order(text, recipe, data or began_with, run, recipe_from, None, follow_links)


def _changed(recipe: Recipe, options: PlanOptions) -> Recipe:
    """The recipe with what the command line sets instead."""
    from pydantic import ValidationError

    from archgen.cli.preparations import named_preparation

    length = {"epochs": options["epochs"], "steps": options["max_steps"]}
    percent, prepared = options["max_bad"], options["preparation"]
    others = {
        "batch": options["batch"],
        "seed": options["seed"],
        "deterministic": options["deterministic"],
        "on_bad": options["on_bad"],
        "max_bad": None if percent is None else percent / 100,
        "preparation": None if prepared is None else named_preparation(prepared).preparation,
    }
    said: dict[str, object] = {name: value for name, value in others.items() if value is not None}
    if any(length.values()):
        said.update(length)  # one of the two: the other is unset, whatever the recipe says
    try:
        return type(recipe).model_validate({**recipe.model_dump(), **said})
    except ValidationError as error:
        found = error.errors()[0]
        option = str(found["loc"][-1]).replace("_", "-")
        raise click.UsageError(
            f"--{option} {found['input']}: {found['msg'][:1].lower()}{found['msg'][1:]}"
        ) from None


def new_folder(text: SpecText) -> Path:
    """`runs/NAME-DATE-TIME`, for a run that names no folder."""
    name = Path(text.source).stem.strip("<>") or "run"
    return Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"


def materials_for(
    order: Order, workers: int | None, place: torch.device, processes: int
) -> Materials:
    """The network with its first weights, on `place`, and the images of both splits."""
    from archgen.cli.one_value_norms import check_norms
    from archgen.cli.training import load_images, loading_of, make_trainable
    from archgen.train.data.splits import Look
    from archgen.train.devices import check_precision, resident

    check_precision(order.recipe.precision, place)
    look = Look(follow_links=order.follow_links)
    loading = replace(loading_of(order.recipe, workers), look=look)
    train, test = (load_images(order.text, order.data, split, loading) for split in SPLITS)
    _check_batch(order, len(train))
    made = make_trainable(order.text, len(train.classes), order.recipe.seed)
    check_norms(made.network, order.recipe, processes)
    made.module.to(place)
    return Materials(made, resident(train, place), resident(test, place))


def _check_batch(order: Order, images: int) -> None:
    """Refuses a batch that the images cannot fill, where it is written.

    Of a run that goes on the images are looked at first: it had enough of them.
    """
    from archgen.cli.training import recipe_line
    from archgen.train import RunFolder, TrainingError

    if order.recipe.batch <= images or RunFolder.is_at(order.out):
        return
    told = f"a batch of {order.recipe.batch:,} is larger than the training set of {images:,} images"
    if order.batch_from is None:
        raise TrainingError(f"{told}; give --batch {images} or less")
    place = recipe_line(order.batch_from, "batch")
    raise TrainingError(
        f"{place}: {told}; write `batch: {images}` or less, or give --batch {images}"
    )


def run_folder(order: Order, materials: Materials, world: World) -> RunFolder:
    """The folder of the run: a new one, or one that the same order began.

    The first process makes it; the others only say where it is.
    """
    from hashlib import sha256

    from archgen.cli.other_run import check_same_run
    from archgen.train import RunFolder
    from archgen.train.identity import identity_of, settings_of
    from archgen.train.provenance import images_by_class, preparation_text, recipe_text

    made, train, test = materials
    run = RunFolder.open(order.out) if RunFolder.is_at(order.out) else None
    digest = sha256(made.spec.encode()).hexdigest()
    if run is not None and order.is_from(run):
        digest = run.spec_sha256
    if not world.is_first:
        return RunFolder(order.out, digest)
    identity = identity_of(digest, order.recipe, train, test, order.recipe.seed)
    if run is not None:
        check_same_run(order, run, materials, identity)
        return run
    facts: Facts = {
        "data": _lasting(order.data),
        **({"follow_links": True} if order.follow_links else {}),
        "identity": identity,
        **settings_of(order.recipe),
        "train images": images_by_class(train),
        "test images": images_by_class(test),
    }
    return RunFolder.create(
        order.out,
        spec=made.spec,
        recipe=recipe_text(order.recipe),
        preparation=preparation_text(train),
        facts=facts,
    )


def is_finished(run: RunFolder, order: Order) -> bool:
    """Whether a run has come to its end, and the order names no other one."""
    from archgen.train.identity import length_of

    facts = run.facts
    length = length_of(order.recipe)
    return bool(facts["status"] == "finished" and facts.get("length", length) == length)


@contextmanager
def withdrawn_if_refused(run: RunFolder, world: World) -> Iterator[None]:
    """Inside, a new run that is refused before its first step leaves no folder behind.

    One that was stopped, lost a process or met a full disk can go on and stays. Of a loss that is not a
    number at the first step the report stays.
    """
    from archgen.train import Interrupted
    from archgen.train.errors import PeerLost, Unwritable

    is_new = world.is_first and run.facts["status"] == "created"
    try:
        yield
    except (Interrupted, PeerLost, Unwritable):
        raise
    except Exception:  # whatever refused it; it is told further out
        if is_new:
            run.withdraw()
        raise


def _lasting(data: str) -> str:
    """The name of a data set, or the path of a folder as it reads from anywhere."""
    return str(Path(data).resolve()) if Path(data).is_dir() else data
