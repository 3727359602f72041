"""Which sizes are legal, from a short scan, and why that is enough.

The scan walks the shaped network once a size, its settings as they are. Why a short scan is enough:
a window with stride s makes one position more for every s rows more. If P is a multiple of the
product of strides on every path, then P rows more add P / (product of strides) positions to each
value, and never change what divides what. So where a network takes n0 and n0 + P, the branches of
each join grow alike, whether they fit depends on n modulo P alone, and all remainders stand between
n0 and n0 + P. Downwards the same holds until a window no longer fits, and a window that fits goes on
fitting on larger grids: the smallest size is found by bisection.

Where the weights change with the size (a linear layer on a flattened grid), the legal sizes lie
around n0, up to the first size on either side that needs other weights: grids only grow with n.
Where P is not known or too large, sizes near n0 are tried and no more is claimed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import cache
from itertools import count
from math import gcd

from archgen.diagnostics import Findings
from archgen.infer import infer
from archgen.ir.graph import NetworkGraph
from archgen.ir.shape import Grid, Shape
from archgen.ir.shaped import ShapedNetwork
from archgen.ir.walk import is_complete
from archgen.legal_sizes.sizes import LegalSizes
from archgen.legal_sizes.walk import TooLong, Verdict, Walk

MAX_PERIOD = 128
NEARBY = 32
LARGEST_INPUT = 4096


def legal_sizes(network: ShapedNetwork, *, in_training: bool = False) -> dict[str, LegalSizes]:
    """The legal sizes by what varies: `grid` where the input is square, else `height` and `width`.

    `network` must be sound. The heads that only training has count with `in_training`. Empty where
    the input has no grid, or the network too many steps.
    """
    grid = network.network.input.grid
    if grid is None:
        return {}
    height, width = grid.height, grid.width
    try:
        if height == width:
            square = _scan(network, height, lambda n: Grid(n, n), in_training=in_training)
            return {"grid": square}
        return {
            "height": _scan(network, height, lambda n: Grid(n, width), in_training=in_training),
            "width": _scan(network, width, lambda n: Grid(height, n), in_training=in_training),
        }
    except TooLong:
        return {}


def smallest_input(network: NetworkGraph) -> int | None:
    """The side of the smallest square input of a network whose own input is too small for it.

    None where no size up to LARGEST_INPUT compiles, or a step could not be read.
    """
    size = max(network.input.height, network.input.width)
    while (size := 2 * size) <= LARGEST_INPUT:
        findings = Findings()
        shape = Shape(network.input.channels, Grid(size, size))
        shaped = infer(network._replace(input=shape), findings)
        if shaped is not None and not findings.has_errors:
            if not is_complete(shaped):
                return None  # a step that could not be read hides what the network takes
            sizes = legal_sizes(shaped).get("grid")
            return sizes.smallest if sizes else None
    return None


def _scan(
    network: ShapedNetwork, size: int, grid: Callable[[int], Grid], *, in_training: bool
) -> LegalSizes:
    channels = network.network.input.channels

    @cache
    def verdict(n: int) -> Verdict:
        return Walk(network, in_training=in_training).verdict(Shape(channels, grid(n)))

    period = Walk(network, in_training=in_training).period(Shape(channels, grid(size)))
    if period is None or period > MAX_PERIOD or verdict(size + period) is Verdict.MISMATCH:
        tried = range(max(1, size - NEARBY), size + NEARBY + 1)
        return _listed([n for n in tried if verdict(n) is Verdict.FITS], tried, is_proved=False)
    if verdict(size + period) is not Verdict.FITS:
        around = range(_last(verdict, size, -1), _last(verdict, size, 1) + 1)
        return _listed([n for n in around if verdict(n) is Verdict.FITS], around, is_proved=True)
    remainders = [n % period for n in range(size, size + period) if verdict(n) is Verdict.FITS]
    candidates = [n for n in range(1, size + 1) if n % period in set(remainders)]
    first = bisect_left(candidates, True, key=lambda n: verdict(n) is Verdict.FITS)
    modulus = _shortest_period(remainders, period)
    reduced = tuple(sorted({n % modulus for n in remainders}))
    return LegalSizes(candidates[first], None, modulus, reduced, True, (size, size + period))


def _last(verdict: Callable[[int], Verdict], size: int, step: int) -> int:
    """The last size before one that is too small or needs other weights."""
    beyond = (Verdict.TOO_SMALL, Verdict.OTHER_WEIGHTS)
    return next(n for n in count(size, step) if n + step < 1 or verdict(n + step) in beyond)


def _listed(fitting: list[int], tried: range, *, is_proved: bool) -> LegalSizes:
    """Sizes that were tried one by one, in even steps or as a list of their own."""
    first, last = fitting[0], fitting[-1]
    step = gcd(*(n - first for n in fitting)) or 1
    is_even = len(fitting) == (last - first) // step + 1
    modulus = step if is_even else last + 1
    remainders = tuple(sorted({n % modulus for n in fitting}))
    return LegalSizes(first, last, modulus, remainders, is_proved, (tried[0], tried[-1]))


def _shortest_period(remainders: Iterable[int], period: int) -> int:
    """The smallest divisor of `period` with which the same sizes are legal."""
    legal = set(remainders)
    divisors = (d for d in range(1, period + 1) if period % d == 0)
    return next(d for d in divisors if all((n + d) % period in legal for n in legal))
