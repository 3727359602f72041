from __future__ import annotations

from textwrap import dedent, indent

from archgen.lift.flat import INPUT, FlatNetwork
from tests.lift.flat_networks import Tracing
from tests.lift.lifting import lifted, network_part


def says(flat: FlatNetwork, steps: str) -> None:
    assert network_part(lifted(flat)) == indent(dedent(steps).lstrip("\n"), "  ")


def test_calls_in_a_row_are_steps_in_a_row() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    x = net.call("max_pool", x, kernel=3, stride=2, padding=1)
    x = net.call("global_avg_pool", net.conv(x, 16))
    says(
        net.network(net.call("linear", x, features=10)),
        """
        - conv: {filters: 8, kernel: 3}
        - max_pool: {kernel: 3, stride: 2, padding: 1}
        - conv: {filters: 16, kernel: 3}
        - global_avg_pool
        - linear: {features: num_classes}
        """,
    )


def test_what_changes_nothing_leaves_no_trace() -> None:
    net = Tracing()
    x = net.call("scale", net.call("identity", net.conv(INPUT, 8)), factor=1.0)
    x = net.call("flatten", net.call("global_avg_pool", x))
    says(
        net.network(x),
        """
        - conv: {filters: 8, kernel: 3, padding: same, bias: false, norm: batch, act: relu}
        - global_avg_pool
        """,
    )


def test_a_sum_with_its_own_input_is_a_residual() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    y = net.call("scale", net.conv(x, 8, act=""), factor=0.17)
    x = net.call("act", net.call("add", x, y), function="relu")
    says(
        net.network(net.call("dropout", x, rate=0.5)),
        """
        - conv: {filters: 8, kernel: 3, act: relu}
        - residual:
            scale: 0.17
            act: relu
            body:
              - conv: {filters: 8, kernel: 3}
        - dropout: 0.5
        """,
    )


def test_the_shorter_way_of_a_sum_is_its_shortcut() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    y = net.conv(net.conv(x, 16, stride=2, padding=1), 16, act="")
    x = net.call("add", y, net.conv(x, 16, 1, stride=2, act=""))
    text = network_part(lifted(net.network(net.call("max_pool", x, kernel=2, stride=2, padding=0))))
    assert text.index("shortcut:") < text.index("body:")
    assert "- conv: {filters: 16, kernel: 1, stride: 2}" in text


def test_an_activation_read_twice_with_its_sum_stays_outside() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    total = net.call("add", x, net.conv(x, 8))
    x = net.call("act", total, function="relu")
    assert "- act: relu" in lifted(net.network(net.call("concat", total, x)))


def test_ways_of_equal_length_are_a_plain_sum() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    text = lifted(net.network(net.call("add", net.conv(x, 8, 1), net.conv(x, 8, 5))))
    assert "- add:" in text
    assert "b1x1:" in text


def test_branches_bear_the_names_of_their_modules() -> None:
    net = Tracing()
    with net.module("mixed", "Mixed"):
        one = net.conv(INPUT, 8, 1, own="branch1x1")
        two = net.conv(net.conv(INPUT, 4, 1, own="branch5x5_1"), 8, 5, own="branch5x5_2")
        pool = net.call("avg_pool", INPUT, kernel=3, stride=1, padding=1)
        three = net.conv(pool, 8, 1, own="branch_pool")
        x = net.call("concat", one, two, three, INPUT)
    text = lifted(net.network(x))
    assert [
        name
        for name in ("branch1x1:", "branch5x5:", "branch_pool:", "identity: []")
        if name in text
    ] == ["branch1x1:", "branch5x5:", "branch_pool:", "identity: []"]


def test_branches_without_names_are_called_after_what_they_do() -> None:
    net = Tracing()
    pool = net.call("max_pool", INPUT, kernel=3, stride=1, padding=1)
    wide = net.conv(net.conv(INPUT, 8, 1), 8, "1x7")
    says(
        net.network(net.call("concat", pool, wide)),
        """
        - concat:
            pool:
              - max_pool: {kernel: 3, stride: 1, padding: same}
            b1x7:
              - conv: {filters: 8, kernel: 1}
              - conv: {filters: 8, kernel: 1x7}
        """,
    )


def test_branches_that_begin_alike_fork_inside_one_branch() -> None:
    net = Tracing()
    first = net.conv(INPUT, 8, 1)
    stem = net.conv(INPUT, 8, 1)
    x = net.call("concat", first, net.conv(stem, 4, "1x3"), net.conv(stem, 4, "3x1"))
    says(
        net.network(x),
        """
        - concat:
            b1x1:
              - conv: {filters: 8, kernel: 1}
            b1x3:
              - conv: {filters: 8, kernel: 1}
              - concat:
                  b1x3:
                    - conv: {filters: 4, kernel: 1x3}
                  b3x1:
                    - conv: {filters: 4, kernel: 3x1}
        """,
    )


def test_a_gate_multiplies_the_features_beside_it() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    gate = net.conv(net.call("global_avg_pool", x), 2, 1, norm="")
    gate = net.conv(gate, 8, 1, norm="", act="sigmoid")
    text = network_part(lifted(net.network(net.call("multiply", gate, x))))
    assert "gate:\n        - global_avg_pool\n" in text
    assert "features: []" in text


def test_features_joined_again_and_again_are_a_chain_of_concats() -> None:
    net = Tracing()
    features = [net.conv(INPUT, 8)]
    for _ in range(3):
        x = net.call("concat", *features) if len(features) > 1 else features[0]
        features.append(net.conv(x, 4))
    text = lifted(net.network(net.call("concat", *features)))
    assert text.count("seen: []") == 1
    assert network_part(text).endswith("  - mixed: {}\n    repeat: 3\n")


def test_the_parts_of_a_split_feed_the_branches_of_their_names() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    halves = net.call("split", x, sizes={"a": 4, "b": 4})
    x = net.call("concat", f"{halves}.a", net.conv(f"{halves}.b", 4))
    says(
        net.network(net.call("channel_shuffle", x, groups=2)),
        """
        - conv: {filters: 8, kernel: 3}
        - split: {keep: 4, work: 4}
        - concat:
            keep: []
            work:
              - conv: {filters: 4, kernel: 3}
        - channel_shuffle: 2
        """,
    )


def test_a_part_read_elsewhere_keeps_its_name() -> None:
    net = Tracing()
    halves = net.call("split", net.conv(INPUT, 8), sizes={"a": 4, "b": 4})
    left = net.conv(f"{halves}.a", 4)
    text = lifted(net.network(net.call("concat", left, net.conv(left, 4), f"{halves}.b")))
    assert ".b" in text


def test_a_skip_across_a_smaller_grid_is_read_by_name() -> None:
    net = Tracing(grid=32)
    across = net.conv(INPUT, 8)
    low = net.conv(net.call("max_pool", across, kernel=2, stride=2, padding=0), 16)
    up = net.call("upsample", low, factor=2)
    says(
        net.network(net.conv(net.call("concat", across, up), 8)),
        """
        - conv: {filters: 8, kernel: 3}
          id: at_32
        - max_pool: {kernel: 2, stride: 2, padding: valid}
        - conv: {filters: 16, kernel: 3}
        - upsample: 2
          id: at_32_2
        - concat: {}
          from: [at_32, at_32_2]
        - conv: {filters: 8, kernel: 3}
        """,
    )


def test_ways_that_cross_are_read_by_name() -> None:
    net = Tracing()
    a, b = net.conv(INPUT, 8, 1), net.conv(INPUT, 8, 3)
    c = net.call("add", a, b)
    text = lifted(net.network(net.call("concat", net.conv(c, 8), net.conv(b, 8))))
    assert "from:" in text


def test_an_output_on_the_way_is_a_tap() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    text = lifted(net.network(net.conv(x, 16), x))
    assert "outputs:\n  features:\n    from: at_32\n" in text


def test_what_only_a_further_output_needs_is_its_body() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    main = net.conv(net.conv(x, 8), 8)
    with net.module("aux1", "Head"):
        aux = net.call("linear", net.call("flatten", net.conv(x, 4, own="conv")), features=10)
    text = lifted(net.network(main, aux))
    assert "  aux1:\n    from: at_32\n    body:\n" in text
    assert "- linear: {features: 10}" in text


def test_features_that_are_joined_once_at_the_end_are_read_by_name() -> None:
    net = Tracing()
    first = net.conv(INPUT, 8)
    second = net.conv(first, 8)
    third = net.conv(second, 8)
    assert "from: [at_32, at_32_2, at_32_3]" in lifted(
        net.network(net.call("concat", first, second, third))
    )


def test_a_residual_inside_a_residual_bears_a_name_where_both_have_shortcuts() -> None:
    net = Tracing()
    x = net.conv(INPUT, 8)
    y = net.conv(x, 8)
    y = net.call("add", net.conv(net.conv(y, 8), 8), net.conv(y, 8, 1))
    y = net.call("add", net.conv(y, 8), net.conv(x, 8, 1))
    assert lifted(net.network(y)).count("shortcut:") == 2


def test_a_residual_of_one_part_of_a_split() -> None:
    net = Tracing()
    halves = net.call("split", net.conv(INPUT, 8), sizes={"a": 4, "b": 4})
    x = f"{halves}.b"
    x = net.call("add", x, net.conv(x, 4))
    text = lifted(net.network(net.call("concat", f"{halves}.a", x)))
    assert "residual:" in text
