"""Random networks of random modules: what is printed computes what was traced, and checks clean."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from archgen.lift.flat import INPUT, FlatNetwork
from tests.lift.flat_networks import Tracing
from tests.lift.lifting import lifted

KINDS = st.sampled_from(("Unit", "Block", "Sequential", "Conv"))
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # a network is small enough to read as it is
WIDTHS = st.sampled_from((4, 8, 12))


def body(draw: DrawFn, net: Tracing, x: str, depth: int) -> str:
    """Some calls behind `x` that keep its grid."""
    for number in range(draw(st.integers(1, 3))):
        shape = draw(st.sampled_from(("conv", "conv", "residual", "concat", "gate", "module")))
        if shape == "conv" or depth == 0:
            act = draw(st.sampled_from(("relu", "")))
            x = net.conv(x, draw(WIDTHS), draw(st.sampled_from((1, 3))), act=act, own=f"c{number}")
        elif shape == "module":
            with net.module(str(number), draw(KINDS)):
                x = body(draw, net, x, depth - 1)
        else:
            x = joined(draw, net, x, shape, depth)
    return x


def joined(draw: DrawFn, net: Tracing, x: str, shape: str, depth: int) -> str:
    x = net.conv(x, 8, 1)
    if shape == "gate":
        gate = net.conv(net.call("global_avg_pool", x), 8, 1, norm="", act="sigmoid")
        return net.call("multiply", x, gate)
    way = body(draw, net, x, depth - 1)
    if shape == "concat":
        ways = [way, x, body(draw, net, x, depth - 1)][: draw(st.integers(2, 3))]
        return net.call("concat", *draw(st.permutations(ways)))
    total = net.call("add", net.conv(way, 8, 1, act=""), x)
    return net.call("act", total, function="relu") if draw(st.booleans()) else total


@st.composite
def networks(draw: DrawFn) -> FlatNetwork:
    net = Tracing(grid=8)
    values = [INPUT]
    for number in range(draw(st.integers(1, 6))):
        with net.module(f"stage{draw(st.integers(1, 3))}.{number}", draw(KINDS)):
            values.append(body(draw, net, values[-1], 2))
    other = draw(st.sampled_from(values))
    if draw(st.booleans()) and other not in (INPUT, values[-1]):
        values.append(net.call("concat", values[-1], other))
    outputs = [values[-1], *([other] if draw(st.booleans()) and other != INPUT else [])]
    return net.network(*outputs)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(networks())
def test_what_is_printed_computes_what_was_traced(flat: FlatNetwork) -> None:
    lifted(flat)
