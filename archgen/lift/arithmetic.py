"""Sums, products and stacks of tensors as the joins of the table, and factors as `scale`."""

from __future__ import annotations

from archgen.lift.recording import Constant, Made, Weight
from archgen.lift.values import Lie, Site, Unmatched, Value, real


def add(site: Site) -> Value:
    """`add`; what is multiplied by `alpha` first is scaled. A sum with 0 is nothing, with itself twice it."""
    given = site.named("input", "other", "alpha")
    both, alpha = (given["input"], given["other"]), given.get("alpha", 1)
    numbers = [value for value in both if _is_number(value)]
    if numbers == [0]:
        return site.value(next(value for value in both if not _is_number(value)))
    if numbers:
        raise Unmatched(f"adding the number {numbers[0]}")
    first, second = (_operand(site, value, "adding") for value in both)
    if alpha != 1:
        second = scaled(site, second, real(alpha, "alpha"))
    if first == second:
        return scaled(site, first, 2.0)
    return _joined(site, "add", [first, second])


def sub(site: Site) -> Value:
    """`add`, of what is scaled by -1."""
    given = site.named("input", "other", "alpha")
    if any(_is_number(given[name]) for name in ("input", "other")):
        raise Unmatched("subtracting a number, or from one")
    first, second = (_operand(site, given[name], "subtracting") for name in ("input", "other"))
    factor = -real(given.get("alpha", 1), "alpha")
    return _joined(site, "add", [first, scaled(site, second, factor)])


def mul(site: Site) -> Value:
    """`multiply`, or `scale` by a number or by a weight a channel."""
    given = site.named("input", "other")
    both = (given["input"], given["other"])
    for one, other in (both, both[::-1]):
        if _is_number(other):
            return scaled(site, site.value(one), real(other, "factor"))
        weight = site.values.get(other.number) if isinstance(other, Made) else other
        if isinstance(weight, Weight):
            return _layer_scale(site, site.value(one), weight)
    return _product(site, [_operand(site, value, "multiplying by") for value in both])


def div(site: Site) -> Value:
    """`scale` by one over a number."""
    given = site.named("input", "other", "rounding_mode")
    if not _is_number(given["other"]):
        raise Unmatched("dividing by a tensor")
    divisor = real(given["other"], "divisor")
    if divisor == 0 or given.get("rounding_mode") is not None:
        raise Unmatched("dividing by 0, or to whole numbers")
    return scaled(site, site.value(given["input"]), real(1 / divisor, "factor"))


def neg(site: Site) -> Value:
    """`scale` by -1."""
    return scaled(site, site.value(site.named("input")["input"]), -1.0)


def scaled(site: Site, x: Value, factor: float) -> Value:
    """The step `scale`; nothing for a factor of 1."""
    if factor == 1:
        return x
    return site.like("scale", [("factor", factor)], site.unstretched(x))


def cat(site: Site) -> Value:
    """`concat` of channels; nothing of a single value."""
    given = site.named("tensors", "dim", "axis")
    values, dim = given["tensors"], given.get("dim", given.get("axis", 0))
    if not isinstance(values, tuple) or not isinstance(dim, int):
        raise Unmatched("`cat` of what is no list")
    parts = [site.unstretched(site.value(value)) for value in values]
    lies = {part.lie for part in parts}
    place = {Lie.PLAIN: 1, Lie.LAST: 3}.get(parts[0].lie)
    if len(lies) > 1 or dim % len(parts[0].sides) != place:
        raise Unmatched("`cat` along another dimension than the channels")
    if len(parts) == 1:
        return parts[0]
    parts = _alike(site, parts)
    shape = (sum(part.shape[0] for part in parts), *parts[0].shape[1:])
    return site.step("concat", (), parts, shape).seen(site.sides[0], parts[0].lie)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _operand(site: Site, given: object, doing: str) -> Value:
    known = site.values.get(given.number) if isinstance(given, Made) else given
    if isinstance(known, Weight):
        raise Unmatched(f"{doing} the weight `{known.name}`")
    if isinstance(known, Constant):
        raise Unmatched(f"{doing} a constant tensor")
    return site.value(known)


def _joined(site: Site, op: str, parts: list[Value]) -> Value:
    parts = _alike(site, [site.unstretched(part) for part in parts])
    if len({(part.shape, part.lie) for part in parts}) > 1:
        raise Unmatched(f"`{site.event.function}` of tensors of different shapes")
    return site.step(op, (), parts, parts[0].shape).seen(site.sides[0], parts[0].lie)


def _product(site: Site, parts: list[Value]) -> Value:
    """`multiply`; a value on a single position is spread over the grid of the other."""
    full = max(parts, key=lambda part: len(part.sides) * 10 + (not part.is_single))
    fits = all(
        part.shape[0] == full.shape[0]
        and part.lie == full.lie
        and (part.shape == full.shape or (part.is_single and len(part.sides) == len(full.sides)))
        for part in parts
    )
    if not fits:
        raise Unmatched(f"`{site.event.function}` of tensors of different shapes")
    if all(part.is_single for part in parts):
        parts = _alike(site, parts)
        full = parts[0]
    return site.step("multiply", (), parts, full.shape).seen(site.sides[0], full.lie)


def _layer_scale(site: Site, x: Value, weight: Weight) -> Value:
    """`scale` that each channel learns, where a parameter has one number a channel, along them."""
    weight = site.weight(weight)
    place = {Lie.PLAIN: 1, Lie.LAST: len(x.sides) - 1}.get(x.lie)
    sides = (*(1,) * (len(x.sides) - len(weight.shape)), *weight.shape)
    if place is None or sides != tuple(
        x.shape[0] if dim == place else 1 for dim in range(len(x.sides))
    ):
        raise Unmatched(f"multiplying by the weight `{weight.name}`, which is no factor a channel")
    settings = (("factor", site.starts.get(weight.name, 1.0)), ("learned", True))
    return site.like("scale", settings, site.unstretched(x), [("weight", weight)])


def _alike(site: Site, parts: list[Value]) -> list[Value]:
    """All as vectors where one is: a grid of one position beside a vector is flattened."""
    if len({part.is_vector for part in parts}) == 1:
        return parts
    if not all(part.is_single for part in parts):
        raise Unmatched(f"`{site.event.function}` of tensors of different shapes")
    return [
        part if part.is_vector else site.step("flatten", (), [part], part.shape[:1])
        for part in parts
    ]


ARITHMETIC = {
    "add": add,
    "iadd": add,
    "radd": add,
    "sub": sub,
    "isub": sub,
    "mul": mul,
    "imul": mul,
    "rmul": mul,
    "multiply": mul,
    "div": div,
    "idiv": div,
    "truediv": div,
    "itruediv": div,
    "true_divide": div,
    "divide": div,
    "neg": neg,
    "negative": neg,
    "cat": cat,
    "concat": cat,
    "concatenate": cat,
}
