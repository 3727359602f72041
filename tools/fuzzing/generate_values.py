"""Random settings: numbers, windows, paddings, words, and expressions for them over what is in scope."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from torch import nn

from tools.fuzzing.plan import Expression, Param, Values

Item = TypeVar("Item")

ACTS = (
    "none relu relu6 leaky_relu prelu silu gelu hardswish hardsigmoid sigmoid tanh softmax".split()
)
FLOATS = (0.0, 0.1, 0.25, 0.5, 0.9)
# Names that Python, torch or emitted modules use as well; those that no step may bear are sorted out.
NASTY = """
    torch nn F Tensor self super range print len int list str tuple object Branch Conv2d ConvReLU
    ConvNormReLU Sequential NamedTuple annotations x out body i in_ here inputs logits count index
    scale rate act norm bias weight stride padding kernel filters groups features kind function
    in_channels out_channels kernel_size branches sum min_ x_2 out_2 body_2 pad_same fn nn_2 Unit
    class def lambda async type training forward half data T conv2d cat a b relu batch same valid
    Class Flow None_ Identity PadSame Net NetOutput unit_0 Unit0 dilation ceil running_mean
""".split()
# What an expression calls, what YAML reads as a value, and what stands in emitted formulas.
NO_PARAM = frozenset(
    "self x torch nn F Tensor NamedTuple Branch pad_same in_channels in_ here i range super sum"
    " variant relu same valid batch"
    " min max ceil_div round_to make_divisible".split()
)


def is_step_name(name: str) -> bool:
    """Whether a layer may bear the name: Python and torch leave it free."""
    kinds = (nn.Module(), nn.Sequential(), nn.ModuleList(), nn.ModuleDict())
    taken = keyword.iskeyword(name) or any(hasattr(kind, name) for kind in kinds)
    return not taken and name != "self"


STEP_NAMES = tuple(n for n in NASTY if is_step_name(n) and n not in ("act", "norm", "scale"))
PARAM_NAMES = tuple(n for n in NASTY if n not in NO_PARAM and not keyword.iskeyword(n))


class Draw:
    """A source of random choices; the same seed gives the same spec."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._names = 0

    def chance(self, probability: float) -> bool:
        """True so often."""
        return self._random.random() < probability

    def one(self, items: Sequence[Item]) -> Item:
        """Any of `items`."""
        return items[self._random.randrange(len(items))]

    def whole(self, low: int, high: int) -> int:
        """A number, both ends counted."""
        return self._random.randint(low, high)

    def name(self, stem: str, nasty: Sequence[str], taken: set[str], *, odd: float = 0.3) -> str:
        """A name that is not `taken`: `stem` with a number or, so often, a nasty one."""
        name = self.one(nasty) if self.chance(odd) else ""
        if not name or name in taken:
            self._names += 1
            name = f"{stem}{self._names}"
        taken.add(name)
        return name

    # --- expressions ------------------------------------------------------------------------------

    def number(self, values: Values, low: int, high: int, *, written: float = 0.35) -> Any:  # noqa: ANN401
        """A whole number between the bounds, so often as an expression over `values`."""
        if self.chance(written):
            for _ in range(6):
                expression = self._whole(values, 2)
                if _within(expression, values, low, high):
                    return expression
        return self.whole(low, high)

    def that_is(self, values: Values, value: int) -> Any:  # noqa: ANN401  # an expression or a number
        """An expression for `value`, or the number itself where none is found soon."""
        for _ in range(3):
            expression = self._whole(values, 1)
            if _within(expression, values, value, value):
                return expression
        return value

    def condition(self, values: Values) -> Expression:
        """A truth value over `values`, no longer than a line or two."""
        for _ in range(4):
            condition = self._condition(values)
            if len(condition.text) < 150:
                return condition
        return Expression("1 < 2", lambda _: True)

    def _condition(self, values: Values) -> Expression:
        kind = self.whole(0, 5)
        flags = [name for name, value in values.items() if value is True or value is False]
        if kind == 0 and flags:
            return named(self.one(flags))
        if kind == 1:
            sign = self.one(("and", "or"))
            left, right = self.condition(values), self.condition(values)
            return _both(sign, left, right)
        if kind == 2:
            inner = self.condition(values)
            return Expression(f"not ({inner.text})", lambda v: not inner.of(v))
        sign = self.one(tuple(_COMPARISONS))
        left, right = self._whole(values, 1), self._whole(values, 0)
        compare = _COMPARISONS[sign]
        return Expression(
            f"{_inner(left)} {sign} {_inner(right)}", lambda v: compare(left.of(v), right.of(v))
        )

    def _whole(self, values: Values, depth: int) -> Expression:
        names = [n for n, v in values.items() if type(v) is int and not n.endswith(".grid")]
        if depth == 0 or self.chance(0.3):
            if not names or self.chance(0.25):
                return literal(self.whole(1, 6))
            return named(self.one(names))
        left, right = self._whole(values, depth - 1), self._whole(values, depth - 1)
        form = self.one((*_OPERATIONS, "choice", "half"))
        if form == "choice":
            condition = self.condition(values)
            return Expression(
                f"{_inner(left)} if {condition.text} else {_inner(right)}",
                lambda v: left.of(v) if condition.of(v) else right.of(v),
            )
        if form == "half":
            return Expression(f"{_inner(left)} // 2", lambda v: left.of(v) // 2)
        text, of = _OPERATIONS[form]
        return Expression(
            text.format(_inner(left), _inner(right))
            if "(" not in text
            else text.format(left.text, right.text),
            lambda v: of(left.of(v), right.of(v)),
        )

    def real(self, values: Values, choices: Sequence[float]) -> Any:  # noqa: ANN401
        """One of `choices`, or a param that has a value in their range."""
        low, high = min(choices), max(choices)
        fitting = [n for n, v in values.items() if type(v) is float and low <= v <= high]
        if fitting and self.chance(0.5):
            return named(self.one(fitting))
        if self.chance(0.1) and low <= 0.5 <= high:
            return Expression("1 / 2", lambda _: 0.5)
        return self.one(choices)

    def flag(self, values: Values) -> Any:  # noqa: ANN401
        """A truth value, or an expression for one."""
        return self.condition(values) if self.chance(0.2) else self.chance(0.5)

    # --- settings ---------------------------------------------------------------------------------

    def window(self, values: Values, sizes: Sequence[int], *, odd: float = 0.3) -> Any:  # noqa: ANN401
        """One of `sizes` for both sides, or another for each."""
        kernels = [name for name, value in values.items() if _is_window(name, value)]
        if kernels and self.chance(0.2):
            return named(self.one(kernels))
        if self.chance(odd):
            return f"{self.one(sizes)}x{self.one(sizes)}"
        size = self.one(sizes)
        return self.that_is(values, size) if self.chance(0.3) else size

    def padding(self, values: Values, *, alike: bool = False) -> Any:  # noqa: ANN401
        """Any padding; `alike` on all sides for a pool."""

        def amount() -> Any:  # noqa: ANN401
            return self.number(values, 0, 2, written=0.2)

        kinds: list[Callable[[], Any]] = [
            lambda: "same",
            lambda: "valid",
            amount,
            lambda: [amount(), amount()],
        ]
        if not alike:
            kinds += [lambda: {"same": "tf"}, lambda: [amount() for _ in range(4)]]
        return self.one(kinds)()

    def norm(self, values: Values) -> Any:  # noqa: ANN401
        """A norm, perhaps with settings of its own."""
        if self.chance(0.4):
            return "none"
        if self.chance(0.4):
            return self.one(("batch", "batch", "layer", {"group": {"groups": self.one((1, 2))}}))
        settings: dict[str, Any] = {}
        if self.chance(0.6):
            settings["eps"] = self.real(values, (1e-3, 1e-5, 0.1, 0.5))
        if self.chance(0.6):
            settings["momentum"] = self.real(values, (0.01, 0.1, 0.5, 1.0))
        if self.chance(0.3):
            settings["affine"] = self.flag(values)
        kind = self.one(("batch", "batch", "layer", "group"))
        if kind != "batch":
            settings.pop("momentum", None)
        if kind == "group":
            settings["groups"] = self.number(values, 1, 3, written=0.3)
        return {kind: settings}

    def act(self, values: Values) -> Any:  # noqa: ANN401
        """An activation, a param that holds one, or a leaky one with its slope."""
        words = [name for name, value in values.items() if value in ACTS]
        if words and self.chance(0.4):
            return named(self.one(words))
        if self.chance(0.15):
            return self.one(
                (
                    {"leaky_relu": {"slope": self.real(values, (0.01, 0.2, 0.5))}},
                    {"prelu": {"start": self.real(values, (0.1, 0.5))}},
                )
            )
        return self.one(ACTS) if self.chance(0.7) else "none"

    def param(self) -> tuple[Param, Any]:
        """A param of any type, and a value for it; whether it has a default is for later."""
        kind = self.one(("int", "int", "int", "float", "bool", "kernel", "act"))
        if kind == "act":
            count = self.one(
                (2, 3, 40)
            )  # of many words, a block takes all that another may hand on
            words = tuple(dict.fromkeys(self.one(ACTS) for _ in range(count)))
            return Param(words), self.one(words)
        if kind == "int" and self.chance(0.2):
            return Param("int", None, (1, 6)), self.whole(1, 6)
        return Param(kind), self.value_of(Param(kind))

    def value_of(self, param: Param) -> Any:  # noqa: ANN401
        """A value that the param may have."""
        match param.kind:
            case "int":
                return self.whole(1, 6)
            case "float":
                return self.one(FLOATS)
            case "bool":
                return self.chance(0.5)
            case "kernel":
                return self.one((1, 2, 3, "1x3", "3x1", "2x3"))
        return self.one(param.kind)


_OPERATIONS: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "plus": ("{} + {}", lambda a, b: a + b),
    "minus": ("{} - {}", lambda a, b: a - b),
    "times": ("{} * {}", lambda a, b: a * b),
    "over": ("{} // {}", lambda a, b: a // b),
    "modulo": ("{} % {}", lambda a, b: a % b),
    "min": ("min({}, {})", min),
    "max": ("max({}, {})", max),
    "ceil_div": ("ceil_div({}, {})", lambda a, b: -((-a) // _positive(b))),
    "round_to": ("round_to({}, {})", lambda a, n: (2 * a + _positive(n)) // (2 * n) * n),
    "make_divisible": ("make_divisible({}, {})", lambda a, n: _divisible(a, _positive(n))),
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _positive(n: int) -> int:
    """The second value of a rounding function. Raises ZeroDivisionError for what has no meaning."""
    if n < 1:
        raise ZeroDivisionError
    return n


def _divisible(x: int, n: int) -> int:
    """The multiple of n nearest to x, at least n, and never more than a tenth below x."""
    nearest = max(n, (2 * x + n) // (2 * n) * n)
    return nearest + n if 10 * nearest < 9 * x else nearest


def named(name: str) -> Expression:
    """A name alone."""
    return Expression(name, lambda v: v[name])


def literal(value: int) -> Expression:
    """A number inside an expression."""
    return Expression(str(value), lambda _: value)


def _both(sign: str, left: Expression, right: Expression) -> Expression:
    def of(values: Values) -> bool:
        first = bool(left.of(values))
        return (
            (first and bool(right.of(values)))
            if sign == "and"
            else (first or bool(right.of(values)))
        )

    return Expression(f"({left.text}) {sign} ({right.text})", of)


def _inner(expression: Expression) -> str:
    """The text as an operand."""
    plain = expression.text.replace(".", "").replace("_", "").isalnum()
    return expression.text if plain else f"({expression.text})"


def _within(expression: Expression, values: Values, low: int, high: int) -> bool:
    try:
        value = expression.of(values)
    except (ZeroDivisionError, OverflowError):
        return False
    return len(expression.text) < 200 and type(value) is int and low <= value <= high


def _is_window(name: str, value: object) -> bool:
    return name.endswith(".grid") or (isinstance(value, str) and value[:1].isdigit())
