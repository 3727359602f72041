"""`archgen train`: from a spec and images to a trained network, in one folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict, Unpack

import click

from archgen.cli.exit_codes import SIGNALLED, SOUND
from archgen.cli.options import (
    common_options,
    complete_specs,
    device_option,
    example,
    processes_options,
)
from archgen.cli.report import reports_findings
from archgen.cli.terminal import note, write_lines

if TYPE_CHECKING:
    import torch

    from archgen.cli.launching import Processes
    from archgen.cli.training import Trainable
    from archgen.spec.files import SpecText
    from archgen.train import FitResult, Progress, Recipe, RunFolder
    from archgen.train.data import Images, Split
    from archgen.train.run import Facts
    from archgen.train.world import World

DEFAULT_DATA = "fashion_mnist"
SPLITS: tuple[Split, Split] = ("train", "test")


class PlanOptions(TypedDict):
    """What the command line says about the recipe: a file, and values instead of that file's."""

    recipe: str | None
    epochs: int | None
    max_steps: int | None
    batch: int | None
    seed: int | None
    deterministic: bool | None
    on_bad: str | None
    max_bad: float | None


@click.command(
    epilog=example(
        "archgen train inception_resnet_mini",
        "archgen train specs/inception_v4.yaml --data photos/ --epochs 2 --batch 16 --out runs/v4",
        "archgen train inception_v4 --data photos/ --gpus 8 --out runs/v4",
        "archgen train --resume runs/v4",
    )
)
@click.argument("spec", metavar="[SPEC]", required=False, shell_complete=complete_specs)
@click.option("--recipe", metavar="FILE", help="The recipe; without it the quick one of archgen.")
@click.option(
    "--data",
    metavar="NAME|PATH",
    help="fashion_mnist (the default: a subset comes with archgen), synthetic, or a folder of images.",
)
@click.option(
    "--out",
    metavar="RUN",
    type=click.Path(),
    help="Folder of the run; one that was begun by the same command goes on.",
)
@click.option(
    "--resume",
    metavar="RUN",
    type=click.Path(),
    help="Go on with a run that was stopped or killed; nothing else need be said.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Length, instead of the recipe's.")
@click.option("--max-steps", type=click.IntRange(min=1), help="Length in steps, instead.")
@click.option("--batch", type=click.IntRange(min=1), help="Images a step, instead of the recipe's.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed, instead of the recipe's.")
@click.option(
    "--deterministic",
    is_flag=True,
    default=None,
    help="Only algorithms that repeat bit by bit, on a GPU too; as the recipe's `deterministic`.",
)
@click.option(
    "--on-bad",
    type=click.Choice(["error", "skip"]),
    help="What to do with images that cannot be read, instead of the recipe's.",
)
@click.option(
    "--max-bad",
    type=click.FloatRange(0, 100, max_open=True),
    metavar="PERCENT",
    help="The most that --on-bad skip may leave out (0.1 without it).",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0, max=256),
    help="Processes that read images ahead; by default none on a CPU.",
)
@click.option(
    "--checkpoint-every",
    type=click.IntRange(min=1),
    metavar="STEPS",
    help="Steps between checkpoints; without it every ten minutes, at evaluations and at the end.",
)
@click.option(
    "--tensorboard",
    is_flag=True,
    help="Write RUN/tensorboard too, for TensorBoard; needs the extra of that name.",
)
@processes_options
@click.option(
    "--restarts",
    type=click.IntRange(0, 1000),
    default=3,
    show_default=True,
    help="How often all processes start again where one of them crashes.",
)
@device_option
@common_options
@reports_findings
def train(
    spec: str | None,
    data: str | None,
    out: str | None,
    resume: str | None,
    workers: int | None,
    checkpoint_every: int | None,
    tensorboard: bool,
    gpus: int | None,
    processes: int | None,
    restarts: int,
    device: str,
    **plan: Unpack[PlanOptions],
) -> int:
    """Train a network on images.

    The folder RUN then holds the resolved spec and recipe, metrics.jsonl, model.safetensors and
    checkpoints. A run that is stopped (Ctrl-C, SIGTERM) saves its state first; one that is killed
    goes on from its last checkpoint. Either way it ends with the very weights of a run that was
    never stopped. Several processes share each batch of the recipe: it stays as large as it is.
    """
    from archgen.cli.launching import Processes
    from archgen.cli.processes import here
    from archgen.cli.training import require_training, told_plainly

    if resume is not None:
        _refuse_beside_resume({"out": out, **plan})
    elif spec is None:
        raise click.UsageError("name a SPEC to train, or a run to go on with: --resume RUN")
    if plan["epochs"] is not None and plan["max_steps"] is not None:
        raise click.UsageError("name either --epochs or --max-steps, not both")
    wanted = Processes.requested(gpus, processes, restarts, device)
    require_training()
    if wanted is not None:
        return _launch(wanted, spec, out or resume)
    with told_plainly(), here(device) as place:
        watching = Watching(checkpoint_every, tensorboard)

        def prepared() -> tuple[Order, Materials]:
            watching.require()
            order = _begun(resume, spec, data) if resume else _new_order(spec, plan, data, out)
            return order, _materials(order, workers, place.device)

        order, materials = place.world.together(prepared)
        return _run(order, materials, place.world, watching)


def _launch(wanted: Processes, spec: str | None, out: str | None) -> int:
    """Trains in other processes, which all know the folder of the run: they may start again."""
    from archgen.cli.launching import launch_again
    from archgen.cli.locate import read_target

    if spec is None or out is not None:
        return launch_again(wanted)
    return launch_again(wanted, f"--out={_new_folder(read_target(spec))}")


class Watching(NamedTuple):
    """What a run leaves on its way that changes nothing of where it ends."""

    checkpoint_every: int | None
    tensorboard: bool

    def require(self) -> None:
        """Raises TrainingError where a package is missing."""
        from archgen.train.tensorboard import require_tensorboard

        if self.tensorboard:
            require_tensorboard()

    def progress(self, run: RunFolder) -> Progress:
        """Where the run shows itself."""
        from archgen.train import progress_on
        from archgen.train.progress import SharedProgress
        from archgen.train.tensorboard import FOLDER, TensorBoardProgress

        shown = progress_on(sys.stderr)
        if not self.tensorboard:
            return shown
        return SharedProgress(shown, TensorBoardProgress(run.path / FOLDER))


class Order(NamedTuple):
    """What is to be trained, how, on what, and where it goes."""

    text: SpecText
    recipe: Recipe
    data: str
    out: Path

    def is_from(self, run: RunFolder) -> bool:
        """Whether the network is the very file that the run keeps."""
        path = self.text.path
        return path is not None and path.resolve() == (run.path / "spec.yaml").resolve()


class Materials(NamedTuple):
    """The network where it will be trained, the images to learn from and those to be measured on."""

    made: Trainable
    train: Images
    test: Images


def _refuse_beside_resume(options: Mapping[str, object]) -> None:
    named = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if named:
        raise click.UsageError(
            f"a run goes on as it began: leave out {', '.join(named)} beside --resume"
        )


def _new_order(spec: str | None, plan: PlanOptions, data: str | None, out: str | None) -> Order:
    from archgen.cli.locate import read_target
    from archgen.train.launch import this_launch

    assert spec is not None
    if out is None and this_launch().restarts:
        raise click.UsageError(
            "name the folder of the run by --out RUN: processes that start again look for it"
        )
    text = read_target(spec)
    folder = Path(out) if out else _new_folder(text)
    return Order(text, _planned(plan), data or DEFAULT_DATA, folder)


def _begun(folder: str, spec: str | None, data: str | None) -> Order:
    """The order by which a run was begun. Raises TrainingError where the folder holds none."""
    from archgen.cli.locate import read_target
    from archgen.cli.training import named_recipe
    from archgen.spec.files import read_spec
    from archgen.train import RunFolder

    run = Path(folder)
    facts = RunFolder.open(run).facts
    text = read_target(spec) if spec is not None else read_spec(run / "spec.yaml")
    began_with = str(facts.get("data") or DEFAULT_DATA)
    return Order(text, named_recipe(str(run / "recipe.yaml")), data or began_with, run)


def _planned(options: PlanOptions) -> Recipe:
    """The recipe with what the command line sets instead."""
    from archgen.cli.training import named_recipe

    length = {"epochs": options["epochs"], "steps": options["max_steps"]}
    percent = options["max_bad"]
    others = {
        "batch": options["batch"],
        "seed": options["seed"],
        "deterministic": options["deterministic"],
        "on_bad": options["on_bad"],
        "max_bad": None if percent is None else percent / 100,
    }
    said: dict[str, object] = {name: value for name, value in others.items() if value is not None}
    if any(length.values()):
        said.update(length)  # one of the two: the other is unset, whatever the recipe says
    return named_recipe(options["recipe"]).model_copy(update=said)


def _new_folder(text: SpecText) -> Path:
    """`runs/NAME-DATE-TIME`, for a run that names no folder."""
    name = Path(text.source).stem.strip("<>") or "run"
    return Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"


def _materials(order: Order, workers: int | None, place: torch.device) -> Materials:
    from archgen.cli.training import load_images, loading_of, make_trainable
    from archgen.train.devices import check_precision, resident

    check_precision(order.recipe.precision, place)
    loading = loading_of(order.recipe, workers)
    train, test = (load_images(order.text, order.data, split, loading) for split in SPLITS)
    made = make_trainable(order.text, len(train.classes), order.recipe.seed)
    made.module.to(place)
    return Materials(made, resident(train, place), resident(test, place))


def _run(order: Order, materials: Materials, world: World, watching: Watching) -> int:
    from archgen.cli.interrupts import writing
    from archgen.train import Interrupted, Progress, fit
    from archgen.train.computing import described_device

    made, train, test = materials
    with writing():
        run = world.together(partial(_run_folder, order, made, train, world))
    if world.is_any(one=world.is_first and run.facts["status"] == "finished"):
        write_lines([f"the run in {run.path} is finished; `archgen eval {run.path}` measures it"])
        return SOUND
    others = "" if world.size == 1 else f"{world.size} processes, each on "
    note(f"training on {others}{described_device(made.module)}")
    try:
        result = fit(
            made.module,
            train,
            test,
            order.recipe,
            run,
            seed=order.recipe.seed,
            progress=watching.progress(run) if world.is_first else Progress(),
            aux_weights=made.aux_weights,
            checkpoint_every=watching.checkpoint_every,
            macs=made.macs,
            world=world,
        )
    except Interrupted as stop:
        note(f"interrupted; the state is saved: go on with `archgen train --resume {run.path}`")
        return SIGNALLED + stop.signal
    _tell(made, result, run)
    return SOUND


def _run_folder(order: Order, made: Trainable, train: Images, world: World) -> RunFolder:
    """The folder of the run: a new one, or one that the same order began.

    The first process makes it; the others only say where it is.
    """
    from hashlib import sha256

    import yaml

    from archgen.train import RunFolder
    from archgen.train.identity import check_identity, identity_of

    run = RunFolder.open(order.out) if RunFolder.is_at(order.out) else None
    digest = sha256(made.spec.encode()).hexdigest()
    if run is not None and order.is_from(run):
        digest = run.spec_sha256
    if not world.is_first:
        return RunFolder(order.out, digest)
    identity = identity_of(digest, order.recipe, train, order.recipe.seed)
    if run is not None:
        check_identity(identity, run.facts.get("identity", {}), f"the run folder `{run.path}`")
        return run
    written = yaml.safe_dump({"archgen": 1, "recipe": order.recipe.model_dump()}, sort_keys=False)
    facts: Facts = {"data": _lasting(order.data), "identity": identity}
    return RunFolder.create(order.out, spec=made.spec, recipe=written, facts=facts)


def _lasting(data: str) -> str:
    """The name of a data set, or the path of a folder as it reads from anywhere."""
    return str(Path(data).resolve()) if Path(data).is_dir() else data


def _tell(made: Trainable, result: FitResult, run: RunFolder) -> None:
    """The clear last lines: what was reached, and where it is."""
    last = result.evaluation
    note("")
    write_lines(
        [
            (
                f"{made.network.network.title}: {last.top1:.2%} top-1 on {last.count:,} test images "
                f"(loss {last.loss:.3f}) after {result.steps:,} steps in {result.seconds:.0f} s"
            ),
            f"the run is in {run.path}; measure it again with `archgen eval {run.path}`",
        ]
    )
