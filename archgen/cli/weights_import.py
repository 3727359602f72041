"""`archgen weights import`: the weights of another implementation, under the names of a spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.checkpoints import (
    SOURCES,
    Target,
    live_class,
    opened,
    read_network,
    require_weights,
    write_result,
)
from archgen.cli.exit_codes import SOUND
from archgen.cli.options import common_options, example, part_option, preparation_option
from archgen.cli.report import paint_lines, reports_findings
from archgen.cli.terminal import note, write_lines
from archgen.cli.training import told_plainly

if TYPE_CHECKING:
    from torch import Tensor

    from archgen.cli.weights_pairing import Found
    from archgen.render import Line
    from archgen.weights.checkpoint import Checkpoint
    from archgen.weights.evidence import Reason
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
@click.option(
    "--trust-order",
    is_flag=True,
    help="Pair what nothing else tells apart in the order of the file.",
)
@preparation_option
@click.option(
    "--norms",
    type=click.Choice(["no_gamma", "no_beta"]),
    help="What Keras' norms of three tensors lack, where the file does not say it.",
)
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
    trust_order: bool,
    preparation: str | None,
    norms: str | None,
    partial: bool,
    assignments: tuple[str, ...],
) -> int:
    """Take the weights of another implementation of a network.

    Shows which layer of SPEC is which of CHECKPOINT, line by line, and which steps lie between their
    tensors; with -o it then writes them. Every tensor of both sides has its place, or nothing is
    written. Unless a map says which is which, layers are paired by what speaks for it: the blocks
    that hold them, words and numbers in their names, and last the order of the file. Where nothing
    does, nothing is written but, with --write-map, a map to be corrected.
    """
    require_weights()
    target = read_network(spec, assignments)
    from archgen.cli.weight_maps import draft, name_in_map
    from archgen.cli.weights_pairing import Source, chart_of, settled_norms
    from archgen.diagnostics import SpecError
    from archgen.weights.problems import ambiguous

    source = Source(code, map_file, trust_order, norms or "")
    with opened(checkpoint, part) as found_file:
        file, said = settled_norms(target, found_file, source)
        found = chart_of(target, file, source)
        if said:
            found = found._replace(chart=found.chart._replace(norms=said))
        fitted = _fitted(target, file, found.chart, partial=partial)
        if not found.ambiguous:
            write_lines(paint_lines(_shown(target, file, found, fitted)))
        if write_map is not None:
            network = name_in_map(target, Path(write_map))
            text = draft(found.chart._replace(network=network), found.ambiguous)
            write_result(write_map, [text.encode()], never=file.files)
        if found.ambiguous:
            raise SpecError([ambiguous(str(file.path), found.ambiguous)])
        if output is not None:
            with told_plainly():
                known = _known_of_images(target, file, found, preparation, fitted)
            _save(output, target, file, found, fitted, known)
    if output is None and write_map is None:
        note(
            "nothing was written: -o FILE.safetensors writes the weights, --write-map FILE the map"
        )
    return SOUND


class Fitted(NamedTuple):
    """Our tensors from a file; the names of those with first values, and of theirs left out."""

    plan: Plan
    tensors: dict[str, Tensor]
    initialised: tuple[str, ...]
    left_out: tuple[str, ...]


def _fitted(target: Target, file: Checkpoint, chart: WeightMap, *, partial: bool) -> Fitted:
    """The tensors that a map finds. Raises SpecError with all that does not fit."""
    from archgen.cli.weights_pairing import leaves_in
    from archgen.diagnostics import SpecError
    from archgen.weights.moving import gathered
    from archgen.weights.plan import planned
    from archgen.weights.problems import foreign, misfits, not_finite, unequal

    plan = planned(chart, target.leaves, leaves_in(file, chart.dialect))
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
    rows = [(*line, why) for line in lines for why in [_reasons(line, found.reasons)]]
    head = ("ours", "theirs", "by" if found.reasons else "")
    layers = f"{len(chart.layers):,} layers" if len(chart.layers) != 1 else "1 layer"
    yield Line(f"{target.title} from {file.path} ({file.format}): {layers} {found.origin}", "head")
    for remark in (*file.notes, *found.remarks):
        yield Line(f"  {remark}")
    yield Line("")
    yield from (Line(f"  {text}") for text in aligned([head, *rows], left=3))
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


def _reasons(line: tuple[str, str], reasons: Mapping[str, Reason]) -> str:
    """Why the layers of a line are paired, each reason once."""
    from archgen.weights.patterns import expanded

    layers = expanded(line[0]) if reasons else []
    return ", ".join(dict.fromkeys(reasons[layer] for layer in layers if layer in reasons))


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


def _known_of_images(
    target: Target, file: Checkpoint, found: Found, option: str | None, fitted: Fitted
) -> dict[str, str]:
    """How images are prepared, and the names of the outputs, where that is certain or was said.

    The file says it if archgen wrote it, its hash if somebody published it, or `--preparation`.
    """
    from archgen.cli.preparations import carried
    from archgen.train.preparation import Preparation, in_words
    from archgen.weights.known import known_preparation

    size, logits = target.network.network.input, target.network.output
    shape = (size.channels, size.height, size.width)
    metadata, why = dict(file.metadata), f"as `{option}` says" if option else "as the file says"
    published = known_preparation(file.sha256(), found.chart.code)
    if published is not None and "preparation" not in metadata and published[0].fits(*shape[1:]):
        metadata["preparation"] = published[0].model_dump_json()
        why = f"since {published[1]}"
    if fitted.initialised:  # a new classifier has other classes
        metadata.pop("classes", None)
    outputs = logits.channels if logits is not None else 0
    known = carried(file.path, metadata, option, shape, outputs)
    if "preparation" in known:
        prepared = Preparation.model_validate_json(known["preparation"])
        note(f"recorded how images are prepared, {why}: {in_words(prepared, *shape[1:])}")
    else:
        note("how images are prepared is not known, and not recorded: --preparation says it")
    return known


def _save(
    output: str,
    target: Target,
    file: Checkpoint,
    found: Found,
    fitted: Fitted,
    known: Mapping[str, str],
) -> None:
    from archgen.train.weights import in_parts
    from archgen.weights.first_values import first_values

    tensors = dict(fitted.tensors)
    if fitted.initialised:
        tensors.update(first_values(live_class(target), fitted.initialised))
    parts = in_parts(tensors, {**_metadata(target, file, found, fitted), **known})
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
        "map": map_text(found.chart._replace(network=target.title)),
        "steps": "; ".join(_steps(found.chart, fitted.plan)),
        "initialised": ", ".join(fitted.initialised),
        "left_out": ", ".join(fitted.left_out),
        "passed_over": _kept_by_training(file, found.chart),
    }
    return {key: value for key, value in facts.items() if value}
