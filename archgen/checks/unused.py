"""Parts of a spec that nothing uses: blocks, libraries, defaults, params, and outputs of steps."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.diagnostics import Diagnostic
from archgen.ir.graph import (
    INPUT,
    Block,
    BlockCall,
    Expectation,
    Graph,
    JoinCall,
    NetworkGraph,
    Node,
    OpCall,
    Ref,
    Term,
    UnknownCall,
)
from archgen.resolve import Resolved
from archgen.resolve.misuse import parts_of_call
from archgen.resolve.params import Unreadable
from archgen.rules import (
    UNUSED_BLOCK,
    UNUSED_INPUT,
    UNUSED_LIBRARY,
    UNUSED_PARAM,
    UNUSED_STEP,
)


def unused(resolved: Resolved) -> Iterator[Diagnostic]:
    """Blocks and libraries that no step uses, params that no expression names, steps that nothing reads.

    A library's blocks are there for others, so only a network's own unused blocks are reported. Where
    something could not be read, nobody knows what it would have used, and nothing is claimed.
    """
    network = resolved.network
    blocks = {name: block for name, block in resolved.blocks.items() if block is not None}
    heads = [head.graph for head in network.heads] if network is not None else []
    parts = [(block, list[Graph]()) for block in blocks.values()]
    if network is not None:
        parts.insert(0, (network.block, heads))
    whole = [part for part in parts if _is_whole(*part)]
    if len(blocks) == len(resolved.blocks) and len(whole) == len(parts):
        yield from _libraries(resolved)
        if network is not None:
            yield from _blocks(network, blocks)
    for part in whole:
        yield from _steps(*part)
        yield from _params(*part)
        yield from _inputs(*part)


def _libraries(resolved: Resolved) -> Iterator[Diagnostic]:
    use = resolved.file.model.use
    for alias, _ in use.entries if use else ():
        if alias.text not in resolved.used_libraries:
            message = f"the library `{alias.text}` is never used"
            help = f"remove it, or name one of its blocks: `{alias.text}.NAME`"
            yield UNUSED_LIBRARY.at(alias.span, message, help=help)


def _is_whole(block: Block, heads: list[Graph]) -> bool:
    """Whether every step and every value of the block could be read."""
    nodes = [node for graph in (block.graph, *heads) for node in graph.walk()]
    return not any(isinstance(node.call, UnknownCall) for node in nodes) and not any(
        isinstance(term, Unreadable) for term in _terms(block, heads)
    )


def _blocks(network: NetworkGraph, blocks: dict[str, Block]) -> Iterator[Diagnostic]:
    used = _used_blocks(network)
    for block in blocks.values():
        if id(block) not in used:
            message = f"the block `{block.name}` is never used"
            yield UNUSED_BLOCK.at(block.span, message, help="remove it, or use it in `network:`")


def _used_blocks(network: NetworkGraph) -> set[int]:
    used: set[int] = set()
    open_graphs = [network.block.graph, *(head.graph for head in network.heads)]
    while open_graphs:
        for node in open_graphs.pop().walk():
            if isinstance(node.call, BlockCall) and id(node.call.block) not in used:
                used.add(id(node.call.block))
                open_graphs.append(node.call.block.graph)
    return used


def _params(block: Block, heads: list[Graph]) -> Iterator[Diagnostic]:
    if not block.params:
        return
    named: set[str] = set()
    for term in _terms(block, heads):
        named.update(name.text for name in getattr(term, "names", tuple)())
    for param in block.params.values():
        if param.name not in named:
            message = f"the param `{param.name}` of `{block.name}` is never used"
            yield UNUSED_PARAM.at(param.span, message, help="remove it, or name it in a setting")


def _inputs(block: Block, heads: list[Graph]) -> Iterator[Diagnostic]:
    """Inputs that no step reads; one whose size is named in a setting is used."""
    refs = _read_in(block, heads)
    if block.inputs_span is None or any(ref.id < INPUT for ref in refs):
        return  # a value that could not be read may be an input
    read = {ref.port for ref in refs if ref.id == INPUT}
    named = {name.text for term in _terms(block, heads) for name in getattr(term, "names", tuple)()}
    read.update(name.split(".")[1] for name in named if name.startswith("in."))
    for port in block.inputs:
        if port not in read:
            message = f"nothing reads the input `{port}` of `{block.name}`"
            help = f"remove it, or name it: `from: in.{port}`"
            yield UNUSED_INPUT.at(block.inputs_span, message, help=help)


def _terms(block: Block, heads: list[Graph]) -> Iterator[Term]:
    yield from (requirement.term for requirement in block.requires)
    yield from (param.default for param in block.params.values() if param.default is not None)
    yield from _expected(block.expect)
    for graph in (block.graph, *heads):
        for node in graph.walk():
            yield from _expected(node.expect)
            yield from (term for term in (node.repeat, node.when) if term is not None)
            if isinstance(node.call, OpCall | JoinCall):
                yield from node.call.settings.values()
            elif isinstance(node.call, BlockCall):
                yield from node.call.arguments.values()


def _expected(lines: tuple[Expectation, ...]) -> Iterator[Term]:
    for line in lines:
        yield from (term for term in (line.exact, line.minimum, line.maximum) if term is not None)


def _steps(block: Block, heads: list[Graph]) -> Iterator[Diagnostic]:
    graphs = [block.graph, *heads]
    refs = _read_in(block, heads)
    read = {ref.id for ref in refs}
    for graph in graphs:
        for node in graph.walk():
            if node.id not in read:
                message = f"nothing reads the output of `{node.name}`"
                help = "remove the step, or name it in a `from:`"
                yield UNUSED_STEP.at(node.key, message, help=help)
            else:
                yield from _parts(node, refs)


def _read_in(block: Block, heads: list[Graph]) -> set[Ref]:
    """Every value that something in the block reads, or that it gives out."""
    graphs = [block.graph, *heads]
    refs = {*block.outputs.values(), *(graph.output for graph in graphs)}
    refs.update(ref for graph in graphs for node in graph.walk() for ref in _read_by(node))
    return refs


def _parts(split: Node, refs: set[Ref]) -> Iterator[Diagnostic]:
    for part, place in parts_of_call(split.call).items():
        if Ref(split.id, part) not in refs:
            message = f"nothing reads the part `{part}` of `{split.name}`"
            help = f"give the join behind it a branch `{part}`, or name it: `from: {split.name}.{part}`"
            yield UNUSED_STEP.at(place, message, help=help)


def _read_by(node: Node) -> Iterator[Ref]:
    yield from node.inputs
    if isinstance(node.call, JoinCall):
        for branch in node.call.branches:
            yield from (branch.start, branch.graph.output)
