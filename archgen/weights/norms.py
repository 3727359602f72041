"""Norms of three tensors: statistics, and gamma or beta; of files that do not say which, it must be said."""

from __future__ import annotations

from dataclasses import replace

from archgen.weights.checkpoint import Checkpoint, Unreadable

EITHER = "gamma_or_beta"  # what a reader calls the tensor
_MEANT = {"no_gamma": "beta", "no_beta": "gamma"}


def undecided(checkpoint: Checkpoint) -> list[str]:
    """The tensors that may be gamma or beta."""
    return [name for name in checkpoint.entries if name.endswith(f"/{EITHER}")]


def decided(checkpoint: Checkpoint, norms: str) -> Checkpoint:
    """The same tensors, those that were undecided under the name that `norms` means.

    Raises Unreadable where some are undecided, and nothing is said.
    """
    names = undecided(checkpoint)
    if not names:
        return checkpoint
    if norms not in _MEANT:
        layer = names[0].removesuffix(f"/{EITHER}")
        others = f" and {len(names) - 1:,} other norms" if len(names) > 1 else ""
        raise Unreadable(
            f"`{layer}`{others} in it have one of gamma and beta, and it does not say which",
            "a `.keras` archive says it; otherwise name what they lack: gamma (`scale=False`) with "
            "`--norms no_gamma`, beta (`center=False`) with `--norms no_beta`, or `norms:` in a map",
        )
    meant = {name: f"{name.removesuffix(EITHER)}{_MEANT[norms]}" for name in names}
    back = {new: name for name, new in meant.items()}
    return replace(
        checkpoint,
        entries={meant.get(name, name): entry for name, entry in checkpoint.entries.items()},
        read=lambda name: checkpoint.read(back.get(name, name)),
    )
