"""Lifting on one screen.

module --record--> Recording --matched--> FlatNetwork --spec_text--> text --check--> ShapedNetwork
                                          with the module's weights: the same logits? --> Proof
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archgen.ir.shaped import ShapedNetwork
from archgen.lift.flat import FlatNetwork
from archgen.lift.keeping import weights_for
from archgen.lift.matching import matched
from archgen.lift.proving import Proof, Ran, prove, randomise
from archgen.lift.recording import (
    NotRecorded,
    Recording,
    make_lazy_layers,
    record,
    starts_of,
    tensors_of,
)
from archgen.lift.source import Original
from archgen.lift.structure import spec_text
from archgen.pipeline import Compilation, check
from archgen.spec.files import SpecText
from archgen.weights.leaves import leaves_of


class Lifted(NamedTuple):
    """The text of a spec, its network, its proof unless none was wanted, and in words what it leaves out.

    `weights` are the module's own, by the names of the network; there are none without a proof.
    """

    text: str
    network: ShapedNetwork
    proof: Proof | None
    remarks: tuple[str, ...]
    weights: Mapping[str, Tensor]


def lift(original: Original, images: Tensor, *, with_proof: bool = True) -> Lifted:
    """The spec of a module that was run on `images`, N x C x H x W.

    The module has its own weights again afterwards. Raises NotRecorded where it cannot be run or
    followed, OutsideTheTable for ops that a spec does not have, SpecError for a spec that is not sound,
    NotProved where its network is not the same.
    """
    module = original.module
    _demand_images(module)
    _demand_one_input(module)
    _demand_python(module)
    make_lazy_layers(module, images)
    own = {name: tensor.detach().clone() for name, tensor in tensors_of(module)}
    starts = starts_of(module)
    randomise(module)
    try:
        recording = record(module, images)
        flat = matched(recording, starts, original.name, original.source)
        if not flat.calls:
            raise NotRecorded("the module gives back its input: there is nothing to lift")
        text = spec_text(flat)
        compilation = _checked(text)
        network, proof = compilation.sound_network(), None
        if with_proof:
            ran = Ran(images, recording.logits, recording.idle)
            proof = prove(network, compilation.sources, flat, module, ran)
        remarks = tuple(_remarks(module, recording, flat, proof))
    finally:
        with torch.no_grad():
            for name, tensor in tensors_of(module):
                tensor.copy_(own[name])
    weights = {} if proof is None else weights_for(leaves_of(network), proof.partners, own)
    return Lifted(text, network, proof, remarks, weights)


def noise(original: Original) -> Tensor:
    """Two images for it, the same each time."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, original.channels, *original.grid, generator=generator)


_OTHER_GRIDS = {
    **dict.fromkeys(("Conv1d", "ConvTranspose1d", "MaxPool1d", "AvgPool1d"), "sequences"),
    **dict.fromkeys(("Conv3d", "ConvTranspose3d", "MaxPool3d", "AvgPool3d"), "volumes"),
    **dict.fromkeys(("Embedding", "RNN", "LSTM", "GRU"), "sequences"),
}


def _demand_images(module: nn.Module) -> None:
    """Raises NotRecorded for a network of sequences or volumes, which works on no image anywhere."""
    if any(isinstance(each, nn.Conv2d | nn.ConvTranspose2d) for each in module.modules()):
        return
    for path, each in module.named_modules():
        kind = type(each).__name__
        if kind in _OTHER_GRIDS:
            where = f"`{path}` ({kind})" if path else f"`{kind}`"
            raise NotRecorded(
                f"{where} works on {_OTHER_GRIDS[kind]}, and the grid of a spec has two sides, height "
                "and width: a network that takes images, channels x height x width, can be imported"
            )


def _demand_one_input(module: nn.Module) -> None:
    """Raises NotRecorded for a `forward` that needs more than images."""
    known = inspect.signature(module.forward).parameters.values()
    wanted = [
        each.name
        for each in known
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if len(wanted) > 1:
        names = ", ".join(f"`{name}`" for name in wanted)
        raise NotRecorded(f"`forward` wants {len(wanted)} inputs, {names}, and a network has one")


def _demand_python(module: nn.Module) -> None:
    """Raises NotRecorded for a part that does not run as Python, whose calls nobody sees."""
    for path, each in module.named_modules():
        if isinstance(each, torch.jit.ScriptModule) or type(each).__name__ == "OptimizedModule":
            where = f"`{path}`" if path else "the module"
            raise NotRecorded(
                f"{where} is compiled, and its calls are not seen: lift what it was made of"
            )


def _checked(text: str) -> Compilation:
    """The spec, sound. Raises SpecError."""
    compilation = check(SpecText("the lifted spec", text))
    compilation.sound_network()
    return compilation


def _remarks(
    module: nn.Module, recording: Recording, flat: FlatNetwork, proof: Proof | None
) -> Iterator[str]:
    """What of the module is not in the spec, and what the proof does not cover."""
    for path in recording.idle:
        yield f"`{path}` does nothing in evaluation, and is left out"
    lifted = {name for call in flat.calls for _, name in call.tensors}
    trained = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    left: Counter[str] = Counter()
    frozen: Counter[str] = Counter()
    for name, parameter in module.named_parameters():
        if name not in lifted:
            left[_owner(name, lifted)] += parameter.numel()
        elif name not in trained:
            frozen[_owner(name, trained)] += parameter.numel()
    for owner, count in left.items():
        yield f"`{owner}` is left out: nothing comes of its {count:,} parameters in evaluation"
    if not trained:
        yield "the module is frozen (`requires_grad` is false), and a spec trains its parameters"
    for owner, count in frozen.items() if trained else ():
        yield f"`{owner}` is frozen (`requires_grad` is false), and a spec trains its {count:,} parameters"
    if proof is not None and proof.untrained:
        yield f"the proof covers evaluation alone, not training: {proof.untrained}"


def _owner(name: str, lifted: AbstractSet[str]) -> str:
    """The outermost module around a tensor of which nothing was lifted, or the tensor."""
    parts = name.split(".")
    for count in range(1, len(parts)):
        path = ".".join(parts[:count])
        if not any(other.startswith(f"{path}.") for other in lifted):
            return path
    return name
