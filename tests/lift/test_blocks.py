from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from archgen.lift.flat import INPUT, FlatNetwork
from tests.lift.flat_networks import Tracing
from tests.lift.lifting import lifted, network_part


def has(text: str, *lines: str) -> None:
    missing = [line for line in lines if f" {line}\n" not in text]
    assert not missing, text


def in_modules(
    kind: str, body: Callable[[Tracing, str, int], str], widths: Sequence[int], *, first: int = 8
) -> FlatNetwork:
    """A network of one module after the other, each of one class and given a number."""
    net = Tracing()
    x = net.conv(INPUT, first, 5)
    for number, width in enumerate(widths):
        with net.module(f"features.{number}", kind):
            x = body(net, x, width)
    return net.network(net.call("global_avg_pool", x))


def plain(net: Tracing, x: str, width: int) -> str:
    x = net.conv(x, width, own="conv1")
    x = net.call("max_pool", x, kernel=3, stride=1, padding=1)
    return net.conv(x, width, own="conv2")


def test_modules_of_one_class_are_uses_of_one_block() -> None:
    text = lifted(in_modules("PlainBlock", plain, (16, 32, 16)))
    has(text, "plain_block:", "params: {filters: int}", "- conv: {filters: filters, kernel: 3}")
    has(text, *(f"- plain_block: {{filters: {width}}}" for width in (16, 32)))


def test_equal_uses_in_a_row_are_a_repeat() -> None:
    text = lifted(in_modules("PlainBlock", plain, (16, 16, 16, 16)))
    assert network_part(text).startswith("  - conv: {filters: 8, kernel: 5}\n  - plain_block: {}\n")
    has(text, "repeat: 4")
    assert "params: {filters" not in text


def test_a_class_used_once_and_short_is_no_block() -> None:
    assert "blocks:" not in lifted(in_modules("PlainBlock", plain, (16,)))


def test_a_width_that_is_four_times_another_says_so() -> None:
    def body(net: Tracing, x: str, width: int) -> str:
        x = net.conv(net.conv(x, width, 1, own="conv1"), width, own="conv2")
        return net.conv(x, 4 * width, 1, own="conv3")

    text = lifted(in_modules("Wide", body, (16, 24, 16)))
    has(text, "params: {filters: int}", "- conv: {filters: 4 * filters, kernel: 1}")


def test_a_width_that_follows_from_the_input_is_no_param() -> None:
    def body(net: Tracing, x: str, width: int) -> str:
        x = net.call("norm", x, kind="batch", own="norm")
        x = net.conv(net.call("act", x, function="relu"), width, 1, norm="", act="", own="conv")
        return net.call("avg_pool", x, kernel=2, stride=2, padding=0)

    text = lifted(in_modules("Transition", body, (32, 16, 8), first=64))
    has(text, "- conv: {filters: in.channels // 2, kernel: 1}", "- transition: {}", "repeat: 3")


def test_a_depthwise_convolution_speaks_of_the_channels_it_receives() -> None:
    def body(net: Tracing, x: str, width: int) -> str:
        x = net.conv(x, width, 1, own="conv1")
        x = net.conv(x, width, groups=width, own="conv2")
        return net.conv(x, width, 1, act="", own="conv3")

    text = lifted(in_modules("Separable", body, (16, 24, 16)))
    has(text, "- conv: {filters: here.channels, kernel: 3, groups: here.channels}")


def residual(net: Tracing, x: str, width: int, stride: int, *, projects: bool) -> str:
    y = net.conv(x, width, stride=stride, padding=1, own="conv1")
    y = net.conv(y, width, act="", own="conv2")
    if projects:
        with net.module("downsample", "Sequential"):
            x = net.conv(x, width, 1, stride=stride, act="", own="0")
    return net.call("act", net.call("add", y, x), function="relu")


def residual_stages(projects: Callable[[int, int], bool]) -> FlatNetwork:
    """Three stages of two residuals, the second and third at twice the width and half the grid."""
    net = Tracing()
    x = net.conv(INPUT, 16, 1)
    for stage in range(3):
        for number in range(2):
            stride = 2 if stage and not number else 1
            with net.module(f"layer{stage + 1}.{number}", "BasicBlock"):
                does = projects(stage, number)
                x = residual(net, x, 16 * 2**stage, stride, projects=does)
    return net.network(net.call("global_avg_pool", x))


def test_a_shortcut_that_some_uses_lack_has_a_condition() -> None:
    text = lifted(residual_stages(lambda stage, number: stage > 0 and number == 0))
    has(text, "when: stride > 1 or in.channels != filters")
    has(text, "params: {filters: int, stride: {type: int, default: 1}}", "basic_block:")


def test_a_shortcut_without_a_reason_is_a_param() -> None:
    text = lifted(residual_stages(lambda stage, number: stage > 0 or number == 1))
    assert "with_conv" in text


def test_sequences_of_one_block_are_stages() -> None:
    text = lifted(residual_stages(lambda stage, number: stage > 0 and number == 0))
    steps = network_part(text)
    has(steps, "- stage: {filters: 16}", "- stage: {filters: 32, stride: 2}", "id: layer3")
    assert "basic_block" not in steps


def test_some_with_their_input_added_and_some_without_share_a_unit() -> None:
    def body(net: Tracing, x: str, width: int) -> str:
        y = net.conv(net.conv(x, 32, 1, own="conv1"), 32, groups=32, own="conv2")
        y = net.conv(y, width, 1, act="", own="conv3")
        return net.call("add", x, y) if net.channels(x) == width else y

    text = lifted(in_modules("InvertedResidual", body, (16, 16, 24, 24)))
    has(text, "- unit: {filters: in.channels}", "- unit: {filters: 24}", "- inverted_residual: {}")


def test_a_gate_that_some_uses_lack_is_a_param() -> None:
    def body(net: Tracing, x: str, width: int) -> str:
        x = net.conv(net.conv(x, width, own="conv1"), width, own="conv2")
        if width == 16:
            with net.module("gate", "SqueezeExcite"):
                gate = net.call("global_avg_pool", x)
                gate = net.conv(gate, width // 4, 1, norm="", own="fc1")
                gate = net.conv(gate, width, 1, norm="", act="sigmoid", own="fc2")
                x = net.call("multiply", x, gate)
        return net.conv(x, width, 1, own="conv3")

    text = lifted(in_modules("Gated", body, (16, 24, 16, 24)))
    has(text, "- squeeze_excite: {}", "when: with_se")


def test_rates_that_rise_along_a_repeat_are_an_expression() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    for number in range(6):
        with net.module(f"blocks.{number}", "Block"):
            y = net.conv(net.conv(x, 8, own="conv1"), 8, own="conv2")
            y = net.call("stochastic_depth", y, rate=0.1 * number / 5) if number else y
            x = net.call("add", x, y)
    has(lifted(net.network(x)), "- block: {rate: 0.1 * i / 5}", "repeat: 6")


def test_branches_that_differ_give_their_names_to_params() -> None:
    def body(net: Tracing, x: str, width: int) -> str:
        one = net.conv(x, width, 1, own="branch1x1")
        two = net.conv(x, width // 2 + 4, 1, own="branch3x3_1")
        two = net.conv(two, width + 10, own="branch3x3_2")
        return net.call("concat", one, two)

    text = lifted(in_modules("Mixed", body, (16, 24, 32)))
    has(text, "params: {branch1x1: int, branch3x3_reduce: int, branch3x3: int}")


def test_classes_of_other_structure_are_other_blocks() -> None:
    def body(net: Tracing, x: str, width: int) -> str:
        x = plain(net, x, width)
        return net.call("avg_pool", x, kernel=2, stride=2, padding=0) if width > 16 else x

    text = lifted(in_modules("Mixed", body, (16, 32, 16, 32)))
    assert text.count("with_avg_pool") or "mixed_down:" in text


@pytest.mark.parametrize("kind", ["Conv", "concat", "int", "forward", "_Class", "X9"])
def test_a_block_has_a_legal_name_whatever_the_class_is_called(kind: str) -> None:
    assert "blocks:" in lifted(in_modules(kind, plain, (16, 32, 16)))


def test_names_of_modules_that_are_no_numbers_are_ids() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    for name, width in (("mixed_a", 8), ("mixed_b", 16), ("mixed_c", 16)):
        with net.module(name, "Mixed"):
            x = plain(net, x, width)
    has(network_part(lifted(net.network(x))), "id: mixed_a", "id: mixed_b", "id: mixed_c")


def test_a_network_without_modules_has_no_blocks_of_a_few_lines() -> None:
    net = Tracing()
    x = INPUT
    for width in (8, 16, 32):
        x = net.call("max_pool", net.conv(x, width), kernel=2, stride=2, padding=0)
    assert "blocks:" not in lifted(net.network(x))
