"""`archgen weights import`: the weights of another implementation, under the names of a spec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.checkpoints import (
    SOURCES,
    WITH_BACKGROUND,
    Target,
    dialect_of,
    live_class,
    opened,
    read_network,
    require_weights,
    write_result,
)
from archgen.cli.exit_codes import SOUND
from archgen.cli.options import common_options, example, part_option
from archgen.cli.report import paint_lines, reports_findings
from archgen.cli.terminal import note, write_lines

if TYPE_CHECKING:
    from torch import Tensor

    from archgen.render import Line
    from archgen.weights.checkpoint import Checkpoint
    from archgen.weights.leaves import Leaf
    from archgen.weights.maps import WeightMap
    from archgen.weights.plan import Plan


@click.command(
    "import",
    epilog=example(
        "archgen weights import inception_v4_tf inception_v4.pth",
        "archgen weights import inception_v4_tf inception_v4.pth -o model.safetensors",
        "archgen weights import inception_v4_tf inception_v4.ckpt --from tf_slim --write-map map.yaml",
        "archgen weights import inception_v4_tf mine.pth --map map.yaml -o model.safetensors",
    ),
)
@click.argument("spec", metavar="SPEC")
@click.argument("checkpoint", metavar="CHECKPOINT")
@click.option("-o", "--output", metavar="FILE.safetensors", help="Write the weights here.")
@click.option(
    "--from",
    "code",
    type=click.Choice(["auto", *SOURCES]),
    default="auto",
    show_default=True,
    help="Whose implementation the checkpoint is of.",
)
@part_option
@click.option("--map", "map_file", metavar="FILE", help="Which layer is which, from a file.")
@click.option("--write-map", metavar="FILE", help="Write here which layer is which.")
@click.option("--partial", is_flag=True, help="Take what fits; the rest is named and initialised.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="TARGET=VALUE",
    help="Set a param of the network: num_classes=10.",
)
@common_options
@reports_findings
def import_(
    spec: str,
    checkpoint: str,
    output: str | None,
    code: str,
    part: str,
    map_file: str | None,
    write_map: str | None,
    partial: bool,
    assignments: tuple[str, ...],
) -> int:
    """Take the weights of another implementation of a network.

    Shows which layer of SPEC is which of CHECKPOINT, line by line, and which steps lie between their
    tensors; with -o it then writes them. Every tensor of both sides has its place, or nothing is
    written. Names are found by order, shape and structure, unless a map says them.
    """
    require_weights()
    target = read_network(spec, assignments)
    from archgen.weights.maps import map_text

    with opened(checkpoint, part) as file:
        found = _chart(target, file, code, map_file)
        fitted = _fitted(target, file, found.chart, partial=partial)
        write_lines(paint_lines(_shown(target, file, found, fitted)))
        if write_map is not None:
            write_result(write_map, [map_text(found.chart).encode()], never=file.files)
        if output is not None:
            _save(output, target, file, found, fitted)
    if output is None and write_map is None:
        note(
            "nothing was written: -o FILE.safetensors writes the weights, --write-map FILE the map"
        )
    return SOUND


class Found(NamedTuple):
    """A map, and in words where it comes from."""

    chart: WeightMap
    origin: str


def _chart(target: Target, file: Checkpoint, code: str, map_file: str | None) -> Found:
    """The map of a file, one that comes with archgen, or one found by looking at both sides.

    Where none of them fits, one that comes with archgen tells best what is wrong.
    """
    from archgen.cli.weight_maps import nearest_map, shipped_map, sound_map
    from archgen.weights.plan import adjusted, planned

    if map_file is not None:
        return Found(sound_map(map_file, target.leaves), f"by the map `{map_file}`")
    theirs = _their_leaves(file, dialect_of(code, file))
    names = [leaf.path for leaf in theirs]
    shipped = shipped_map(target.title, target.leaves, code, names)
    if shipped is None:
        found = _found(target, file, code)
        if planned(found.chart, target.leaves, theirs).fits:
            return found
        shipped = nearest_map(target.title, target.leaves, code, names)
        if shipped is None:
            return found
    chart = adjusted(shipped[1], target.leaves, theirs)
    return Found(chart, f"by the map `{shipped[0]}`, which comes with archgen")


def _found(target: Target, file: Checkpoint, code: str) -> Found:
    """The map that the layers of a file suggest."""
    from functools import partial

    from archgen.weights.dialects import TF_SLIM
    from archgen.weights.moving import are_equal
    from archgen.weights.plan import Named, found_map
    from archgen.weights.sharing import shared_layers

    dialect = dialect_of(code, file)
    named = Named(target.title, "" if code == "auto" else code, dialect)
    background = code in WITH_BACKGROUND or (code == "auto" and dialect is TF_SLIM)
    theirs = _their_leaves(file, dialect)
    shared = shared_layers(target.leaves, theirs, partial(are_equal, file))
    chart = found_map(named, target.leaves, theirs, background=background, shared=shared)
    return Found(chart, "found by order, shape and structure")


def _their_leaves(file: Checkpoint, dialect: object) -> tuple[Leaf, ...]:
    from archgen.weights.dialects import Dialect, their_leaves

    assert isinstance(dialect, Dialect)
    return their_leaves(file.shapes, dialect)


class Fitted(NamedTuple):
    """Our tensors from a file; the names of those with first values, and of theirs left out."""

    plan: Plan
    tensors: dict[str, Tensor]
    initialised: tuple[str, ...]
    left_out: tuple[str, ...]


def _fitted(target: Target, file: Checkpoint, chart: WeightMap, *, partial: bool) -> Fitted:
    """The tensors that a map finds. Raises SpecError with all that does not fit."""
    from archgen.diagnostics import SpecError
    from archgen.weights.moving import gathered
    from archgen.weights.plan import planned
    from archgen.weights.problems import foreign, misfits, not_finite, unequal

    plan = planned(chart, target.leaves, _their_leaves(file, chart.dialect))
    if not plan.fits and not partial:
        raise SpecError(misfits(str(file.path), plan))
    for misfit in plan.misfits:
        del plan.origins[misfit.ours.name]
    found = gathered(plan, file, target.leaves)
    if found.foreign:
        raise SpecError([foreign(str(file.path), found.foreign, file)])
    if found.not_finite:
        raise SpecError([not_finite(str(file.path), found.not_finite)])
    if found.unequal and not partial:
        raise SpecError([unequal(str(file.path), found.unequal)])
    first = [*plan.absent, *plan.missing, *(misfit.ours for misfit in plan.misfits)]
    initialised = tuple(tensor.name for tensor in first)
    left_out = [*plan.ignored, *plan.extra, *(misfit.theirs for misfit in plan.misfits)]
    names = (*(tensor.name for tensor in left_out), *(again for again, _ in found.unequal))
    return Fitted(plan, found.tensors, initialised, names)


# -------------------------------------------------------------------------------- what people see


def _shown(target: Target, file: Checkpoint, found: Found, fitted: Fitted) -> Iterator[Line]:
    from archgen.render import Line, aligned
    from archgen.weights.folding import folded

    chart = found.chart
    lines = folded((line.ours, line.theirs) for line in chart.layers)
    layers = f"{len(chart.layers):,} layers" if len(chart.layers) != 1 else "1 layer"
    yield Line(f"{target.title} from {file.path} ({file.format}): {layers} {found.origin}", "head")
    for remark in file.notes:
        yield Line(f"  {remark}")
    yield Line("")
    yield from (Line(f"  {text}") for text in aligned([("ours", "theirs"), *lines], left=2))
    yield Line("")
    for step in _steps(chart, fitted.plan):
        yield Line(f"  {step}")
    why = "since the file has none for"
    yield from _listed(
        f"1 tensor keeps its first values, {why} it",
        f"tensors keep their first values, {why} them",
        fitted.initialised,
    )
    yield from _listed(
        "1 tensor of the file is left out", "tensors of the file are left out", fitted.left_out
    )
    yield from _passed_over(file, chart)
    taken = len(fitted.tensors)
    yield Line(f"  {taken:,} of {taken + len(fitted.initialised):,} tensors are theirs")


def _passed_over(file: Checkpoint, chart: WeightMap) -> Iterator[Line]:
    """What a training has left in the file besides the network."""
    from archgen.render import Line

    kept = _kept_by_training(file, chart)
    if kept:
        yield Line(f"  what the training kept besides is not taken: {kept}")


def _kept_by_training(file: Checkpoint, chart: WeightMap) -> str:
    """The tensors of a file that no network has: `608 RMSProp, global_step`."""
    from archgen.weights.dialects import passed_over

    counts = passed_over(file.entries, chart.dialect)
    return ", ".join(name if often == 1 else f"{often:,} {name}" for name, often in counts.items())


def _steps(chart: WeightMap, plan: Plan) -> tuple[str, ...]:
    """What else happens to tensors than that they get another name."""
    turned = (
        f"`{layer}` takes a grid that they flatten with its channels last" for layer in plan.turned
    )
    return (*chart.steps(), *turned)


def _listed(one: str, many: str, names: Sequence[str]) -> Iterator[Line]:
    """The layers of these tensors, each on a line of its own."""
    from archgen.render import Line
    from archgen.weights.problems import by_layer, named_roles

    if names:
        yield Line(f"  {one if len(names) == 1 else f'{len(names):,} {many}'}:")
        for layer, roles in by_layer(names).items():
            yield Line(f"    {named_roles(layer, roles)}")


# ------------------------------------------------------------------------------------- what is kept


def _save(output: str, target: Target, file: Checkpoint, found: Found, fitted: Fitted) -> None:
    from archgen.train.weights import in_parts
    from archgen.weights.first_values import first_values

    tensors = dict(fitted.tensors)
    if fitted.initialised:
        tensors.update(first_values(live_class(target), fitted.initialised))
    parts = in_parts(tensors, _metadata(target, file, found, fitted))
    write_result(output, parts, never=file.files)


def _metadata(target: Target, file: Checkpoint, found: Found, fitted: Fitted) -> dict[str, str]:
    """What whoever finds the file alone has to know of it."""
    from archgen import __version__
    from archgen.weights.maps import map_text

    facts = {
        "format": "pt",
        "archgen": __version__,
        "network": target.title,
        "spec_sha256": target.spec_sha256,
        "source": file.path.name,
        "source_format": file.format,
        "source_sha256": file.sha256(),
        "source_notes": "; ".join(file.notes),
        "map": map_text(found.chart),
        "steps": "; ".join(_steps(found.chart, fitted.plan)),
        "initialised": ", ".join(fitted.initialised),
        "left_out": ", ".join(fitted.left_out),
        "passed_over": _kept_by_training(file, found.chart),
    }
    return {key: value for key, value in facts.items() if value}
