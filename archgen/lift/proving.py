"""The proof of a lifted spec: the module's own weights in the spec's network, and equal logits."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archgen.cost import Costs
from archgen.emit import emit
from archgen.emit.module import build_class
from archgen.ir.shaped import ShapedNetwork
from archgen.lift.alignment import NotAligned, Traced, aligned
from archgen.lift.flat import FlatNetwork
from archgen.lift.matching import matched
from archgen.lift.recording import record, tensors_of
from archgen.lift.training import Compared, NotTrained, TrainingDiffers, compare_training
from archgen.weights.programs import BOUND

COUNTED = ("conv", "conv_transpose", "linear")
DROPS = ("dropout", "stochastic_depth")


class Proof(NamedTuple):
    """What both networks gave for the same images with the same weights; `difference` is the largest.

    `partners` are the module's tensors by the names of the spec's. `untrained` says why the proof is one
    of evaluation alone; it is empty where gradients and statistics after a training step are equal, too.
    """

    params: int
    macs: int
    difference: float
    largest: float
    partners: Mapping[str, str]
    untrained: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether all numbers are equal to the bit."""
        return self.difference == 0

    @property
    def holds(self) -> bool:
        """Whether the numbers differ by no more than an order of additions may explain."""
        return self.difference <= BOUND * self.largest


class Ran(NamedTuple):
    """The images that the module was run on, what it gave, and its parts that did nothing."""

    images: Tensor
    logits: tuple[Tensor, ...]
    idle: tuple[str, ...] = ()


class NotProved(Exception):
    """The spec is not of the same network; the message says what differs."""


def randomise(module: nn.Module, seed: int = 0) -> None:
    """Gives norms, statistics, factors and biases values that none has by default, and zeros some.

    What starts as one number all over would hide that two layers were exchanged.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in tensors_of(module):
            if not tensor.is_floating_point() or not tensor.numel():
                continue
            if tensor.dim() > 1 and bool((tensor != tensor.flatten()[0]).any()):
                continue
            is_centred = name.endswith(("bias", "mean", "beta"))
            low, high = (-0.2, 0.2) if is_centred else (0.8, 1.2)
            if tensor.dim() > 1 and tensor.numel() > max(tensor.shape):
                bound = 1 / math.sqrt(tensor[0].numel())
                low, high = -bound, bound
            tensor.copy_(torch.empty(tensor.shape).uniform_(low, high, generator=generator))


def prove(
    network: ShapedNetwork,
    sources: Mapping[str, str],
    flat: FlatNetwork,
    module: nn.Module,
    ran: Ran,
) -> Proof:
    """Runs the spec's network, with the module's weights, on what the module ran on. Raises NotProved."""
    state = dict(tensors_of(module))
    params, macs = _costs(network, flat, state)
    ours = _live(network, sources)
    partners = _give_weights(ours, flat, state, ran.images)
    with torch.no_grad():
        difference, largest = _compared(_outputs(ours(ran.images)), ran.logits)
    proof = Proof(params, macs, difference, largest, partners)
    if not proof.holds:
        raise NotProved(f"logits differ by {difference:.2g}, where the largest is {largest:.2g}")
    sizes = [tuple(tensor.shape) for tensor in ran.logits]
    try:
        compare_training(Compared(ours, module, partners, flat, sizes, ran.idle), ran.images)
    except TrainingDiffers as error:
        raise NotProved(str(error)) from None
    except NotTrained as error:
        return proof._replace(untrained=str(error))
    return proof


def _live(network: ShapedNetwork, sources: Mapping[str, str]) -> nn.Module:
    """The network without numbers."""
    with torch.device("meta"):
        return build_class(emit(network, sources, network.network.title))().eval()


def _give_weights(
    ours: nn.Module, flat: FlatNetwork, state: Mapping[str, Tensor], images: Tensor
) -> dict[str, str]:
    """Gives copies of the module's tensors to ours, layer by layer, and says which is which.

    Raises NotProved where a layer has no partner.
    """
    own = dict(tensors_of(ours))
    traced = matched(record(ours, images.to("meta")), {}, flat.name, "")
    _compare_rates(traced, flat)
    try:
        partners = aligned(
            Traced(traced, {name: tuple(tensor.shape) for name, tensor in own.items()}),
            Traced(flat, {name: tuple(tensor.shape) for name, tensor in state.items()}),
        )
    except NotAligned as error:
        raise NotProved(str(error)) from None
    moved = {
        name: state[other].detach().clone().view(own[name].shape)
        for name, other in partners.items()
    }
    counts = {
        name: torch.zeros((), dtype=torch.long) for name in own if name.endswith("_batches_tracked")
    }
    ours.load_state_dict({**counts, **moved}, strict=False, assign=True)
    return partners


def _compare_rates(ours: FlatNetwork, theirs: FlatNetwork) -> None:
    """Raises NotProved where what training drops differs, which evaluation does not show."""
    found = [
        Counter(
            f"{call.op} {dict(call.settings)['rate']}" for call in flat.calls if call.op in DROPS
        )
        for flat in (ours, theirs)
    ]
    for extra, side in zip(
        (found[0] - found[1], found[1] - found[0]), ("spec", "module"), strict=True
    ):
        if extra:
            raise NotProved(f"only the {side} has {', '.join(sorted(extra))}")


def _costs(
    network: ShapedNetwork, flat: FlatNetwork, state: Mapping[str, Tensor]
) -> tuple[int, int]:
    """Params and MACs, counted on both sides. Raises NotProved where they differ."""
    cost = Costs().network(network).cost
    names = {name for call in flat.calls for _, name in call.tensors}
    params = sum(
        t.numel() for name, t in state.items() if name in names and isinstance(t, nn.Parameter)
    )
    macs = sum(_macs(flat, place, state) for place in range(len(flat.calls)))
    if (params, macs) != (cost.params, cost.macs):
        raise NotProved(
            f"the module has {params:,} parameters and {macs:,} MACs, "
            f"the spec {cost.params:,} and {cost.macs:,}"
        )
    return params, macs


def _macs(flat: FlatNetwork, place: int, state: Mapping[str, Tensor]) -> int:
    """Multiply-adds of one call: its weights at each position of its grid."""
    call = flat.calls[place]
    if call.op not in COUNTED:
        return 0
    shapes = {each.name: each.shape for each in flat.calls} if call.op == "conv_transpose" else {}
    grid = shapes.get(call.inputs[0], flat.input if shapes else call.shape)[1:]
    return state[dict(call.tensors)["weight"]].numel() * math.prod(grid)


def _compared(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> tuple[float, float]:
    """The largest difference of two numbers and the largest number. Raises NotProved."""
    if [one.numel() for one in ours] != [other.numel() for other in theirs]:
        raise NotProved(f"the module gives {_sizes(theirs)}, the spec {_sizes(ours)}")
    if not all(bool(tensor.isfinite().all()) for tensor in theirs):
        raise NotProved("the module's own logits are not finite with random weights")
    if not all(bool(tensor.isfinite().all()) for tensor in ours):
        raise NotProved("the spec's logits are not finite, and the module's are")
    pairs = [(one.reshape(other.shape), other) for one, other in zip(ours, theirs, strict=True)]
    difference = max(float((one - other).abs().max()) for one, other in pairs)
    return difference, max(float(other.abs().max()) for other in theirs)


def _sizes(tensors: Sequence[Tensor]) -> str:
    return " and ".join("x".join(map(str, tensor.shape)) for tensor in tensors)


def _outputs(value: object) -> tuple[Tensor, ...]:
    """The tensors that our network gives: one, or a named tuple of them."""
    if isinstance(value, Tensor):
        return (value,)
    assert isinstance(value, tuple)
    return tuple(tensor for tensor in value if isinstance(tensor, Tensor))
