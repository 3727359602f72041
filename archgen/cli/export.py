"""`archgen export`: a network with its weights as one file that other programs run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.options import (
    common_options,
    example,
    preparation_option,
    spec_argument,
)
from archgen.cli.report import reports_findings
from archgen.cli.terminal import note

if TYPE_CHECKING:
    from archgen.cli.checkpoints import Target

NEEDED = ("onnx", "onnxruntime", "onnxscript")
SUFFIXES = (".onnx", ".pt2")
_PREPARED = "crop, mean and std its images need"


@click.command(
    epilog=example(
        "archgen export inception_v4_tf --weights model.safetensors -o inception_v4.onnx",
        "archgen export resnet_50 --weights model.safetensors -o resnet_50.pt2",
    )
)
@spec_argument
@click.option("--weights", metavar="FILE", required=True, help="The weights, of safetensors.")
@click.option(
    "-o", "--output", metavar="FILE", required=True, help="A file of ONNX (.onnx) or torch (.pt2)."
)
@preparation_option
@click.option("--opset", type=click.IntRange(18, 23), help="ONNX's version of its ops.")
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
    output: str,
    preparation: str | None,
    opset: int | None,
    assignments: tuple[str, ...],
) -> int:
    """Write a network with its weights for other programs.

    The file takes batches of any size. ONNX is run by onnxruntime on two images before it is
    written, and must give torch's logits to within a ten-thousandth of the largest; a .pt2 file,
    read back, too. Both record the hash of the spec, the names of the classes and how images are
    prepared, where the weights or --preparation say it.
    """
    from archgen.cli.checkpoints import read_network, require_weights, write_result

    suffix = Path(output).suffix
    if suffix not in SUFFIXES:
        raise click.UsageError(f"`{output}` must end in one of {', '.join(SUFFIXES)}")
    if suffix == ".pt2" and opset is not None:
        raise click.UsageError("--opset is about ONNX: name a file that ends in .onnx")
    require_weights()
    if suffix == ".onnx":
        _require_onnx()
    target = read_network(spec, assignments)
    content = _program(target, Path(weights), preparation, output, opset)
    write_result(output, [content], never=[Path(weights)])
    return SOUND


def _program(
    target: Target, weights: Path, preparation: str | None, output: str, opset: int | None
) -> bytes:
    """The file, compared with the network that it is of."""
    from archgen.cli.checkpoints import live_class
    from archgen.cli.preparations import carried
    from archgen.cli.training import Unusable, told_plainly
    from archgen.train import load_weights
    from archgen.weights.programs import Differs, noise, onnx_program, torch_program

    network = live_class(target)()
    size, logits = target.network.network.input, target.network.output
    assert logits is not None
    shape = (size.channels, size.height, size.width)
    with told_plainly():
        metadata = load_weights(weights, network)
        known = carried(weights, metadata, preparation, shape, logits.channels)
    for name, words in (("classes", "its classes are called"), ("preparation", _PREPARED)):
        if name not in known:
            note(
                f"`{output}` does not say what {words}: neither `{weights}` nor --preparation does"
            )
    images = noise(*shape)
    facts = {"network": target.title, "spec_sha256": target.spec_sha256, **known}
    try:
        if Path(output).suffix == ".pt2":
            return torch_program(network, images, facts)
        return onnx_program(network, images, facts, opset)
    except Differs as error:
        raise Unusable(f"`{output}` was not written: {error}") from None


def _require_onnx() -> None:
    from archgen.cli.training import Unusable

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Unusable(
            f"ONNX needs {', '.join(missing)}: install them with `pip install 'archgen[export]'`"
        )
