"""Random sound specs: what is predicted, the live module and the emitted source agree."""

from __future__ import annotations

from inspect import signature

import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from archgen.cost import Costs
from archgen.diagnostics import Findings
from archgen.emit.module import build_class
from archgen.emit.source import emit
from archgen.infer import infer
from archgen.pipeline import check
from archgen.resolve.printer import print_spec
from archgen.spec.files import SpecText

Step = dict[str, object]

KEEPING_KERNELS = st.sampled_from([1, 3, 5, "1x3", "3x1"])
FILTERS = st.sampled_from([1, 2, 4, 6, "width", "2 * width", "in.channels", "here.channels + 1"])
ACTS = st.sampled_from(["none", "relu", "silu", "hardswish"])
NORMS = st.sampled_from(["none", "batch"])


@st.composite
def keeping_conv(draw: st.DrawFn, filters: object = None) -> Step:
    """A convolution that keeps the grid."""
    return {
        "conv": {
            "filters": draw(FILTERS) if filters is None else filters,
            "kernel": draw(KEEPING_KERNELS),
            "padding": "same",
            "bias": draw(st.booleans()),
            "norm": draw(NORMS),
            "act": draw(ACTS),
        }
    }


@st.composite
def keeping_steps(draw: st.DrawFn, depth: int) -> list[Step]:
    """Steps that keep the grid."""
    kinds = ["conv", "pool", "act"] + (["concat", "residual"] if depth else [])
    steps: list[Step] = []
    for _ in range(draw(st.integers(0, 2))):
        kind = draw(st.sampled_from(kinds))
        if kind == "conv":
            steps.append(draw(keeping_conv()))
        elif kind == "pool":
            pool = draw(st.sampled_from(["max_pool", "avg_pool"]))
            steps.append({pool: {"kernel": 3, "stride": 1, "padding": "same"}})
        elif kind == "act":
            steps.append({"act": draw(st.sampled_from(["relu", "tanh", "gelu"]))})
        elif kind == "concat":
            names = draw(st.sampled_from([("left", "right"), ("one", "two", "three")]))
            branches = {name: draw(keeping_steps(depth - 1)) for name in names}
            steps.append({"concat": branches, "id": f"join{len(steps)}"})
        else:
            body = [*draw(keeping_steps(depth - 1)), draw(keeping_conv("here.channels"))]
            steps.append(
                {
                    "residual": {
                        "scale": draw(st.sampled_from([1.0, 0.5, "scale"])),
                        "act": draw(ACTS),
                        "shortcut": [draw(keeping_conv("width"))],
                        "body": [*body, draw(keeping_conv("width"))],
                    },
                    "id": f"res{len(steps)}",
                }
            )
    return steps


@st.composite
def reducing_step(draw: st.DrawFn) -> Step:
    """A step that may shrink the grid, with any kind of padding."""
    padding = draw(st.sampled_from(["valid", 1, [1, 0], [0, 1, 1, 0], {"same": "tf"}]))
    kernel, stride = draw(st.sampled_from([2, 3])), draw(st.sampled_from([1, 2]))
    if draw(st.booleans()):
        return {
            "conv": {
                "filters": draw(FILTERS),
                "kernel": kernel,
                "stride": stride,
                "padding": padding,
                "act": draw(ACTS),
                "norm": draw(NORMS),
            }
        }
    plain = padding if padding in ("valid", 1) else "valid"
    return {
        "max_pool": {
            "kernel": kernel,
            "stride": stride,
            "padding": plain,
            "ceil": draw(st.booleans()),
        }
    }


@st.composite
def specs(draw: st.DrawFn) -> str:
    """A whole sound spec with one parametrised block that is used twice and repeated."""
    block = draw(keeping_steps(2))
    network: list[Step] = [
        draw(reducing_step()),
        {"unit": {"width": draw(st.integers(1, 5))}, "id": "first"},
        draw(reducing_step()),
        {
            "unit": {"width": "width", "scale": 0.25},
            "id": "second",
            "repeat": draw(st.integers(0, 3)),
        },
        "global_avg_pool",  # type: ignore[list-item]  # a bare step
        {"linear": {"features": "num_classes"}},
    ]
    return yaml.safe_dump(
        {
            "archgen": 1,
            "name": "random_net",
            "input": {"channels": draw(st.integers(1, 4)), "grid": draw(st.integers(9, 17))},
            "params": {
                "width": {"type": "int", "default": draw(st.integers(1, 4))},
                "num_classes": {"type": "int", "default": 3},
            },
            "blocks": {
                "unit": {
                    "params": {"width": "int", "scale": {"type": "float", "default": 0.5}},
                    "body": block,
                }
            },
            "network": network,
        },
        sort_keys=False,
    )


def errors(text: str) -> list[str]:
    """The errors of a spec."""
    found = check(SpecText("random.yaml", text)).diagnostics
    return [f"{d.span} {d.rule.code} {d.message}" for d in found if d.severity == "error"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=specs(), width=st.integers(1, 6))
def test_prediction_and_live_module_agree(text: str, width: int) -> None:
    assert not errors(text), text
    network = check(SpecText("random.yaml", text)).sound_network()
    made = build_class(emit(network, {}, "random.yaml"))
    for arguments in ({}, {"width": width}):
        shaped = infer(network.network, Findings(), arguments)
        assert shaped is not None
        assert shaped.output is not None
        cost = Costs().network(shaped).cost
        taken = {
            key: value for key, value in arguments.items() if key in signature(made).parameters
        }
        with torch.device("meta"):
            module = made(**taken).eval()
        x = network.network.input
        with FlopCounterMode(display=False) as counter:
            out = module(torch.empty(2, x.channels, x.height, x.width, device="meta"))
        assert tuple(out.shape) == (2, shaped.output.channels)
        assert sum(p.numel() for p in module.parameters()) == cost.params
        assert counter.get_total_flops() == 2 * 2 * cost.macs


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=specs())
def test_a_resolved_network_prints_to_a_spec_of_the_same_network(text: str) -> None:
    network = check(SpecText("random.yaml", text)).sound_network()
    printed = print_spec(network.network, network.block.arguments)
    assert not errors(printed), printed
    again = check(SpecText("random.yaml", printed)).sound_network()
    assert emit(again, {}, "x").text == emit(network, {}, "x").text
