"""Layers of torch as ops of the table: what `F.conv2d` and its like are in a spec."""

from __future__ import annotations

from collections.abc import Callable

from archgen.lift.flat import Value as Written
from archgen.lift.recording import Weight
from archgen.lift.values import (
    Lie,
    Site,
    Unmatched,
    Value,
    amounts,
    pair,
    real,
    unless,
    whole,
    window,
)

# --------------------------------------------------------------------------- convolutions and linear


def conv2d(site: Site) -> Value:
    """`conv`."""
    given = site.named("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    x, weight = site.grid(given["input"]), site.weight(given["weight"])
    kernel = (weight.shape[2], weight.shape[3])
    stride, dilation = (pair(given.get(name, 1), name) for name in ("stride", "dilation"))
    padding = _conv_padding(given.get("padding", 0), kernel, dilation)
    tensors = _weighted(site, given)
    settings: list[tuple[str, Written]] = [
        ("filters", weight.shape[0]),
        ("kernel", window(kernel)),
        *unless(stride=(window(stride), 1)),
        ("padding", _padding(padding, kernel, stride, dilation)),
        *unless(
            dilation=(window(dilation), 1),
            groups=(whole(given.get("groups", 1), "groups"), 1),
            bias=(len(tensors) == 2, True),
        ),
    ]
    return site.step("conv", settings, [x], tensors=tensors)


def conv_transpose2d(site: Site) -> Value:
    """`conv_transpose`."""
    given = site.named(
        "input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"
    )
    x, weight = site.grid(given["input"]), site.weight(given["weight"])
    groups = whole(given.get("groups", 1), "groups")
    stride, dilation = (pair(given.get(name, 1), name) for name in ("stride", "dilation"))
    cut, extra = (pair(given.get(name, 0), name) for name in ("padding", "output_padding"))
    if extra[0] != extra[1]:
        raise Unmatched("`conv_transpose2d` with two different `output_padding`s")
    tensors = _weighted(site, given)
    settings: list[tuple[str, Written]] = [
        ("filters", weight.shape[1] * groups),
        ("kernel", window((weight.shape[2], weight.shape[3]))),
        *unless(stride=(window(stride), 1)),
        ("padding", "valid" if cut == (0, 0) else amounts(cut[0], cut[0], cut[1], cut[1])),
        *unless(
            dilation=(window(dilation), 1),
            groups=(groups, 1),
            bias=(len(tensors) == 2, True),
            extra=(extra[0], 0),
        ),
    ]
    return site.step("conv_transpose", settings, [x], tensors=tensors)


def linear(site: Site) -> Value:
    """`linear`, of a vector or, where the channels lie last, of each position."""
    given = site.named("input", "weight", "bias")
    x, weight = site.value(given["input"]), site.weight(given["weight"])
    if not (x.lie is Lie.LAST or (x.is_vector and len(x.sides) == 2)):
        raise Unmatched("`linear` along the width of a grid")
    tensors = _weighted(site, given)
    settings: list[tuple[str, Written]] = [
        ("features", weight.shape[0]),
        *unless(bias=(len(tensors) == 2, True)),
    ]
    made = site.step("linear", settings, [x], (weight.shape[0], *x.shape[1:]), tensors)
    return made.seen(site.sides[0], x.lie)


def _weighted(site: Site, given: dict[str, object]) -> list[tuple[str, Weight]]:
    """The weight and, if there is one, the bias."""
    pairs = ((role, given.get(role)) for role in ("weight", "bias"))
    return [(role, site.weight(value)) for role, value in pairs if value is not None]


def _conv_padding(
    given: object, kernel: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Top, bottom, left, right, of a number, two, `valid`, or `same` as torch understands it."""
    if given == "valid":
        return (0, 0, 0, 0)
    if given == "same":
        height, width = (each * (side - 1) for each, side in zip(dilation, kernel, strict=True))
        return (height // 2, height - height // 2, width // 2, width - width // 2)
    height, width = pair(given, "padding")
    return (height, height, width, width)


def _padding(
    sides: tuple[int, int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> Written:
    """`valid`, `same` where that is clear, or numbers."""
    if not any(sides):
        return "valid"
    height, width = (each * (side - 1) / 2 for each, side in zip(dilation, kernel, strict=True))
    is_odd = kernel[0] % 2 == kernel[1] % 2 == 1
    is_same = is_odd and stride == (1, 1) and sides == (height, height, width, width)
    return "same" if is_same else amounts(*sides)


# --------------------------------------------------------------------------------------------- pools


def max_pool2d(site: Site) -> Value:
    """`max_pool`."""
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
    given = site.named("input", *names)
    if pair(given.get("dilation", 1), "dilation") != (1, 1) or given.get("return_indices", False):
        raise Unmatched("`max_pool2d` with a dilation or with indices")
    return _pool(site, "max_pool", given, ())


def avg_pool2d(site: Site) -> Value:
    """`avg_pool`."""
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    given = site.named("input", *names, "divisor_override")
    if given.get("divisor_override") is not None:
        raise Unmatched("`avg_pool2d` with a divisor of its own")
    is_padded = pair(given.get("padding", 0), "padding") != (0, 0)
    counts = is_padded and bool(given.get("count_include_pad", True))
    return _pool(site, "avg_pool", given, unless(count_include_pad=(counts, False)))


def _pool(
    site: Site, op: str, given: dict[str, object], more: list[tuple[str, Written]] | tuple[()]
) -> Value:
    x = site.grid(given["input"])
    if x.is_vector:
        raise Unmatched(f"`{site.event.function}` behind a global pool")
    kernel = pair(given["kernel_size"], "kernel_size")
    stride = pair(given.get("stride") or kernel, "stride")
    height, width = pair(given.get("padding", 0), "padding")
    settings: list[tuple[str, Written]] = [
        ("kernel", window(kernel)),
        ("stride", window(stride)),
        ("padding", _padding((height, height, width, width), kernel, stride)),
        *unless(ceil=(bool(given.get("ceil_mode", False)), False)),
        *more,
    ]
    return site.step(op, settings, [x])


def adaptive_avg_pool2d(site: Site) -> Value:
    """`global_avg_pool`, a pool of equal windows, or nothing where the grid is as large already."""
    x = site.grid(site.named("input", "output_size")["input"])
    if x.is_single and site.sides[0] == x.sides and x.is_vector:
        return x
    if site.sides[0][2:] == (1, 1):
        return global_avg_pool(site, x)
    return _equal_windows(site, "avg_pool", x)


def adaptive_max_pool2d(site: Site) -> Value:
    """A pool of equal windows."""
    x = site.grid(site.named("input", "output_size", "return_indices")["input"])
    return _equal_windows(site, "max_pool", x)


def amax(site: Site) -> Value:
    """The largest value of the whole grid, as a pool as large as the grid."""
    given = site.named("input", "dim", "keepdim")
    x = site.grid(given["input"])
    if not is_over_grid(given.get("dim"), x):
        raise Unmatched("`amax` over other dimensions than height and width")
    kernel = window((x.shape[1], x.shape[2]))
    made = _whole_pool(site, "max_pool", x, kernel, kernel, (1, 1))
    flat = site.step("flatten", (), [made], x.shape[:1])
    return flat.seen(site.sides[0])


def _equal_windows(site: Site, op: str, x: Value) -> Value:
    sides, wanted = x.sides[2:], site.sides[0][2:]
    if sides == wanted:
        return x
    if any(side % new for side, new in zip(sides, wanted, strict=True)):
        message = f"`{site.event.function}` from {sides[0]}x{sides[1]} to {wanted[0]}x{wanted[1]}"
        raise Unmatched(f"{message}, whose windows differ")
    kernel = window((sides[0] // wanted[0], sides[1] // wanted[1]))
    return _whole_pool(site, op, x, kernel, kernel, (wanted[0], wanted[1]))


def _whole_pool(
    site: Site, op: str, x: Value, kernel: Written, stride: Written, grid: tuple[int, int]
) -> Value:
    settings = (("kernel", kernel), ("stride", stride), ("padding", "valid"))
    shape = (x.shape[0], *grid)
    return site.step(op, settings, [x], shape).seen((x.sides[0], *shape))


def mean(site: Site) -> Value:
    """`global_avg_pool`, where it goes over height and width."""
    given = site.named("input", "dim", "keepdim")
    x = site.value(given["input"])
    if not is_over_grid(given.get("dim"), x):
        raise Unmatched("`mean` over other dimensions than height and width")
    return x.seen(site.sides[0]) if x.is_vector else global_avg_pool(site, x)


def global_avg_pool(site: Site, x: Value) -> Value:
    """The step, of a grid."""
    if x.is_vector:
        raise Unmatched(f"`{site.event.function}` of a vector")
    return site.step("global_avg_pool", (), [x], x.shape[:1])


def is_over_grid(given: object, x: Value) -> bool:
    """Whether dimensions are height and width, as the value lies."""
    dims = given if isinstance(given, tuple) else (given,)
    if not all(isinstance(dim, int) for dim in dims):
        return False
    places = {dim % len(x.sides) for dim in dims if isinstance(dim, int)}
    grids = {Lie.PLAIN: {2, 3}, Lie.LAST: {1, 2}, Lie.POSITIONS: {2}}
    return places == grids.get(x.lie) and len(x.sides) > 2


# --------------------------------------------------------------------------------------------- norms


def batch_norm(site: Site) -> Value:
    """`norm: batch`."""
    names = ("weight", "bias", "training", "momentum", "eps")
    given = site.named("input", "running_mean", "running_var", *names)
    if given.get("training", False):
        raise Unmatched("a batch norm that takes the statistics of the batch in evaluation")
    if given.get("momentum", 0.1) is None:
        raise Unmatched("a batch norm whose `momentum` is None, which averages all batches alike,")
    x = site.plain(given["input"])
    tensors = _affine(site, given)
    settings = unless(
        eps=(real(given.get("eps", 1e-5), "eps"), 1e-5),
        momentum=(real(given.get("momentum", 0.1), "momentum"), 0.1),
        affine=(bool(tensors), True),
    )
    statistics = [
        (role, site.weight(given[role], is_learned=False))
        for role in ("running_mean", "running_var")
    ]
    return _norm(site, x, "batch", settings, [*tensors, *statistics])


def layer_norm(site: Site) -> Value:
    """`norm: layer`, over the channels of each position where they lie last, or of a vector."""
    given = site.named("input", "normalized_shape", "weight", "bias", "eps")
    x = site.value(given["input"])
    is_last = x.lie is Lie.LAST or (x.is_vector and len(x.sides) == 2)
    if not is_last or given["normalized_shape"] != (x.shape[0],):
        raise Unmatched("`layer_norm` over other dimensions than the channels")
    tensors = _affine(site, given)
    eps = real(given.get("eps", 1e-5), "eps")
    settings = unless(eps=(eps, 1e-5), affine=(bool(tensors), True))
    return _norm(site, x, "layer", settings, tensors)


def group_norm(site: Site) -> Value:
    """`norm: group`."""
    given = site.named("input", "num_groups", "weight", "bias", "eps")
    x = site.plain(given["input"])
    tensors = _affine(site, given)
    settings = unless(
        groups=(whole(given["num_groups"], "num_groups"), 32),
        eps=(real(given.get("eps", 1e-5), "eps"), 1e-5),
        affine=(bool(tensors), True),
    )
    return _norm(site, x, "group", settings, tensors)


def _affine(site: Site, given: dict[str, object]) -> list[tuple[str, Weight]]:
    """Gamma and beta, or neither. Raises Unmatched for one without the other."""
    tensors = _weighted(site, given)
    if len(tensors) == 1:
        raise Unmatched(f"`{site.event.function}` with a {tensors[0][0]} alone")
    return tensors


def _norm(
    site: Site,
    x: Value,
    kind: str,
    settings: list[tuple[str, Written]],
    tensors: list[tuple[str, Weight]],
) -> Value:
    written: Written = {kind: dict(settings)} if settings else kind
    return site.like("norm", [("kind", written)], x, tensors)


def local_response_norm(site: Site) -> Value:
    """`lrn`."""
    given = site.named("input", "size", "alpha", "beta", "k")
    settings: list[tuple[str, Written]] = [("size", whole(given["size"], "size"))]
    defaults = {"alpha": 1e-4, "beta": 0.75, "k": 1.0}
    numbers = {name: real(given.get(name, value), name) for name, value in defaults.items()}
    settings += [(name, value) for name, value in numbers.items() if value != defaults[name]]
    return site.like("lrn", settings, site.grid(given["input"]))


def normalize(site: Site) -> Value:
    """`l2_normalize`."""
    given = site.named("input", "p", "dim", "eps")
    if (given.get("p", 2.0), given.get("dim", 1), given.get("eps", 1e-12)) != (2.0, 1, 1e-12):
        raise Unmatched("`normalize` other than to length 1 over the channels")
    return site.like("l2_normalize", (), site.plain(given["input"]))


# --------------------------------------------------------------------------- activations and chance


def _activation(word: str) -> Callable[[Site], Value]:
    """The rule of an activation without a number."""
    return lambda site: act(site, site.named("input", "inplace")["input"], word)


def act(site: Site, given: object, function: Written) -> Value:
    """The step `act`."""
    return site.like("act", [("function", function)], site.unstretched(site.value(given)))


def gelu(site: Site) -> Value:
    """The exact `gelu`."""
    given = site.named("input", "approximate")
    if given.get("approximate", "none") != "none":
        raise Unmatched("`gelu` by an approximation")
    return act(site, given["input"], "gelu")


def hardtanh(site: Site) -> Value:
    """`relu6` or `relu`, where the limits are theirs."""
    given = site.named("input", "min_val", "max_val", "inplace")
    return _clamped(site, given["input"], given.get("min_val", -1.0), given.get("max_val", 1.0))


def clamp(site: Site) -> Value:
    """`relu6` or `relu`, where the limits are theirs."""
    given = site.named("input", "min", "max")
    return _clamped(site, given["input"], given.get("min"), given.get("max"))


def _clamped(site: Site, given: object, low: object, high: object) -> Value:
    if low == 0 and high in (6, None):
        return act(site, given, "relu" if high is None else "relu6")
    raise Unmatched(f"`{site.event.function}` to other limits than those of `relu` and `relu6`")


def leaky_relu(site: Site) -> Value:
    """`leaky_relu` with its slope."""
    given = site.named("input", "negative_slope", "inplace")
    slope = real(given.get("negative_slope", 0.01), "negative_slope")
    word: Written = "leaky_relu" if slope == 0.01 else {"leaky_relu": {"slope": slope}}
    return act(site, given["input"], word)


def prelu(site: Site) -> Value:
    """`prelu` with a slope a channel."""
    given = site.named("input", "weight")
    x, weight = site.plain(given["input"]), site.weight(given["weight"])
    if weight.shape != (x.shape[0],):
        raise Unmatched("`prelu` with one slope for all channels")
    start = site.starts.get(weight.name, 0.25)
    word: Written = "prelu" if start == 0.25 else {"prelu": {"start": start}}
    return site.like("act", [("function", word)], x, [("weight", weight)])


def softmax(site: Site) -> Value:
    """`softmax` over the channels."""
    given = site.named("input", "dim", "_stacklevel", "dtype")
    x = site.value(given["input"])
    dim = given.get("dim")
    channels = 3 if x.lie is Lie.LAST else 1
    if not isinstance(dim, int) or dim % len(x.sides) != channels:
        raise Unmatched("`softmax` over other dimensions than the channels")
    return act(site, given["input"], "softmax")


def dropout(site: Site) -> Value:
    """`dropout`; nothing for one that never drops."""
    given = site.named("input", "p", "training", "inplace")
    if given.get("training", True):
        raise Unmatched("`dropout` in evaluation")
    x, rate = site.value(given["input"]), real(given.get("p", 0.5), "p")
    return site.like("dropout", [("rate", rate)], x) if rate else x


def stochastic_depth(site: Site) -> Value:
    """`stochastic_depth`; nothing for one that never drops."""
    given = site.named("input", "p")
    x, rate = site.value(given["input"]), real(given["p"], "p")
    return site.like("stochastic_depth", [("rate", rate)], x) if rate else x


LAYERS = {
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "linear": linear,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "adaptive_max_pool2d": adaptive_max_pool2d,
    "amax": amax,
    "mean": mean,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "local_response_norm": local_response_norm,
    "normalize": normalize,
    "relu": _activation("relu"),
    "relu6": _activation("relu6"),
    "silu": _activation("silu"),
    "hardswish": _activation("hardswish"),
    "hardsigmoid": _activation("hardsigmoid"),
    "sigmoid": _activation("sigmoid"),
    "tanh": _activation("tanh"),
    "gelu": gelu,
    "hardtanh": hardtanh,
    "clamp": clamp,
    "leaky_relu": leaky_relu,
    "prelu": prelu,
    "softmax": softmax,
    "dropout": dropout,
    "stochastic_depth": stochastic_depth,
}
