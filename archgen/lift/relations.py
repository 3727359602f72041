"""Numbers of several uses of a block as one expression over what the block receives and its params."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import mul
from types import MappingProxyType

from archgen.lift.flat import Value
from archgen.lift.steps import Expression
from archgen.spec.expression_parser import parse_expression
from archgen.spec.expressions import FUNCTIONS

Row = tuple[Value, ...]  # a value for each use; None where a use has none

NOTHING: Mapping[str, Row] = MappingProxyType({})
_FACTORS = (2, 3, 4, 5, 6, 8)
_DIVISORS = (2, 3, 4, 6, 8, 12, 16, 24, 32)
_make_divisible = FUNCTIONS["make_divisible"][0]


def expressed(
    row: Row, names: Mapping[str, Row], bases: Mapping[str, Row] = NOTHING
) -> Expression | None:
    """The first of `names`, or of simple terms over `bases`, that gives every value of the row.

    A term needs two different values to be more than chance, and one that rounds needs three.
    """
    found = next((name for name, known in names.items() if _covers(known, row)), None)
    if found is None and all(
        isinstance(value, int) and value > 1 for value in row if value is not None
    ):
        different = len({value for value in row if value is not None})
        terms = (text for text, known in _derived(bases, different) if _covers(known, row))
        found = next(terms, None)
    return None if found is None else Expression(found)


def ratio(row: Row, base: Row) -> Row | None:
    """How many times the base each value is, where that is a whole number with few different values."""
    ratios = [
        value // there
        for value, there in zip(row, base, strict=True)
        if isinstance(value, int) and isinstance(there, int) and value % there == 0
    ]
    is_few = 1 < len(set(ratios)) <= len(set(row)) // 2
    return tuple(ratios) if len(ratios) == len(row) and is_few else None


def _covers(known: Row, row: Row) -> bool:
    """Whether `known` has the row's value wherever that has one."""
    return all(
        value is None or (type(there) is type(value) and there == value)
        for there, value in zip(known, row, strict=True)
    )


def _derived(bases: Mapping[str, Row], different: int) -> Iterator[tuple[str, Row]]:
    """Multiples and parts of the bases, and what mobile networks round to eights."""
    for name, row in bases.items() if different > 1 else ():
        yield from ((f"{k} * {name}", _each(row, partial(mul, k))) for k in _FACTORS)
        yield from ((f"{name} // {k}", _each(row, partial(_part, k))) for k in _DIVISORS)
    for name, row in bases.items() if different > 2 else ():
        for k in _DIVISORS:
            yield f"make_divisible({name} // {k}, 8)", _each(row, partial(_rounded_part, k))


def _part(divisor: int, whole: int) -> int:
    """What `//` gives, where nothing is left over."""
    return 0 if whole % divisor else whole // divisor


def _rounded_part(divisor: int, whole: int) -> int:
    return int(_make_divisible(whole // divisor, 8))


def _each(row: Row, change: Callable[[int], int]) -> Row:
    return tuple(
        change(value) if isinstance(value, int) and not isinstance(value, bool) else None
        for value in row
    )


def holds(text: str, names: Mapping[str, Row], wanted: tuple[bool | None, ...]) -> bool:
    """Whether a condition is true in just the uses that are wanted; None is a use that does not care."""
    expression = parse_expression(text)
    if any(name.text not in names for name in expression.names()):
        return False
    for use, is_wanted in enumerate(wanted):
        if is_wanted is None:
            continue
        scope = {name: row[use] for name, row in names.items()}
        used = [scope[name.text] for name in expression.names()]
        if None in used or bool(expression.evaluate(scope)) != is_wanted:
            return False
    return True
