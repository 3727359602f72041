"""The input sizes that a spec states against those that its network takes."""

from __future__ import annotations

from collections.abc import Iterator
from math import lcm

from archgen.diagnostics import Diagnostic
from archgen.ir.graph import StatedSizes
from archgen.ir.shaped import ShapedNetwork
from archgen.legal_sizes.scan import legal_sizes
from archgen.legal_sizes.sizes import LegalSizes
from archgen.rules import SIZES_NARROWER


def narrower_sizes(network: ShapedNetwork) -> Iterator[Diagnostic]:
    """Each side of the input of which the network takes fewer sizes than `sizes` states.

    Training-only heads count: they must run too. Of sizes that were neither tried nor proved, nothing
    is claimed.
    """
    stated = network.network.sizes
    if stated is None:
        return
    for side, legal in legal_sizes(network, in_training=True).items():
        refused = _refused(stated, legal)
        if refused is not None:
            sides = "sizes" if side == "grid" else f"{side}s"
            yield SIZES_NARROWER.at(
                stated.span,
                f"the {sides} stated here have {refused}, which the network does not take",
                notes=[f"it takes {legal}"],
                help=_mended(legal),
            )


def _refused(stated: StatedSizes, legal: LegalSizes) -> int | None:
    """The first stated size that is not legal.

    Behind the smallest legal size all repeats after the modulus, so one common multiple shows all.
    """
    first, last = legal.tested
    end = last + 1
    if legal.is_proved:
        start = max(stated.smallest, legal.smallest, legal.largest or 0)
        end = start + lcm(stated.multiple_of, legal.modulus) + stated.multiple_of + 1
    sizes = stated.sizes(end)
    known = sizes if legal.is_proved else (size for size in sizes if size >= first)
    return next((size for size in known if size not in legal), None)


def _mended(legal: LegalSizes) -> str:
    """What to state instead, where `sizes` can say it."""
    if legal.remainders != (0,) and legal.modulus != 1:
        return "state fewer sizes, or change the layers that part them"
    parts = [f"min: {legal.smallest}"]
    if legal.largest is not None:
        parts.append(f"max: {legal.largest}")
    if legal.modulus != 1:
        parts.append(f"multiple_of: {legal.modulus}")
    return f"write `sizes: {{{', '.join(parts)}}}`"
