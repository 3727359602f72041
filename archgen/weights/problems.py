"""What is wrong with a checkpoint, as findings: tensors by name, each with the nearest of the other side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from archgen.diagnostics import Diagnostic, Rule, did_you_mean
from archgen.rules import (
    AMBIGUOUS,
    EXTRA_TENSOR,
    FOREIGN_TENSOR,
    MISSING_TENSOR,
    NOT_FINITE,
    UNKEPT,
    UNREADABLE_WEIGHTS,
    WRONG_SHAPE,
)
from archgen.spec.files import start_of
from archgen.weights.checkpoint import Checkpoint, Unreadable
from archgen.weights.leaves import Stored, shown_shape
from archgen.weights.pairing import Group
from archgen.weights.plan import Misfit, Plan

MAX_NOTES = 40
MAX_NAMES = 8
SOME_NOTES = 6
OTHER = "these look like the weights of another network"
PARTIAL = "with `--partial`, what fits is taken, and the rest keeps its first values"


def unreadable(source: str, error: Unreadable) -> Diagnostic:
    """A file without tensors that can be read."""
    message = f"no weights can be read from `{source}`: {error}"
    return UNREADABLE_WEIGHTS.at(start_of(source), message, help=error.help)


def misfits(source: str, plan: Plan) -> Iterator[Diagnostic]:
    """What keeps a file from filling a network, layer by layer; of another network, some layers."""
    limit = SOME_NOTES if plan.is_far else MAX_NOTES
    if plan.misfits:
        message = f"{_tensors(plan.misfits)} of another shape than in the network"
        lines = [_shapes(misfit) for misfit in plan.misfits]
        help = _classes(plan.misfits) or PARTIAL
        yield _listed(WRONG_SHAPE, source, message, lines, help, limit)
    if plan.missing:
        message = f"{_tensors(plan.missing)} of the network not in the file"
        lines = _layers(plan.missing, plan.extra)
        help = OTHER if plan.is_far else PARTIAL
        yield _listed(MISSING_TENSOR, source, message, lines, help, limit)
    if plan.extra:
        message = f"{_tensors(plan.extra)} of the file not in the network"
        help = "with `--partial`, they are left out"
        lines = _layers(plan.extra, plan.missing)
        yield _listed(EXTRA_TENSOR, source, message, lines, help, limit)


def ambiguous(source: str, groups: Sequence[Group]) -> Diagnostic:
    """Layers of one shape of which nothing says which is which."""
    count = sum(len(group.ours) for group in groups)
    layers = "1 layer" if count == 1 else f"{count:,} layers"
    message = f"nothing says which layers of the file are {layers} of the network"
    lines = [
        f"{_some(group.ours)} {'is one' if len(group.ours) == 1 else 'are each one'} of "
        f"{_some(group.theirs)} ({shown_shape(group.shape)})"
        for group in groups
    ]
    help = (
        "`--write-map map.yaml` writes the likeliest map: correct it, and import with `--map map.yaml`; "
        "`--trust-order` takes them in the order of the file"
    )
    return _listed(AMBIGUOUS, source, message, lines, help)


def _some(names: Sequence[str]) -> str:
    """Names for a sentence; of many, the first."""
    shown = [f"`{name}`" for name in names[:MAX_NAMES]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def not_finite(source: str, names: Sequence[str]) -> Diagnostic:
    """Tensors that no network can compute with."""
    message = f"{_tensors(names)} with NaN or infinity in the file"
    help = "take a checkpoint from before the training diverged"
    return _listed(NOT_FINITE, source, message, [f"`{name}`" for name in names], help)


def foreign(source: str, names: Sequence[str], checkpoint: Checkpoint) -> Diagnostic:
    """Tensors of whole numbers, truth values or complex numbers in the place of real ones."""
    notes = [f"`{name}` is of {checkpoint.entries[name].dtype}" for name in names]
    help = "convert them to float32 before"
    return _listed(FOREIGN_TENSOR, source, f"{_tensors(names)} of no real numbers", notes, help)


def unequal(source: str, pairs: Sequence[tuple[str, str]]) -> Diagnostic:
    """Tensors that the network has no place for, unless they were others once more; and they are not."""
    message = f"{_tensors(pairs)} of the file not in the network, nor another one of it once more"
    notes = [f"`{again}` is not equal to `{first}`" for again, first in pairs]
    help = "with `--partial`, they are left out"
    return _listed(EXTRA_TENSOR, source, message, notes, help)


def unkept(source: str, reasons: Sequence[str]) -> Diagnostic:
    """What another implementation needs and these weights do not have."""
    return _listed(UNKEPT, source, "their state dict cannot be made of these weights", reasons, "")


def _listed(
    rule: Rule,
    source: str,
    message: str,
    lines: Sequence[str],
    help: str,
    limit: int = MAX_NOTES,
) -> Diagnostic:
    notes = list(lines[:limit])
    if len(lines) > limit:
        notes.append(f"and {len(lines) - limit:,} more layers")
    return rule.at(start_of(source), message, notes=notes, help=help)


def _tensors(found: Sequence[object]) -> str:
    return "1 tensor is" if len(found) == 1 else f"{len(found):,} tensors are"


def _shapes(misfit: Misfit) -> str:
    ours, theirs = misfit
    return (
        f"`{ours.name}` is {shown_shape(ours.shape)}, and `{theirs.name}` "
        f"in its place {shown_shape(theirs.shape)}"
    )


def _classes(found: Iterable[Misfit]) -> str:
    """Where only a count of classes differs, what to do about it."""
    pairs = [(ours.shape, theirs.shape) for ours, theirs in found]
    if not all(a and b and a[1:] == b[1:] and a[2:] in ((), (1, 1)) for a, b in pairs):
        return ""
    if all(len(a) == 1 for a, _ in pairs):
        return ""
    counts = {(a[0], b[0]) for a, b in pairs}
    if len(counts) != 1:
        return ""
    (ours, theirs) = counts.pop()
    if theirs == ours + 1:
        return (
            "where theirs begins with a background class, `--from cadene` or `--from tf_slim` leaves it out, "
            f"or a map with `background:`; otherwise `--set num_classes={theirs}`"
        )
    return f"the spec may be given as many classes: `--set num_classes={theirs}`"


def by_layer(names: Iterable[str]) -> dict[str, list[str]]:
    """The last words of tensors' names, by the layer that they belong to; none of those by themselves."""
    layers: dict[str, list[str]] = {}
    for name in names:
        owner, *last = re.split(r"[./](?=[^./]+$)", name)
        layers.setdefault(owner, []).extend(last)
    return layers


def named_roles(layer: str, roles: Sequence[str]) -> str:
    """`conv: weight, bias`, or the name alone of a tensor by itself."""
    return f"{layer}: {', '.join(roles)}" if roles else layer


def _layers(tensors: Sequence[Stored], others: Sequence[Stored]) -> list[str]:
    """A line for each layer: its tensors, the shape of the first, and the nearest on the other side."""
    shapes = {tensor.name: tensor for tensor in tensors}
    lines = []
    for layer, roles in by_layer(shapes).items():
        first = next(iter(t for name, t in shapes.items() if name.startswith(layer)))
        near = _nearest(first, others)
        hint = "" if near is None else f"; nearest is `{near.name}`, {shown_shape(near.shape)}"
        shown = named_roles(f"`{layer}`", roles)
        lines.append(f"{shown} ({shown_shape(first.shape)}{hint})")
    return lines


def _nearest(tensor: Stored, others: Sequence[Stored]) -> Stored | None:
    """The unpaired tensor of the other side that it may be: of its shape, or called alike."""
    role = tensor.name.rpartition(".")[2]
    alike = [other for other in others if other.shape == tensor.shape]
    same_role = [other for other in alike if other.name.rpartition(".")[2] == role]
    if same_role or alike:
        return (same_role or alike)[0]
    word = did_you_mean(tensor.name, (other.name for other in others))
    return next((other for other in others if other.name == word), None)
