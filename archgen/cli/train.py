"""`archgen train`: from a spec and images to a trained network, in one folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Unpack

import click

from archgen.cli.exit_codes import SIGNALLED, SOUND
from archgen.cli.options import (
    common_options,
    complete_specs,
    device_option,
    example,
    follow_links_option,
    preparation_option,
    processes_options,
)
from archgen.cli.report import reports_findings
from archgen.cli.terminal import note, write_lines
from archgen.cli.training_order import (
    Materials,
    Order,
    PlanOptions,
    is_finished,
    materials_for,
    new_folder,
    new_order,
    order_of_run,
    run_folder,
    withdrawn_if_refused,
)
from archgen.harmless import harmless

if TYPE_CHECKING:
    from archgen.cli.launching import Processes
    from archgen.cli.training import Trainable
    from archgen.train import FitResult, Progress, RunFolder
    from archgen.train.world import World


MAY_CHANGE = ("epochs", "max_steps", "on_bad", "max_bad", "follow_links")


@click.command(
    epilog=example(
        "archgen train inception_resnet_mini",
        "archgen train specs/inception_v4.yaml --data photos/ --epochs 2 --batch 16 --out runs/v4",
        "archgen train inception_v4 --data photos/ --gpus 8 --out runs/v4",
        "archgen train --resume runs/v4",
        "archgen train --resume runs/v4 --epochs 200 --on-bad skip",
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
    help="Go on with a run that was stopped or killed, or, with more --epochs, is finished.",
)
@preparation_option
@click.option("--epochs", type=click.IntRange(1, 10**9), help="Length, instead of the recipe's.")
@click.option("--max-steps", type=click.IntRange(1, 10**12), help="Length in steps, instead.")
@click.option(
    "--batch", type=click.IntRange(1, 10**6), help="Images a step, instead of the recipe's."
)
@click.option("--seed", type=click.IntRange(0, 10**18 - 1), help="Seed, instead of the recipe's.")
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
@follow_links_option
@click.option(
    "--workers",
    type=click.IntRange(min=0, max=256),
    help="Processes that read images ahead; by default none on a CPU.",
)
@click.option(
    "--checkpoint-every",
    type=click.IntRange(1, 10**12),
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
        _refuse_with_resume({"out": out, **plan})
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
            order = (
                order_of_run(resume, spec, plan, data)
                if resume
                else new_order(spec, plan, data, out)
            )
            return order, materials_for(order, workers, place.device, place.world.size)

        order, materials = place.world.together(prepared)
        return _run(order, materials, place.world, watching)


def _launch(wanted: Processes, spec: str | None, out: str | None) -> int:
    """Trains in other processes, which all know the folder of the run: they may start again."""
    from archgen.cli.launching import launch_again
    from archgen.cli.locate import read_target

    if spec is None or out is not None:
        return launch_again(wanted)
    return launch_again(wanted, f"--out={new_folder(read_target(spec))}")


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


def _refuse_with_resume(options: Mapping[str, object]) -> None:
    """Refuses the options that decide what the steps so far came to."""
    given = [name for name, value in options.items() if value is not None]
    named = [f"--{name.replace('_', '-')}" for name in given if name not in MAY_CHANGE]
    if named:
        may = ", ".join(f"--{name.replace('_', '-')}" for name in MAY_CHANGE)
        raise click.UsageError(
            f"a run goes on as it began: leave out {', '.join(named)} with --resume; "
            f"what may change is {may}, --workers and the number of processes"
        )


def _run(order: Order, materials: Materials, world: World, watching: Watching) -> int:
    from archgen.cli.interrupts import writing
    from archgen.train import Interrupted, Progress, fit
    from archgen.train.computing import described_device
    from archgen.train.provenance import augmented_in_words, prepared_in_words, recipe_in_words

    made, train, test = materials
    with writing():
        run = world.together(partial(run_folder, order, materials, world))
    if world.is_any(one=world.is_first and is_finished(run, order)):
        write_lines([f"the run in {run.path} is finished; `archgen eval {run.path}` measures it"])
        return SOUND
    others = "" if world.size == 1 else f"{world.size} processes, each on "
    note(f"training on {others}{described_device(made.module)}")
    note(f"recipe: {harmless(order.recipe_from)}: {recipe_in_words(order.recipe)}")
    note(f"training images are {augmented_in_words(order.recipe.augment)}")
    note(f"test images are prepared as {prepared_in_words(test)}")
    if run.facts["status"] == "created":  # a run that goes on has said so
        for doubt in made.doubts:
            note(
                f"{doubt.severity}[{doubt.rule.code}]: {harmless(str(doubt.span))}: {doubt.message}"
            )
    try:
        with withdrawn_if_refused(run, world):
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
    _tell(made, result, run, prepared_in_words(test))
    return SOUND


def _tell(made: Trainable, result: FitResult, run: RunFolder, prepared: str) -> None:
    """The clear last lines: what was reached, and where it is."""
    last = result.evaluation
    note("")
    write_lines(
        [
            (
                f"{made.network.network.title}: {last.top1:.2%} top-1 on {last.count:,} test images "
                f"(loss {last.loss:.3f}) after {result.steps:,} steps in {result.seconds:.0f} s"
            ),
            f"prepared as {prepared}",
            f"the run is in {run.path}; measure it again with `archgen eval {run.path}`",
        ]
    )
