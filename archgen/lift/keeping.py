"""What lifting knows of a module's tensors: its weights under a spec's names, and the map between both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from archgen.diagnostics import Findings
from archgen.lift.recording import tensors_of
from archgen.spec.files import SpecText
from archgen.weights.dialects import TORCH, their_leaves
from archgen.weights.leaves import COUNT, Leaf
from archgen.weights.maps import LayerLine, WeightMap, map_text, read_map
from archgen.weights.plan import adjusted, planned


class NoMap(Exception):
    """No map can say which tensor is which; the message says why."""


def weights_for(
    leaves: Sequence[Leaf], partners: Mapping[str, str], state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The tensors of a network by its own names, contiguous; `partners` are those of the module."""
    found = {}
    for leaf in leaves:
        for role, tensor in leaf.tensors.items():
            name = partners.get(tensor.name, "")
            if role == COUNT:
                statistics = partners[leaf.tensors["running_mean"].name]
                name = f"{statistics.rpartition('.')[0]}.{COUNT}"
            value = state.get(name, torch.zeros((), dtype=torch.int64) if role == COUNT else None)
            assert value is not None
            found[tensor.name] = value.detach().reshape(tensor.shape).contiguous()
    return found


def true_map(
    network: str,
    code: str,
    leaves: Sequence[Leaf],
    partners: Mapping[str, str],
    module: nn.Module,
) -> WeightMap:
    """The map from the layers of a network to those of the module's state dict. Raises NoMap."""
    first = {id(tensor): name for name, tensor in tensors_of(module)}
    state = module.state_dict(keep_vars=True)
    theirs = their_leaves({name: tuple(value.shape) for name, value in state.items()}, TORCH)
    owners = {tensor.name: leaf.path for leaf in theirs for tensor in leaf.tensors.values()}
    again = {
        owners[name]: owners[first[id(value)]]
        for name, value in state.items()
        if first.get(id(value), name) != name
    }
    lines = []
    for leaf in leaves:
        names = [partners[t.name] for role, t in leaf.tensors.items() if role != COUNT]
        paths = {owners[name] for name in names}
        if len(paths) > 1 or "" in paths:
            raise NoMap(
                f"`{leaf.path}` has the tensors {', '.join(names)}, which no one layer owns"
            )
        lines.append(LayerLine(leaf.path, paths.pop()))
    plain = WeightMap(network, code, TORCH, tuple(lines), shared=tuple(again.items()))
    found = adjusted(plain, leaves, theirs)
    left_out = planned(found, leaves, theirs).extra
    found = found._replace(ignore=tuple(tensor.name for tensor in left_out))
    plan = planned(found, leaves, theirs)
    misfits = [*(misfit.ours.name for misfit in plan.misfits), *(t.name for t in plan.missing)]
    again_read = read_map(SpecText("map", map_text(found)), Findings())
    if misfits or again_read is None or {*_pairs(again_read)} != {*_pairs(found)}:
        name = misfits[0] if misfits else lines[0].ours
        raise NoMap(f"a line of names cannot say what becomes `{name}`")
    return found


def _pairs(found: WeightMap) -> list[tuple[str, str]]:
    return [(line.ours, line.theirs) for line in found.layers]
