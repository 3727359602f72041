"""A network as its layers, repeats and blocks unrolled: what each computes, and the tensors it owns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from archgen.ir.op import Join, Op, Tensors
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedGraph, ShapedNode


class Layer(NamedTuple):
    """One step of an unrolled network; `path` is that of its parameters, `function` its op and settings."""

    path: str
    function: str
    input: Shape | None
    output: Shape | None
    tensors: Tensors


def layers(graph: ShapedGraph, path: str = "") -> Iterator[Layer]:
    """The layers of a list of steps in the order in which they run."""
    for node in graph.nodes:
        if node.is_active:
            yield from _node(node, _joined(path, node.node.segment))


def node_layers(node: ShapedNode) -> Iterator[Layer]:
    """The layers of one step of a network."""
    if node.is_active:
        yield from _node(node, node.node.segment)


def _node(node: ShapedNode, path: str) -> Iterator[Layer]:
    if node.runs:
        for run in node.runs:
            for number in range(run.first, run.first + run.count):
                yield from _node(run.instance, _joined(path, str(number)))
    elif node.block is not None:
        yield from layers(node.block.graph, path)
    else:
        for branch in node.branches:
            # the body of a residual is no part of the names below it
            is_body = node.op is not None and node.op.name == "residual"
            name = "" if is_body and branch.branch.name == "body" else branch.branch.name
            yield from layers(branch.graph, _joined(path, name))
        yield Layer(path, _function(node), node.input, node.output, tensors(node.op, node.input))


def _function(node: ShapedNode) -> str:
    """What a step computes, as the emitter would write it: `same` and `1` may be one padding."""
    op, x = node.op, node.input
    if op is None or x is None:
        return "?"
    if isinstance(op, Join):
        shapes = tuple(branch.graph.output for branch in node.branches) or node.inputs
        known = tuple(shape for shape in shapes if shape is not None)
        return op.joined(tuple("abcdefghijklmnopqrstuvwxyz"[: len(known)]), known)
    return _function_of(op, x)


@lru_cache(maxsize=1024)  # equal uses of a block share its ops
def _function_of(op: Op, x: Shape) -> str:
    module = op.module(x)
    if module is None:
        return op.expression("x", x)
    source = module.helper.source if module.helper else module.target
    return f"{source}{module.args}{module.kwargs}"


def tensors(op: Op | None, x: Shape | None) -> Tensors:
    """The learned tensors and statistics of one layer, by their names in a state dict."""
    return {} if op is None or x is None else op.tensors(x)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name
