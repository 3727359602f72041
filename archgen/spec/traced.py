"""Numbers that remember how they were computed.

A `Traced` is an ordinary int that also carries a formula. The compiler computes with ints; given
traced ones it computes the very same numbers, and each result can also be written down as Python:
with `n` a traced 384, `2 * n + 32` is the int 800 whose formula prints as `2 * n + 32`. This is how
one shape rule serves both the checker and the emitter.

Formulas of whole numbers are kept in a normal form, a sum of atoms with whole coefficients, so that
equal formulas compare equal: `n + n` is `2 * n`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple, TypeAlias, TypeVar, final
from weakref import WeakValueDictionary

Operand: TypeAlias = "int | float | str"


Number = TypeVar("Number", int, float)

# The operation of a formula that stands for a size which none tells: no code can be made of it.
UNKNOWN = "unknown"


class Untraceable(Exception):
    """A number depends on a traced one in a way that no formula tells.

    One parametrised class cannot serve all uses of a block then; each gets a class with its numbers.
    """


class Symbol(NamedTuple):
    """A name in the emitted source."""

    name: str


class Applied(NamedTuple):
    """An operation that does not fold into a sum: `//`, a comparison, `min`, `if`, `and`, ..."""

    operation: str
    operands: tuple[Formula, ...]


Atom: TypeAlias = "Symbol | Applied"


@final
class Formula:
    """A sum of atoms times whole coefficients, plus a constant (a word or float stands alone).

    Formulas that are written alike are one object. A formula is used over and over by those made of
    it, so as a tree it may be vast; each of its distinct parts is looked at once.
    """

    __slots__ = ("__weakref__", "constant", "length", "terms")
    _made: ClassVar[WeakValueDictionary[object, Formula]] = WeakValueDictionary()

    terms: tuple[tuple[Atom, int], ...]
    constant: Operand
    length: int
    """How many names and values it has when it is written out."""

    def __new__(cls, terms: tuple[tuple[Atom, int], ...], constant: Operand = 0) -> Formula:
        """The one formula that is written so."""
        written = terms, repr(constant)
        formula = cls._made.get(written)
        if formula is None:
            formula = super().__new__(cls)
            formula.terms, formula.constant = terms, constant
            formula.length = max(1, sum(_length(atom) for atom, _ in terms) + (constant != 0))
            cls._made[written] = formula
        return formula

    def __add__(self, other: Formula) -> Formula:
        counts = dict(self.terms)
        for atom, count in other.terms:
            counts[atom] = counts.get(atom, 0) + count
        return Formula(tuple((a, c) for a, c in counts.items() if c), _whole(self) + _whole(other))

    def times(self, factor: int) -> Formula:
        """The formula with every coefficient multiplied."""
        if factor == 0:
            return Formula((), 0)
        return Formula(tuple((a, c * factor) for a, c in self.terms), _whole(self) * factor)

    def atoms(self) -> Iterator[Atom]:
        """Every atom, nested ones too, once."""
        seen: set[Atom] = set()
        formulas = [self]
        while formulas:
            for atom, _ in formulas.pop().terms:
                if atom not in seen:
                    seen.add(atom)
                    yield atom
                    formulas += _operands(atom)

    def replace(self, name: str, value: Formula) -> Formula:
        """The formula with `value` in the place of the symbol `name`."""
        return _replaced(self, {Symbol(name): value})

    def settled(self, name: str, number: int, value: int) -> int:
        """`value` without the symbol `name`, which is `number`: plain where no other name is left."""
        formula = self.replace(name, constant(number))
        is_open = any(isinstance(atom, Symbol) for atom in formula.atoms())
        return Traced.of(value, formula) if is_open else value

    def __str__(self) -> str:
        return _printed(self)[0]


def _replaced(formula: Formula, known: dict[Atom, Formula]) -> Formula:
    """The formula with what stands for its atoms; those met on the way become known."""
    total = Formula((), formula.constant)
    for atom, count in formula.terms:
        if atom not in known:
            parts = [_replaced(part, known) for part in _operands(atom)]
            known[atom] = applied(atom[0], *parts) if parts else Formula(((atom, 1),))
        total = total + known[atom].times(count)
    return total


def _operands(atom: Atom) -> tuple[Formula, ...]:
    return atom.operands if isinstance(atom, Applied) else ()


def _length(atom: Atom) -> int:
    return max(1, sum(operand.length for operand in _operands(atom)))


def _whole(formula: Formula) -> int:
    return formula.constant if isinstance(formula.constant, int) else 0


def constant(value: Operand) -> Formula:
    """The formula of a plain value."""
    return Formula((), value)


def applied(operation: str, *operands: Formula) -> Formula:
    """An operation that is kept as it is written, but for a division that leaves no remainder."""
    if operation in ("//", "ceil_div") and (quotient := _quotient(*operands)) is not None:
        return quotient
    return Formula(((Applied(operation, operands), 1),))


def _quotient(left: Formula, right: Formula) -> Formula | None:
    """`left` divided by a whole number that divides all of it: `n` for `2 * n // 2`."""
    by = right.constant
    if right.terms or not isinstance(by, int) or by == 0 or not isinstance(left.constant, int):
        return None
    if left.constant % by or any(count % by for _, count in left.terms):
        return None
    return Formula(tuple((atom, count // by) for atom, count in left.terms), left.constant // by)


class Traced(int):
    """An int with the formula it came from."""

    formula: Formula

    @staticmethod
    def of(value: int, formula: Formula) -> int:
        """`value` that remembers `formula`; a plain int where the formula has no names."""
        if not formula.terms:
            return value
        traced = Traced(value)
        traced.formula = formula
        return traced

    @staticmethod
    def symbol(value: int, name: str) -> Traced:
        """`value` as the meaning of `name`."""
        traced = Traced(value)
        traced.formula = Formula(((Symbol(name), 1),))
        return traced

    def __add__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        return Traced.of(int(self) + int(other), self.formula + formula_of(other))

    __radd__ = __add__

    def __neg__(self) -> int:
        return Traced.of(-int(self), self.formula.times(-1))

    def __sub__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        return Traced.of(int(self) - int(other), self.formula + formula_of(other).times(-1))

    def __rsub__(self, other: int) -> int:
        return Traced.of(int(other) - int(self), formula_of(other) + self.formula.times(-1))

    def __mul__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        if not isinstance(other, Traced):
            return Traced.of(int(self) * other, self.formula.times(other))
        return Traced.of(int(self) * int(other), applied("*", self.formula, other.formula))

    __rmul__ = __mul__

    def __floordiv__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        if type(other) is int and other == 1:
            return self
        return self._apply("//", int(self) // int(other), self, other)

    def __rfloordiv__(self, other: int) -> int:
        return self._apply("//", int(other) // int(self), other, self)

    def __mod__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        return self._apply("%", int(self) % int(other), self, other)

    def __rmod__(self, other: int) -> int:
        return self._apply("%", int(other) % int(self), other, self)

    @staticmethod
    def _apply(operation: str, value: int, left: int, right: int) -> int:
        return Traced.of(value, applied(operation, formula_of(left), formula_of(right)))


class TracedSide(Traced):
    """The height of a grid that is square here and not in every use; `width` is the grid's other side."""

    width: int


def square(height: int, width: int) -> int:
    """The side of a grid whose sides are equal here; it knows both where another use may part them."""
    if not (is_traced(height) or is_traced(width)) or formula_of(height) == formula_of(width):
        return height
    side = TracedSide(height)
    side.formula, side.width = formula_of(height), width
    return side


class TracedFloat(float):
    """A float with the formula it came from; only carried, never computed with."""

    formula: Formula

    @staticmethod
    def of(value: float, formula: Formula) -> TracedFloat:
        """`value` that remembers `formula`."""
        traced = TracedFloat(value)
        traced.formula = formula
        return traced


def is_traced(value: object) -> bool:
    """Whether `value` carries a formula."""
    return isinstance(value, Traced | TracedFloat)


def formula_of(value: object) -> Formula:
    """The formula of a number: its own, or the number itself."""
    if isinstance(value, Traced | TracedFloat):
        return value.formula
    if isinstance(value, int | float | str):
        return constant(value)
    raise TypeError(f"no formula for {value!r}")


def retrace(operation: str, value: Number, *operands: object) -> Number | Traced | TracedFloat:
    """`value`, the result of `operation` on `operands`, traced where an operand is."""
    if not any(is_traced(operand) for operand in operands):
        return value
    formula = applied(operation, *(formula_of(operand) for operand in operands))
    if isinstance(value, int):
        traced = Traced(value)
        traced.formula = formula
        return traced
    return TracedFloat.of(value, formula)


# --- printing -----------------------------------------------------------------------------------

_LEVELS: dict[str, int] = {"if": 0, "or": 1, "and": 2, "not": 3}
_COMPARE, _SUM, _PRODUCT, _UNARY, _ATOM = 4, 5, 6, 7, 8
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def _printed(formula: Formula) -> tuple[str, int]:
    """The formula as Python, and how tightly its outermost operator binds."""
    if not formula.terms:
        negative = not isinstance(formula.constant, str) and formula.constant < 0
        return repr(formula.constant), _UNARY if negative else _ATOM
    terms = _positive_first(formula.terms)
    parts = [_product(atom, count) for atom, count in terms]
    if len(parts) == 1 and formula.constant == 0:
        return parts[0]
    signs = [_is_minus(count, part) for (_, count), part in zip(terms, parts, strict=True)]
    if signs[0] and _whole(formula) > 0:
        parts, formula = [(str(formula.constant), _ATOM), *parts], Formula(formula.terms)
        signs = [False, *signs]
    text = parts[0][0] if parts[0][1] > _SUM else f"({parts[0][0]})"
    for (part, level), is_minus in zip(parts[1:], signs[1:], strict=True):
        sign, rest = ("-", part[1:]) if is_minus else ("+", part)
        text += f" {sign} {rest if level > _SUM else f'({rest})'}"
    if isinstance(formula.constant, int) and formula.constant:
        text += f" {'-' if formula.constant < 0 else '+'} {abs(formula.constant)}"
    return text, _SUM


def _is_minus(count: int, part: tuple[str, int]) -> bool:
    """Whether the minus that a summand begins with is of all of it: not so in `-8 // n`."""
    text, level = part
    return text.startswith("-") and (count < 0 or level == _UNARY)


def _positive_first(terms: tuple[tuple[Atom, int], ...]) -> list[tuple[Atom, int]]:
    return sorted(terms, key=lambda term: term[1] < 0)


def _product(atom: Atom, count: int) -> tuple[str, int]:
    text, level = (atom.name, _ATOM) if isinstance(atom, Symbol) else _operation(atom)
    if count == 1:
        return text, level
    text = text if level >= _PRODUCT and "//" not in text and "%" not in text else f"({text})"
    return (f"-{text}", _UNARY) if count == -1 else (f"{count} * {text}", _PRODUCT)


def _operation(atom: Applied) -> tuple[str, int]:
    sign = atom.operation
    if sign == "if":
        then, condition, otherwise = (_at_least(operand, 1) for operand in atom.operands)
        return f"{then} if {condition} else {otherwise}", 0
    if sign == "not":
        return f"not {_at_least(atom.operands[0], 3)}", 3
    if sign == "ceil_div":
        left, right = (_at_least(operand, _UNARY) for operand in atom.operands)
        return f"-(-{left} // {right})", _UNARY
    if sign.isidentifier() and sign not in _LEVELS:
        return f"{sign}({', '.join(str(operand) for operand in atom.operands)})", _ATOM
    level = _LEVELS.get(
        sign, _COMPARE if sign in _COMPARISONS else _SUM if sign in "+-" else _PRODUCT
    )
    left = _at_least(atom.operands[0], level + (sign in _COMPARISONS))
    right = _at_least(atom.operands[1], level + (sign not in ("and", "or")))
    return f"{left} {sign} {right}", level


def _at_least(formula: Formula, level: int) -> str:
    text, own = _printed(formula)
    return text if own >= level else f"({text})"
