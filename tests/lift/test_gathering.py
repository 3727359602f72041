"""Networks of functions, without modules: what comes again is found all the same."""

from __future__ import annotations

from archgen.lift.flat import INPUT
from tests.lift.flat_networks import Tracing
from tests.lift.lifting import lifted, network_part


def test_residuals_that_are_alike_are_uses_of_one_block() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    for width in (8, 8, 16, 16):
        y = net.conv(net.conv(x, width), width, act="")
        shortcut = x if net.channels(x) == width else net.conv(x, width, 1, act="")
        x = net.call("act", net.call("add", y, shortcut), function="relu")
    text = lifted(net.network(x))
    assert "when: in.channels != filters" in text
    assert "- residual_block: {filters: 8}\n    repeat: 2\n" in network_part(text)


def test_one_join_by_itself_is_written_out() -> None:
    net = Tracing()
    x = net.call("concat", net.conv(INPUT, 8, 1), net.conv(net.conv(INPUT, 8, 1), 8))
    assert "blocks:" not in lifted(net.network(x))


def test_rows_that_come_again_are_a_block() -> None:
    net = Tracing()
    x = net.conv(INPUT, 16, 1)
    for _ in range(4):
        x = net.conv(net.conv(net.conv(x, 8, 1), 8), 16, 1)
        x = net.call("max_pool", x, kernel=3, stride=1, padding=1)
    text = lifted(net.network(x))
    assert network_part(text).endswith("  - unit: {}\n    repeat: 4\n")


def test_equal_layers_in_a_row_are_a_repeat() -> None:
    net = Tracing()
    x = INPUT
    for _ in range(4):
        x = net.conv(x, 16)
    text = lifted(net.network(net.call("max_pool", x, kernel=2, stride=2, padding=0)))
    assert "- conv: {filters: 16, kernel: 3}\n    repeat: 4\n" in network_part(text).replace(
        ", padding: same, bias: false, norm: batch, act: relu", ""
    )


def test_a_row_is_left_where_something_inside_is_read_elsewhere() -> None:
    net = Tracing()
    x = net.conv(INPUT, 16, 1)
    inside = ""
    for _ in range(4):
        x = net.conv(net.conv(net.conv(x, 8, 1), 8), 16, 1)
        inside = inside or x
        x = net.call("avg_pool", x, kernel=3, stride=1, padding=1)
    assert "from:" in lifted(net.network(x, inside))
