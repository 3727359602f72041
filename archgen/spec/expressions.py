"""Expressions in specs: arithmetic with names, and positions for every part.

`//` and `%` round towards minus infinity, as in Python. `ceil_div(a, b)` is a / b rounded up.
`round_to(x, n)` is the multiple of n nearest to x (halves upwards); `make_divisible(x, n)` is the
same but never below n and never more than 10 % below x (the rule of the MobileNet family). Python
evaluates nothing: an expression is parsed into the terms below, and they are walked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from archgen.spec.traced import Traced, TracedFloat, is_traced, retrace

MAX_MAGNITUDE = 2**53

Value: TypeAlias = "object"  # int, float, bool, str (a word) or ir.Window: what a param can hold


class ExpressionError(Exception):
    """An expression that cannot be read or has no value; `start` and `length` point into its text."""

    def __init__(self, message: str, start: int, length: int, *, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.length = length
        self.help = help


class Number(NamedTuple):
    """A literal."""

    value: int | float
    start: int
    length: int


class Name(NamedTuple):
    """A param, `i`, or a dotted name such as `in.channels`."""

    text: str
    start: int
    length: int


class Unary(NamedTuple):
    """`-x` or `not x`."""

    operator: str
    operand: Term
    start: int
    length: int


class Binary(NamedTuple):
    """Arithmetic, a comparison, or `and` / `or`."""

    operator: str
    left: Term
    right: Term
    start: int
    length: int


class Choice(NamedTuple):
    """`then if condition else otherwise`."""

    then: Term
    condition: Term
    otherwise: Term
    start: int
    length: int


class Call(NamedTuple):
    """One of the functions of the language."""

    function: str
    arguments: tuple[Term, ...]
    start: int
    length: int


Term: TypeAlias = "Number | Name | Unary | Binary | Choice | Call"


@dataclass(frozen=True)
class Expression:
    """A parsed expression and the text it came from."""

    text: str
    root: Term

    def names(self) -> Iterator[Name]:
        """Every name the expression uses, in order."""
        return _names(self.root)

    def uses_true_division(self) -> Binary | None:
        """The first `/`, or None."""
        return next(
            (t for t in _walk(self.root) if isinstance(t, Binary) and t.operator == "/"), None
        )

    def evaluate(self, scope: Mapping[str, Value]) -> Value:
        """The value where names mean what `scope` says.

        Raises:
            ExpressionError: at the part that has no value (division by zero, a word in a sum).
        """
        return _evaluate(self.root, scope)


def _walk(term: Term) -> Iterator[Term]:
    yield term
    match term:
        case Unary():
            yield from _walk(term.operand)
        case Binary():
            yield from _walk(term.left)
            yield from _walk(term.right)
        case Choice():
            for part in (term.then, term.condition, term.otherwise):
                yield from _walk(part)
        case Call():
            for argument in term.arguments:
                yield from _walk(argument)


def _names(root: Term) -> Iterator[Name]:
    return (term for term in _walk(root) if isinstance(term, Name))


# --- evaluation ---------------------------------------------------------------------------------


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)


def _round_to(x: float, n: int) -> int:
    return int((x + n / 2) // n) * n


def _make_divisible(x: float, n: int) -> int:
    rounded = max(n, _round_to(x, n))
    return rounded + n if rounded < 0.9 * x else rounded


def _least(*numbers: float) -> float:
    return min(numbers)


def _greatest(*numbers: float) -> float:
    return max(numbers)


FUNCTIONS: dict[str, tuple[Callable[..., int | float], int | None]] = {
    "min": (_least, None),
    "max": (_greatest, None),
    "ceil_div": (_ceil_div, 2),
    "round_to": (_round_to, 2),
    "make_divisible": (_make_divisible, 2),
}
_ARITHMETIC: dict[str, Callable[[int | float, int | float], int | float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _evaluate(term: Term, scope: Mapping[str, Value]) -> Value:
    match term:
        case Number():
            return term.value
        case Name():
            return scope[term.text]
        case Binary():
            return _binary(term, scope)
        case Unary():
            return _unary(term, scope)
        case Choice():
            return _choice(term, scope)
        case Call():
            return _call(term, scope)


def _binary(term: Binary, scope: Mapping[str, Value]) -> Value:
    left = _evaluate(term.left, scope)
    if term.operator in ("and", "or"):
        return _logical(term, left, scope)
    right = _evaluate(term.right, scope)
    if term.operator in COMPARISONS:
        return _compare(term, left, right)
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        word = left if isinstance(left, str) else right
        raise ExpressionError(f"`{word}` is no number", term.start, term.length)
    if term.operator in ("/", "//", "%") and right == 0:
        help = "guard it with `A if COND else B`"
        raise ExpressionError("division by zero", term.right.start, term.right.length, help=help)
    value = _ARITHMETIC[term.operator](left, right)
    if isinstance(value, float):
        value = retrace(term.operator, value, left, right)
    return _bounded(value, term)


def _compare(term: Binary, left: Value, right: Value) -> Value:
    ordered = term.operator not in ("==", "!=")
    if ordered and not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise ExpressionError(f"`{term.operator}` compares numbers", term.start, term.length)
    return retrace(term.operator, COMPARISONS[term.operator](left, right), left, right)


def _logical(term: Binary, left: Value, scope: Mapping[str, Value]) -> Value:
    decided = bool(left) == (term.operator == "or")
    if decided and not is_traced(left):
        return bool(left)
    right = _other(term.right, scope) if decided else _evaluate(term.right, scope)
    return retrace(term.operator, bool(left if decided else right), left, right)


def _unary(term: Unary, scope: Mapping[str, Value]) -> Value:
    value = _evaluate(term.operand, scope)
    if term.operator == "not":
        return retrace("not", not value, value)
    if not isinstance(value, int | float):
        raise ExpressionError(f"`{value}` is no number", term.start, term.length)
    return retrace("*", -value, -1, value) if isinstance(value, TracedFloat) else -value


def _choice(term: Choice, scope: Mapping[str, Value]) -> Value:
    condition = _evaluate(term.condition, scope)
    if not is_traced(condition):
        return _evaluate(term.then if condition else term.otherwise, scope)
    if condition:
        then, otherwise = _evaluate(term.then, scope), _other(term.otherwise, scope)
    else:
        then, otherwise = _other(term.then, scope), _evaluate(term.otherwise, scope)
    chosen = then if condition else otherwise
    if not isinstance(chosen, int | float):
        return chosen
    return retrace("if", chosen, then, condition, otherwise)


def _other(term: Term, scope: Mapping[str, Value]) -> Value:
    """A part that is evaluated for its formula alone, as its value may not exist: `8 // n` of a 0.

    Where it does not, other values stand in for the traced ones.
    """
    for values in (scope, *stand_ins(scope)):
        try:
            return _evaluate(term, values)
        except ExpressionError:
            continue
    return _evaluate(term, scope)


def stand_ins(scope: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
    """The scope as other uses may have it: its traced numbers keep their formulas, not their values."""
    for value in (1, 2, 8, 64):
        yield {
            name: Traced.of(value, old.formula) if isinstance(old, Traced) else old
            for name, old in scope.items()
        }


def _call(term: Call, scope: Mapping[str, Value]) -> Value:
    values = [_evaluate(argument, scope) for argument in term.arguments]
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        raise ExpressionError(f"`{term.function}` takes numbers", term.start, term.length)
    function, _ = FUNCTIONS[term.function]
    if term.function not in ("min", "max") and numbers[1] <= 0:
        argument = term.arguments[1]
        message = f"the second value of `{term.function}` must be above 0"
        raise ExpressionError(message, argument.start, argument.length)
    try:
        value = function(*numbers)
    except (OverflowError, ValueError):  # a quotient by a tiny float is infinite, or not a number
        raise _too_large(term) from None
    return _bounded(retrace(term.function, value, *numbers), term)


def _bounded(value: object, term: Term) -> Value:
    if isinstance(value, int | float) and not abs(value) <= MAX_MAGNITUDE:
        raise _too_large(term)
    return value


def _too_large(term: Term) -> ExpressionError:
    return ExpressionError("the value is beyond 2 to the power of 53", term.start, term.length)
