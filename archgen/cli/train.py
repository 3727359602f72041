"""`archgen train`: from a spec and images to a trained network, in one folder."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.options import common_options, example
from archgen.cli.report import reports_findings
from archgen.cli.terminal import note, write_lines

if TYPE_CHECKING:
    from archgen.cli.training import Trainable
    from archgen.spec.files import SpecText
    from archgen.train import FitResult, Recipe, RunFolder

DEFAULT_RECIPE = "quick"


@click.command(
    epilog=example(
        "archgen train inception_resnet_mini",
        "archgen train specs/inception_v4.yaml --data photos/ --epochs 2 --batch 16 --out runs/v4",
    )
)
@click.argument("spec", metavar="SPEC")
@click.option("--recipe", metavar="FILE", help="The recipe; without it the quick one of archgen.")
@click.option(
    "--data",
    default="fashion_mnist",
    show_default=True,
    metavar="NAME|PATH",
    help="fashion_mnist (a subset comes with archgen), synthetic, or a folder of images.",
)
@click.option("--out", metavar="RUN", type=click.Path(), help="Folder of the run; must be empty.")
@click.option("--epochs", type=click.IntRange(min=1), help="Length, instead of the recipe's.")
@click.option("--max-steps", type=click.IntRange(min=1), help="Length in steps, instead.")
@click.option("--batch", type=click.IntRange(min=1), help="Images a step, instead of the recipe's.")
@click.option("--seed", type=click.IntRange(min=0), help="Seed, instead of the recipe's.")
@common_options
@reports_findings
def train(
    spec: str,
    recipe: str | None,
    data: str,
    out: str | None,
    epochs: int | None,
    max_steps: int | None,
    batch: int | None,
    seed: int | None,
) -> int:
    """Train a network on images.

    The folder RUN then holds the resolved spec and recipe, metrics.jsonl and model.safetensors.
    """
    from archgen.cli.locate import read_target
    from archgen.cli.training import require_training, told_plainly

    if epochs is not None and max_steps is not None:
        raise click.UsageError("name either --epochs or --max-steps, not both")
    require_training()
    plan = _changed(_read_recipe(recipe), epochs, max_steps, batch, seed)
    text = read_target(spec)
    with told_plainly():
        return _run(text, plan, data, Path(out) if out else _new_folder(text))


def _read_recipe(named: str | None) -> Recipe:
    """The recipe of a file, or the one that comes with archgen. Raises SpecError."""
    from archgen.catalog import find
    from archgen.cli.recipes import read_recipe
    from archgen.diagnostics import Findings, SpecError
    from archgen.spec.files import read_spec

    text = read_spec(find(named or f"recipes/{DEFAULT_RECIPE}"))
    findings = Findings()
    recipe = read_recipe(text, findings)
    if recipe is None or findings.has_errors:
        raise SpecError(findings.diagnostics, {text.source: text.text})
    return recipe


def _changed(
    recipe: Recipe, epochs: int | None, max_steps: int | None, batch: int | None, seed: int | None
) -> Recipe:
    """The recipe with what the command line sets instead."""
    changes: dict[str, object] = {}
    if epochs is not None or max_steps is not None:
        changes.update(epochs=epochs, steps=max_steps)
    if batch is not None:
        changes["batch"] = batch
    if seed is not None:
        changes["seed"] = seed
    return recipe.model_copy(update=changes)


def _new_folder(text: SpecText) -> Path:
    """`runs/NAME-DATE-TIME`, for a run that names no folder."""
    name = Path(text.source).stem.strip("<>") or "run"
    return Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"


def _run(text: SpecText, recipe: Recipe, data: str, out: Path) -> int:
    import yaml

    from archgen.cli.training import make_trainable
    from archgen.pipeline import check
    from archgen.train import RunFolder, fit, load_data, progress_on
    from archgen.train.computing import described_device

    shape = check(text).sound_network().network.input
    sets = [
        load_data(
            data,
            channels=shape.channels,
            height=shape.height,
            width=shape.width,
            split=split,
        )
        for split in ("train", "test")
    ]
    made = make_trainable(text, len(sets[0].classes), recipe.seed)
    written = yaml.safe_dump({"archgen": 1, "recipe": recipe.model_dump()}, sort_keys=False)
    run = RunFolder.create(out, spec=made.spec, recipe=written)
    note(f"training on {described_device(made.module)}")
    result = fit(
        made.module,
        sets[0],
        sets[1],
        recipe,
        run,
        seed=recipe.seed,
        progress=progress_on(sys.stderr),
        aux_weights=made.aux_weights,
    )
    _tell(made, result, run)
    return SOUND


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
