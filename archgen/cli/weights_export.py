"""`archgen weights export`: weights of a spec as the state dict of another implementation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archgen.cli.checkpoints import (
    SOURCES,
    Target,
    opened,
    read_network,
    require_weights,
    write_result,
)
from archgen.cli.exit_codes import SOUND
from archgen.cli.options import common_options, example
from archgen.cli.report import reports_findings
from archgen.cli.terminal import note

if TYPE_CHECKING:
    from torch import Tensor

    from archgen.weights.checkpoint import Checkpoint
    from archgen.weights.maps import WeightMap

CARRIED = ("classes", "preparation")  # of the metadata, what holds for the network wherever it goes


@click.command(
    "export",
    epilog=example(
        "archgen weights export inception_v4_tf model.safetensors --to timm -o inception_v4.pth",
        "archgen weights export my.yaml model.safetensors --map map.yaml -o theirs.safetensors",
    ),
)
@click.argument("spec", metavar="SPEC")
@click.argument("weights", metavar="WEIGHTS")
@click.option("--to", "code", type=click.Choice(SOURCES), help="Whose implementation they are for.")
@click.option("--map", "map_file", metavar="FILE", help="Which layer is which, from a file.")
@click.option(
    "-o", "--output", metavar="FILE", required=True, help="A file of torch (.pth) or .safetensors."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="TARGET=VALUE",
    help="Set a param of the network: num_classes=10.",
)
@common_options
@reports_findings
def export(
    spec: str,
    weights: str,
    code: str | None,
    map_file: str | None,
    output: str,
    assignments: tuple[str, ...],
) -> int:
    """Give the weights of a spec to another implementation of its network.

    Writes the state dict that it loads: its names, its shapes, the same numbers. Which layer is which
    says a map: the one of --map, the one by which the weights were imported, or the one that comes with
    archgen for --to.
    """
    require_weights()
    from archgen.weights.writing import SUFFIXES, file_parts

    suffix = Path(output).suffix
    if suffix not in SUFFIXES:
        raise click.UsageError(f"`{output}` must end in one of {', '.join(SUFFIXES)}")
    target = read_network(spec, assignments)
    with opened(weights) as file:
        chart = _chart(target, file, code, map_file)
        tensors = _returned(target, file, chart)
        kept = {key: file.metadata[key] for key in CARRIED if key in file.metadata}
        parts = file_parts(tensors, suffix, {"format": "pt", **kept})
        write_result(output, parts, never=file.files)
    left = [leaf.path for leaf in target.leaves if leaf.path not in _mapped(chart)]
    if left:
        note(f"{len(left)} layers that theirs does not have were left out: {', '.join(left)}")
    return SOUND


def _chart(target: Target, file: Checkpoint, code: str | None, map_file: str | None) -> WeightMap:
    from archgen.cli.weight_maps import map_in, shipped_map, sound_map

    if map_file is not None:
        return sound_map(map_file, target.leaves)
    kept = map_in(file.metadata, target.leaves)
    if kept is not None and code in (None, kept.code.partition(" ")[0]):
        return kept
    shipped = shipped_map(target.title, target.leaves, code) if code is not None else None
    if shipped is not None:  # that class is one which files may have, and is not missed here
        return shipped[1]._replace(background=())
    whose = "" if code is None else f" of {code}"
    raise click.UsageError(
        f"there is no map from `{target.title}` to a network{whose}: give one with --map FILE"
    )


def _returned(target: Target, file: Checkpoint, chart: WeightMap) -> dict[str, Tensor]:
    """Their state dict. Raises SpecError where our weights cannot make it."""
    from archgen.diagnostics import SpecError
    from archgen.weights.dialects import TORCH, their_leaves
    from archgen.weights.maps import same_names
    from archgen.weights.moving import returned
    from archgen.weights.plan import planned
    from archgen.weights.problems import misfits, unkept

    if chart.dialect is not TORCH:
        raise click.UsageError(
            f"archgen writes torch's state dicts, and this map is to names of {chart.dialect.name}"
        )
    plan = planned(
        same_names(target.title, target.leaves), target.leaves, their_leaves(file.shapes, TORCH)
    )
    mapped = _mapped(chart)
    plan.missing = [t for t in plan.missing if t.name.rpartition(".")[0] in mapped]
    if not plan.fits:
        raise SpecError(misfits(str(file.path), plan))
    ours = {name: file.read(name).contiguous() for name in plan.origins}
    made = returned(chart, ours, target.leaves)
    if made.unkept:
        raise SpecError([unkept(str(file.path), made.unkept)])
    return made.tensors


def _mapped(chart: WeightMap) -> set[str]:
    return {line.ours for line in chart.layers} | {
        name for _, names in chart.split for name in names
    }
