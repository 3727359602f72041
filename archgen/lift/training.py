"""The proof of a lifted spec in training: after a step, both networks have the same gradients and statistics.

Both run once on the same images with nothing dropped, and the gradients of one loss go back through both.
What the module does in training and a spec does not say is no reason to refuse the spec: it is told, and
the proof is one of evaluation alone.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archgen.lift.dropping import drops_of
from archgen.lift.flat import FlatNetwork
from archgen.lift.recording import NotRecorded, Recording, Weight, record
from archgen.weights.programs import BOUND

_PRECISE = 1e-7  # relative, of numbers of 64 bits
_LEAST = 1e-3  # of the largest number of all: rounding of what is far below is not looked at


class TrainingDiffers(Exception):
    """After a training step the networks differ; the message says where."""


class NotTrained(Exception):
    """The module's training is not that of any spec, or cannot be compared; the message says why."""


class Compared(NamedTuple):
    """Both networks, which tensor of ours is which of theirs, and what theirs is in evaluation.

    Its modules at `idle` do nothing in evaluation, and nothing here: that they are left out is told.
    """

    ours: nn.Module
    theirs: nn.Module
    partners: Mapping[str, str]
    flat: FlatNetwork
    sizes: Sequence[tuple[int, ...]]
    idle: Sequence[str] = ()


def compare_training(both: Compared, images: Tensor) -> None:
    """Compares outputs, gradients and statistics of both after a step on `images`.

    What only rounding explains in 32 bits is looked at in 64. Raises TrainingDiffers, and NotTrained where
    the module's training is another than a spec can have.
    """
    theirs = _trained(both, both.theirs, images)
    ours = _trained(both, both.ours, images)
    if _difference(both, ours, theirs, BOUND):
        for module in (both.ours, both.theirs):
            module.double()
        try:
            theirs = _trained(both, both.theirs, images.double())
            ours = _trained(both, both.ours, images.double())
        finally:
            for module in (both.ours, both.theirs):
                module.float()
        found = _difference(both, ours, theirs, _PRECISE)
        if found and theirs.has_more:
            raise NotTrained("the module gives more outputs in training")
        if found:
            raise TrainingDiffers(found)


class _Step(NamedTuple):
    """What a forward and a backward in training gave: outputs, and gradients or statistics by name.

    With `has_more`, there were further outputs, and these may not be those of evaluation.
    """

    outputs: tuple[Tensor, ...]
    tensors: Mapping[str, Tensor]
    has_more: bool


def _trained(both: Compared, module: nn.Module, images: Tensor) -> _Step:
    """One step of a module, which is then as it was. Raises NotTrained."""
    kept = {name: buffer.detach().clone() for name, buffer in module.named_buffers()}
    frozen = [parameter for parameter in module.parameters() if not parameter.requires_grad]
    still = {*drops_of(module), *(id(both.theirs.get_submodule(path)) for path in both.idle)}
    module.requires_grad_().train()
    for each in module.modules():
        if id(each) in still:
            each.train(mode=False)
    states = (torch.get_rng_state(), random.getstate())
    try:
        recording = record(module, images, training=True)
        draws = not torch.equal(states[0], torch.get_rng_state()) or states[1] != random.getstate()
        if module is both.theirs:
            _demand_trainable(both, recording, draws=draws)
        outputs = recording.logits[: len(both.sizes)]
        _loss(outputs).backward()
        found = {name: buffer.detach().clone() for name, buffer in module.named_buffers()}
        for name, parameter in module.named_parameters():
            found[name] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        has_more = len(recording.logits) > len(outputs)
        return _Step(tuple(output.detach() for output in outputs), found, has_more)
    except NotRecorded as error:
        raise NotTrained(f"the module does not run in training: {error}") from None
    except RuntimeError as error:
        (line, *_) = [*str(error).splitlines(), ""]
        raise NotTrained(f"no gradients come back through the module: {line[:200]}") from None
    finally:
        module.zero_grad(set_to_none=True)
        module.eval()
        for parameter in frozen:
            parameter.requires_grad = False
        with torch.no_grad():
            for name, buffer in module.named_buffers():
                buffer.copy_(kept[name])


def _loss(outputs: Sequence[Tensor]) -> Tensor:
    """A number in which every number of the outputs has a part of its own."""
    generator = torch.Generator().manual_seed(0)
    parts = [
        torch.randn(output.shape, generator=generator, dtype=output.dtype) for output in outputs
    ]
    return torch.stack(
        [(out * part).mean() for out, part in zip(outputs, parts, strict=True)]
    ).sum()


def _demand_trainable(both: Compared, recording: Recording, *, draws: bool) -> None:
    """Raises NotTrained for what a module does in training and a spec does not say."""
    if recording.chance or draws:
        calls = f" ({', '.join(recording.chance[:3])})" if recording.chance else ""
        raise NotTrained(
            f"the module draws random numbers in training{calls}, as stochastic depth in `forward` does, "
            "and the spec does not"
        )
    drops = [str(dict(call.settings)["rate"]) for call in both.flat.calls if call.op == "dropout"]
    lifted = {name for call in both.flat.calls for _, name in call.tensors}
    more = [str(rate) for path, rate in recording.dropped if not _is_left_out(both, path, lifted)]
    if only := [*(Counter(more) - Counter(drops))]:
        raise NotTrained(f"the module has a dropout of {only[0]} in training alone")
    if frozen := [*_frozen(recording)]:
        norms = ", ".join(f"`{name}`" for name in frozen[:3])
        others = f" and {len(frozen) - 3} more" if len(frozen) > 3 else ""
        raise NotTrained(
            f"norms of the module keep their statistics in training, those of a spec do not: {norms}{others}"
        )
    sizes = [tuple(output.shape) for output in recording.logits]
    if sizes[: len(both.sizes)] != [*both.sizes]:
        raise NotTrained("the module gives other outputs in training")


def _is_left_out(both: Compared, path: str, lifted: Collection[str]) -> bool:
    """Whether a module is in a part of which nothing was lifted, such as an auxiliary head."""
    while path:
        own = [f"{path}.{name}" for name, _ in both.theirs.get_submodule(path).named_parameters()]
        if own and not any(name in lifted for name in own):
            return True
        path = path.rpartition(".")[0]
    return False


def _frozen(recording: Recording) -> Iterator[str]:
    """Norms that take their own statistics in training."""
    for event in recording.events:
        if event.function == "batch_norm":
            mean = event.args[1] if len(event.args) > 1 else event.kwargs.get("running_mean")
            updates = event.args[5] if len(event.args) > 5 else event.kwargs.get("training", False)
            if not updates and isinstance(mean, Weight):
                yield mean.name.rpartition(".")[0] or mean.name


def _difference(both: Compared, ours: _Step, theirs: _Step, bound: float) -> str:
    """Where both differ by more than rounding; empty where they do not."""
    pairs = [
        ("the logits", *both_outputs)
        for both_outputs in zip(ours.outputs, theirs.outputs, strict=True)
    ]
    parameters = dict(both.theirs.named_parameters())
    for mine, yours in both.partners.items():
        if yours in theirs.tensors and mine in ours.tensors:
            what = "the gradients of" if yours in parameters else "the statistics"
            pairs.append((f"{what} `{yours}`", ours.tensors[mine], theirs.tensors[yours]))
    largest: dict[str, float] = {}
    for what, _, other in pairs:
        kind = what.partition("`")[0]
        largest[kind] = max(largest.get(kind, 0.0), float(other.abs().max()))
    for what, one, other in pairs:
        difference = float((one.reshape(other.shape) - other).abs().max())
        size = max(float(other.abs().max()), _LEAST * largest[what.partition("`")[0]])
        if not difference <= bound * size:
            return f"after a training step {what} differ by {difference:.2g}, where the largest is {size:.2g}"
    return ""
