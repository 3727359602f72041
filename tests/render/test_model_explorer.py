"""Networks for Model Explorer, in the form that its loader takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from archgen.cost import Costs
from archgen.render.model_explorer import model_explorer_document
from tests.compiling import NETWORKS, compiled, network_of, shipped
from tests.render.drawings import BROKEN


def _nodes(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (graph,) = document["graphs"]
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert len(nodes) == len(graph["nodes"])
    return nodes


def _attributes(node: dict[str, Any]) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in node["attrs"]}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_edge_leads_to_an_earlier_node_and_params_add_up(name: str) -> None:
    network = shipped(name).sound_network()
    nodes = _nodes(model_explorer_document(network))
    order = list(nodes)
    for node in nodes.values():
        assert node["incomingEdges"] or node["id"] == "in"
        for edge in node["incomingEdges"]:
            assert order.index(edge["sourceNodeId"]) < order.index(node["id"])


def test_params_add_up_to_those_of_the_network() -> None:
    network = shipped("inception_v4").sound_network()
    document = model_explorer_document(network)
    groups = document["graphs"][0]["groupNodeAttributes"]
    top = [path for path in groups if "/" not in path]
    params = [int(groups[path]["params"].replace(",", "")) for path in top]
    linear = _attributes(_nodes(document)["linear"])["params"]
    assert sum(params) + int(linear.replace(",", "")) == Costs().network(network).cost.params
    assert groups["inception_a"]["repeat"] == "4"
    assert groups["inception_a"]["source"] == "Figure 4 of arXiv:1602.07261v2"


def test_a_layer_has_its_words_its_namespace_and_its_shape() -> None:
    nodes = _nodes(model_explorer_document(shipped("inception_v4").sound_network()))
    node = nodes["reduction_a.dbl3x3.conv_3"]
    assert node["label"] == "3x3 Conv (256 stride 2 V)"
    assert node["namespace"] == "reduction_a/dbl3x3"
    assert node["outputsMetadata"][0]["attrs"] == [
        {"key": "tensor_shape", "value": "256 x 17 x 17"}
    ]
    assert _attributes(node)["filters"] == "256"


def test_the_parts_of_a_block_with_several_outputs_are_told_apart() -> None:
    network = network_of("""
        archgen: 1
        name: net
        input: {channels: 4, grid: 8}
        defaults: {conv: {padding: same}}
        blocks:
          pair:
            outputs: {left: a, right: b}
            body:
              - conv: {filters: 2, kernel: 1}
                id: a
              - conv: {filters: 3, kernel: 1}
                from: in
                id: b
        network:
          - pair: {}
            id: both
          - conv: {filters: 5, kernel: 1}
            from: both.left
        """)
    nodes = _nodes(model_explorer_document(network))
    assert [edge["sourceNodeId"] for edge in nodes["conv"]["incomingEdges"]] == ["both.a"]


def test_what_is_broken_says_so() -> None:
    compilation = compiled(BROKEN)
    assert compilation.network is not None
    document = model_explorer_document(compilation.network, compilation.diagnostics)
    node = _nodes(document)["cell.concat"]
    assert _attributes(node)["error"].startswith("AG301: branches of a concat")
    assert node["outputsMetadata"][0]["attrs"][0]["value"] == "?"
    assert json.dumps(document).isascii()


def test_a_residual_in_the_body_of_another_is_a_node_of_its_own() -> None:
    inner = "      - residual: {body: [{act: relu}]}\n"
    text = f"archgen: 1\nname: n\ninput: {{channels: 4, grid: 8}}\nnetwork:\n- residual:\n    body:\n{inner}"
    nodes = _nodes(model_explorer_document(network_of(text)))
    assert list(nodes) == ["in", "act", "residual", "residual-2"]
    assert [edge["sourceNodeId"] for edge in nodes["residual-2"]["incomingEdges"]] == [
        "in",
        "residual",
    ]


def test_a_feature_tap_is_a_node_that_reads_its_value() -> None:
    nodes = _nodes(
        model_explorer_document(
            network_of("""
                archgen: 1
                name: net
                input: {channels: 4, grid: 8}
                network:
                  - act: relu
                    repeat: 3
                  - global_avg_pool
                outputs:
                  tap: {from: act.1}
            """)
        )
    )
    node = nodes["outputs.tap"]
    assert [edge["sourceNodeId"] for edge in node["incomingEdges"]] == ["act"]
    assert node["label"] == "Output tap"
