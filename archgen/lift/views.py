"""Calls that move numbers or only look at them otherwise: views, parts, paddings, larger grids."""

from __future__ import annotations

from archgen.lift.flat import Value as Written
from archgen.lift.recording import Event, Extents, Made, Weight
from archgen.lift.values import Lie, Site, Unmatched, Value, amounts, unless, whole, window

# ------------------------------------------------------------------------------------ the same numbers


def same(site: Site) -> Value:
    """Nothing: the same tensor, or a copy of it."""
    x = site.value(site.event.args[0])
    if site.sides[0] != x.sides:
        raise Unmatched(f"`{site.event.function}` to another shape")
    return x


def view(site: Site) -> Value | Weight:
    """Nothing, `flatten` or the end of a `channel_shuffle`, by the sides before and after."""
    known = site.event.args[0]
    weight = _viewed_weight(site, known)
    if weight is not None:
        return weight
    x, sides = site.value(known), site.sides[0]
    if x.lie is Lie.MIXED and sides == (x.sides[0], *x.shape):
        return _shuffled(site, x)
    if x.lie is Lie.PLAIN:
        found = _of_vector(x, sides) if x.is_vector else _of_grid(site, x, sides)
        if found is not None:
            return found
    raise Unmatched(f"`{site.event.function}` from {_shown(x.sides)} to {_shown(sides)}")


def _viewed_weight(site: Site, given: object) -> Weight | None:
    """A weight in another shape, as a factor a channel is written; None for a value."""
    known = site.values.get(given.number) if isinstance(given, Made) else given
    return known._replace(shape=site.sides[0]) if isinstance(known, Weight) else None


def _of_vector(x: Value, sides: Extents) -> Value | None:
    """N x C and N x C x 1 x 1 are one to a spec."""
    is_kept = sides[:2] == x.sides[:2] and {*sides[2:], *x.sides[2:]} <= {1}
    return x.seen(sides) if is_kept else None


def _of_grid(site: Site, x: Value, sides: Extents) -> Value | None:
    batch, channels, height, width = x.sides
    if sides == x.sides:
        return x
    if sides == (batch, channels * height * width):
        return site.step("flatten", (), [x])
    if sides == (batch, channels, height * width):
        return x.seen(sides, Lie.POSITIONS)
    is_grouped = len(sides) == 5 and sides[1] * sides[2] == channels
    return x.seen(sides, Lie.GROUPED) if is_grouped and sides[3:] == x.sides[2:] else None


def _shuffled(site: Site, x: Value) -> Value:
    return site.step("channel_shuffle", [("groups", x.sides[2])], [x])


def channel_shuffle(site: Site) -> Value:
    """`channel_shuffle`."""
    given = site.named("input", "groups")
    return site.step(
        "channel_shuffle",
        [("groups", whole(given["groups"], "groups"))],
        [site.grid(given["input"])],
    )


def expand(site: Site) -> Value:
    """Nothing: a vector that a product would spread over the grid by itself."""
    x, sides = site.plain(site.event.args[0]), site.sides[0]
    if sides == x.sides or (x.is_single and len(sides) == 4 and sides[:2] == x.sides[:2]):
        return x.seen(sides) if x.is_vector else x
    raise Unmatched(f"`{site.event.function}` from {_shown(x.sides)} to {_shown(sides)}")


_ORDERS = {
    (Lie.PLAIN, (0, 2, 3, 1)): Lie.LAST,
    (Lie.LAST, (0, 3, 1, 2)): Lie.PLAIN,
    (Lie.GROUPED, (0, 2, 1, 3, 4)): Lie.MIXED,
}


def permute(site: Site) -> Value:
    """Nothing yet: channels last and back again, or groups of channels mixed."""
    x, *dims = site.event.args
    if not dims:
        dims = [site.event.kwargs.get("dims")]
    order = dims[0] if len(dims) == 1 and isinstance(dims[0], tuple) else tuple(dims)
    return _ordered(site, site.value(x), tuple(whole(dim, "dims") for dim in order))


def transpose(site: Site) -> Value:
    """The same, of two dimensions."""
    given = site.named("input", "dim0", "dim1")
    x = site.value(given["input"])
    order = list(range(len(x.sides)))
    first, second = (whole(given[name], name) % len(order) for name in ("dim0", "dim1"))
    order[first], order[second] = order[second], order[first]
    return _ordered(site, x, tuple(order))


def _ordered(site: Site, x: Value, order: tuple[int, ...]) -> Value:
    count = len(x.sides)
    order = tuple(dim % count for dim in order)
    if order == tuple(range(count)):
        return x
    lie = _ORDERS.get((x.lie, order))
    if lie is None:
        raise Unmatched(f"`{site.event.function}` of dimensions to the order {order}")
    return x.seen(site.sides[0], lie)


# -------------------------------------------------------------------------------- parts of the channels


def chunk(site: Site) -> tuple[Value, ...] | Value:
    """`split`, of the channels."""
    x, dim = site.plain(site.event.args[0]), _dim(site.event)
    if not isinstance(dim, int) or dim % len(x.sides) != 1:
        raise Unmatched(f"`{site.event.function}` along another dimension than the channels")
    if len(site.sides) == 1:
        return x
    return split(site, x, tuple(sides[1] for sides in site.sides))


def _dim(event: Event) -> object:
    """The dimension along which `chunk` and its like part: their third argument."""
    given = dict(zip(("input", "count", "dim"), event.args, strict=False))
    return given.get("dim", event.kwargs.get("dim", event.kwargs.get("axis", 0)))


def split(site: Site, x: Value, counts: tuple[int, ...]) -> tuple[Value, ...]:
    """The step, and its parts `a`, `b`, ..."""
    names = [part_name(place) for place in range(len(counts))]
    sizes: Written = dict(zip(names, counts, strict=True))
    whole_one = site.step("split", [("sizes", sizes)], [x], x.shape)
    rest = x.sides[2:]
    return tuple(
        Value(f"{whole_one.name}.{name}", (count, *x.shape[1:]), (x.sides[0], count, *rest))
        for name, count in zip(names, counts, strict=True)
    )


def part_name(place: int) -> str:
    """`a` to `z`, then `part_26` and so on."""
    return chr(ord("a") + place) if place < 26 else f"part_{place}"


def getitem(site: Site) -> Value | Weight:
    """A part of a `split`, a vector on a grid of one position and back, or nothing."""
    known, index = site.event.args[0], site.event.args[1]
    items = index if isinstance(index, tuple) else (index,)
    if all(item is None or item == slice(None) or item is Ellipsis for item in items):
        return view(site)
    x = site.plain(known)
    if x.is_single and len(x.sides) == 4 and items[2:] == (0, 0) and set_of_all(items[:2]):
        return x.seen(site.sides[0]) if x.is_vector else site.step("flatten", (), [x], x.shape[:1])
    cut = channel_slice(items, x.sides)
    if cut is None:
        raise Unmatched("a part of a tensor that is no row of channels")
    if cut == (0, x.shape[0]):
        return x
    raise Unmatched("channels that overlap with others that are cut out")


def set_of_all(items: tuple[object, ...]) -> bool:
    """Whether an index takes everything of each of its dimensions."""
    return all(item == slice(None) or item is Ellipsis for item in items)


def channel_slice(items: tuple[object, ...], sides: Extents) -> tuple[int, int] | None:
    """First and last + 1 of `x[:, first:last]`; None for an index of another kind."""
    if len(items) < 2 or not set_of_all((items[0], *items[2:])) or items[0] is Ellipsis:
        return None
    if not isinstance(items[1], slice) or items[1].step not in (None, 1):
        return None
    start, stop, _ = items[1].indices(sides[1])
    return (start, stop) if stop > start else None


# ----------------------------------------------------------------------------------------------- grids


def pad(site: Site) -> Value:
    """`pad`; nothing where nothing is added."""
    given = site.named("input", "pad", "mode", "value")
    x, sides = site.grid(given["input"]), given["pad"]
    if not isinstance(sides, tuple) or len(sides) not in (2, 4):
        raise Unmatched("`pad` of other dimensions than height and width")
    left, right, top, bottom = (*(whole(side, "pad") for side in sides), *(0,) * (4 - len(sides)))
    mode = {"constant": "zeros", "reflect": "reflect", "replicate": "replicate"}.get(
        str(given.get("mode", "constant"))
    )
    if mode is None or given.get("value") not in (None, 0):
        raise Unmatched("`pad` with other values than zeros, mirrored ones or those at the edge")
    if min(left, right, top, bottom) < 0:
        raise Unmatched("`pad` that cuts off")
    if not any((left, right, top, bottom)):
        return x
    settings = [("amount", amounts(top, bottom, left, right)), *unless(mode=(mode, "zeros"))]
    return site.step("pad", settings, [x])


def interpolate(site: Site) -> Value:
    """`upsample`; nothing where the grid stays as large as it is."""
    given = site.named("input", "size", "scale_factor", "mode", "align_corners")
    x, mode = site.grid(given["input"]), given.get("mode", "nearest")
    before, after = x.sides[2:], site.sides[0][2:]
    if mode not in ("nearest", "bilinear"):
        raise Unmatched(f"`interpolate` by the mode `{mode!s:.30}`")
    if before == after:
        return x
    if any(new % old for old, new in zip(before, after, strict=True)):
        raise Unmatched(f"`interpolate` from {_shown(before)} to {_shown(after)}, no whole factor")
    factor = window((after[0] // before[0], after[1] // before[1]))
    corners = bool(given.get("align_corners"))
    more = unless(mode=(str(mode), "nearest"), align_corners=(corners, False))
    return site.step("upsample", [("factor", factor), *more], [x])


def _shown(sides: Extents) -> str:
    return "x".join(map(str, sides))


VIEWS = {
    **dict.fromkeys(
        ("contiguous", "clone", "detach", "to", "float", "cpu", "alias", "requires_grad", "data"),
        same,
    ),
    **dict.fromkeys(("view", "reshape", "flatten", "squeeze", "unsqueeze", "unflatten"), view),
    **dict.fromkeys(("expand", "expand_as"), expand),
    "channel_shuffle": channel_shuffle,
    "native_channel_shuffle": channel_shuffle,
    "permute": permute,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), transpose),
    **dict.fromkeys(("chunk", "split", "tensor_split", "split_with_sizes"), chunk),
    "getitem": getitem,
    "pad": pad,
    **dict.fromkeys(("interpolate", "upsample"), interpolate),
}
