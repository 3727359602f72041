"""`archgen import`: a spec of an existing module of PyTorch, proved by its weights."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from warnings import catch_warnings

import click

from archgen.cli.exit_codes import FINDINGS, SOUND
from archgen.cli.options import common_options, example
from archgen.cli.report import note_findings
from archgen.cli.terminal import note, write
from archgen.cli.training import Unusable

if TYPE_CHECKING:
    from archgen.lift.lifting import Lifted
    from archgen.lift.matching import Problem
    from archgen.lift.proving import Proof
    from archgen.lift.source import Original

STDOUT = "-"
MAX_SIDE = 8192
MAX_PLACES = 3


def _read_grid(
    _ctx: click.Context, _option: click.Parameter, text: str | None
) -> tuple[int, int] | None:
    """`224`, or `224x192` as height and width."""
    if text is None:
        return None
    sides = text.lower().split("x")
    if len(sides) not in (1, 2) or not all(side.isascii() and side.isdigit() for side in sides):
        raise click.BadParameter("write a number, or height and width as in 224x192")
    height, width = int(sides[0]), int(sides[-1])
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise click.BadParameter(f"each side must be from 1 to {MAX_SIDE}")
    return height, width


@click.command(
    "import",
    epilog=example(
        "archgen import timm:seresnet50 -o seresnet50.yaml",
        "archgen import torchvision:googlenet --grid 224",
        "archgen import models/net.py:Net --set width=64 --channels 1 --grid 28 -o net.yaml",
    ),
)
@click.argument("target", metavar="FILE.py:CLASS|timm:NAME|torchvision:NAME")
@click.option("-o", "--output", metavar="SPEC.yaml", help="Write here instead of to stdout.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--grid", metavar="N|HxW", callback=_read_grid, help="Height and width of its input.")
@click.option(
    "--channels", type=click.IntRange(1, 4096), metavar="C", help="Channels of its input."
)
@click.option(
    "--set",
    "arguments",
    multiple=True,
    metavar="KEY=VALUE",
    help="An argument of its constructor: num_classes=10.",
)
@click.option(
    "--save-weights",
    "weights",
    metavar="OUT.safetensors",
    help="Write the module's weights, by the names of the spec.",
)
@click.option(
    "--write-map", "map_file", metavar="FILE", help="Write which layer is which; needs -o."
)
@click.option("--no-proof", is_flag=True, help="Do not run the spec's network beside the module.")
@common_options
def import_module(
    target: str,
    output: str | None,
    force: bool,
    grid: tuple[int, int] | None,
    channels: int | None,
    arguments: tuple[str, ...],
    weights: str | None,
    map_file: str | None,
    no_proof: bool,
) -> int:
    """Make a spec of an existing nn.Module, and prove it.

    The module is made, with random weights, and run once on noise; what it does becomes a spec, or
    is named with its place where no op of a spec does it. The spec's network is then given the
    module's weights, and must give the same logits on the same input, and the same gradients. A FILE.py
    is code, and is run. What the proof knows can be kept: the weights themselves, and the map by which
    `archgen weights import` takes others of the same module.
    """
    path = None if output in (None, STDOUT) else Path(str(output))
    kept = [Path(name) for name in (weights, map_file) if name is not None]
    _demand_sensible(path, kept, weights, map_file, no_proof=no_proof)
    for each in (*([] if path is None else [path]), *kept):
        _demand_free(each, force=force)
    _require_torch()
    module = _original(target, arguments, grid, channels)
    lifted = _lifted(module, with_proof=not no_proof)
    if lifted is None:
        return FINDINGS
    files: list[tuple[Path, Sequence[bytes | memoryview]]] = []
    if path is not None:
        files.append((path, [lifted.text.encode()]))
    if weights is not None:
        files.append((Path(weights), _weight_parts(module, lifted)))
    if map_file is not None and path is not None:
        files.append((Path(map_file), [_map_text(module, lifted, path, Path(map_file)).encode()]))
    for remark in lifted.remarks:
        note(f"note: {remark}")
    if path is None:
        write(lifted.text)
    for place, parts in files:
        _write(place, parts, target)
    note(_proof_line(lifted.proof))
    return SOUND


def _demand_sensible(
    path: Path | None,
    kept: Sequence[Path],
    weights: str | None,
    map_file: str | None,
    *,
    no_proof: bool,
) -> None:
    """Raises UsageError for options that do not go together."""
    if kept and no_proof:
        raise click.UsageError("which layer is which is what the proof finds: leave --no-proof out")
    if weights is not None and Path(weights).suffix != ".safetensors":
        raise click.UsageError(f"`{weights}` must end in .safetensors")
    if map_file is not None and path is None:
        raise click.UsageError("--write-map needs -o SPEC.yaml: a map names the file of its spec")
    places = [each.resolve() for each in (*([] if path is None else [path]), *kept)]
    if len({*places}) < len(places):
        raise click.UsageError("each result needs a file of its own")


def _demand_free(path: Path, *, force: bool) -> None:
    """Raises Unusable where a file is in the way: somebody may have gone on with it by hand."""
    if not force and path.exists():
        raise Unusable(f"`{path}` is there already: --force writes over it")


def _require_torch() -> None:
    if find_spec("torch") is None:
        raise Unusable("an import needs torch: install it with `pip install 'archgen[train]'`")


def _original(
    target: str,
    arguments: Sequence[str],
    grid: tuple[int, int] | None,
    channels: int | None,
) -> Original:
    """The module that is named, and the input that it is to be run on."""
    from archgen.lift.source import NoModule, original

    try:
        found = original(target, arguments)
    except NoModule as error:
        raise Unusable(str(error)) from None
    return found._replace(grid=grid or found.grid, channels=channels or found.channels)


def _lifted(original: Original, *, with_proof: bool) -> Lifted | None:
    """The spec; None, with the reasons told, for a network that no spec can be of."""
    from archgen.diagnostics import SpecError
    from archgen.lift.lifting import lift, noise
    from archgen.lift.matching import OutsideTheTable
    from archgen.lift.proving import NotProved
    from archgen.lift.recording import ForwardFailed, NotRecorded

    try:
        with redirect_stdout(sys.stderr), catch_warnings(action="ignore"):  # what `forward` says
            return lift(original, noise(original), with_proof=with_proof)
    except ForwardFailed as error:
        size = "x".join(map(str, (original.channels, *original.grid)))
        hint = "give it the input that it is for with --grid and --channels"
        raise Unusable(f"it cannot be run on 2 images of {size}: {error}; {hint}") from None
    except NotRecorded as error:
        _tell([f"error: {error}"])
    except OutsideTheTable as error:
        _tell(_problem_lines(error.problems))
    except NotProved as error:
        _tell([f"error: the spec is not proved, and was not written: {error}"])
    except SpecError as error:
        note_findings(error.diagnostics, error.sources)
        _tell(["error: archgen made a spec that is not sound: please report it with the module"])
    return None


def _tell(lines: Sequence[str]) -> None:
    from archgen.harmless import harmless

    note("\n".join(map(harmless, lines)))


def _problem_lines(problems: Sequence[Problem]) -> list[str]:
    """Each kind of call once, with the modules and lines where it is made."""
    places: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        where = f"`{problem.path}`" if problem.path else "`forward`"
        place = f"{where} ({problem.place})" if problem.place else where
        places[problem.message].append(place)
    lines = [line for message, found in places.items() for line in _problem(message, found)]
    return [
        *lines,
        "help: docs/ops.md lists the ops of a spec; a network is lifted whole or not at all",
    ]


def _problem(message: str, places: Sequence[str]) -> Iterator[str]:
    yield f"error: {message}"
    for place in places[:MAX_PLACES]:
        yield f"   --> in {place}"
    if len(places) > MAX_PLACES:
        yield f"   and {len(places) - MAX_PLACES} more"


def _weight_parts(module: Original, lifted: Lifted) -> Sequence[bytes | memoryview]:
    """The file of the module's weights by the names of the spec."""
    from archgen import __version__
    from archgen.spec.files import digest_of
    from archgen.train.weights import in_parts

    facts = {
        "format": "pt",
        "archgen": __version__,
        "network": lifted.network.network.title,
        "spec_sha256": digest_of([lifted.text]),
        "source": module.source,
    }
    return in_parts(lifted.weights, facts)


def _map_text(module: Original, lifted: Lifted, path: Path, place: Path) -> str:
    """The map between the spec at `path` and the module, for a file at `place`. Raises Unusable."""
    from archgen.lift.keeping import NoMap, true_map
    from archgen.spec.files import root_of
    from archgen.weights.leaves import leaves_of
    from archgen.weights.maps import map_text

    spec, folder = path.resolve(), place.resolve().parent
    if not spec.is_relative_to(root_of(place)):
        raise Unusable(f"a map names the file of its spec: write it next to `{path}`")
    assert lifted.proof is not None
    name, leaves = os.path.relpath(spec, folder), leaves_of(lifted.network)
    try:
        return map_text(true_map(name, "", leaves, lifted.proof.partners, module.module))
    except NoMap as error:
        raise Unusable(f"no map was written, nor anything else: {error}") from None


def _write(path: Path, parts: Sequence[bytes | memoryview], target: str) -> None:
    from archgen.cli.write_file import CannotWrite, write_parts

    try:
        write_parts(path, parts, never=[Path(target.rpartition(":")[0])])
    except CannotWrite as error:
        raise Unusable(str(error)) from None
    note(f"wrote {path}")


def _proof_line(proof: Proof | None) -> str:
    if proof is None:
        return "not proved: --no-proof was given"
    found = f"proved: {proof.params:,} parameters, {proof.macs:,} MACs"
    if proof.is_exact:
        return f"{found}, logits equal to the bit"
    return (
        f"{found}, logits differ by {proof.difference:.2g} at most of {proof.largest:.2g}: rounding"
    )
