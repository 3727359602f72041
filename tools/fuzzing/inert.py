"""Whether an emitted module is inert: only the constructs that emitted modules are made of.

Nothing of a spec reaches the module but checked identifiers, numbers, and texts in docstrings and
comments; so every call is of torch, of what the module defines, or of a few builtins.
"""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
from collections.abc import Iterator

_IMPORTS = {
    "from __future__ import annotations",
    "from typing import NamedTuple",
    "import torch",
    "import torch.nn.functional as F",
    "from torch import Tensor, nn",
}
_NODES: tuple[type[ast.AST], ...] = (
    *(ast.Module, ast.ClassDef, ast.FunctionDef, ast.arguments, ast.arg, ast.keyword, ast.Return),
    *(ast.Import, ast.ImportFrom, ast.alias, ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign),
    *(ast.If, ast.IfExp, ast.For, ast.Compare, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Call),
    *(ast.Attribute, ast.Name, ast.Constant, ast.Tuple, ast.List, ast.Subscript, ast.Slice),
    *(ast.GeneratorExp, ast.comprehension, ast.Starred, ast.expr_context, ast.operator),
    *(ast.unaryop, ast.boolop, ast.cmpop),
)
_BUILTINS = frozenset("bool float int len list max min range str super tuple zip".split())
_TORCH = frozenset(("torch", "nn", "F"))
_METHODS = frozenset(
    "add_module bernoulli_ dim div_ flatten forward items mean new_empty permute split __init__".split()
)
_WORDS = frozenset(("bilinear",))


def problems(text: str) -> Iterator[str]:
    """What an emitted module must not hold."""
    if any(not (c.isprintable() or c == "\n") for c in text):
        yield "a control character"
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    defined = _defined(tree, nodes)
    docstrings = set(_docstrings(nodes))
    for node in nodes:
        if not isinstance(node, _NODES):
            yield f"line {getattr(node, 'lineno', '?')}: a {type(node).__name__}"
        elif isinstance(node, ast.Import | ast.ImportFrom) and ast.unparse(node) not in _IMPORTS:
            yield f"`{ast.unparse(node)}`"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            if id(node) not in docstrings and node.value not in _WORDS:
                yield f"line {node.lineno}: the text {node.value!r}"
        elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant | ast.Call):
            yield f"line {node.lineno}: `{ast.unparse(node)}`"
        elif isinstance(node, ast.Call) and not _is_known(node.func, defined):
            yield f"line {node.lineno}: a call of `{ast.unparse(node.func)}`"
    yield from _names(nodes, defined)
    yield from _private(nodes)
    yield from _comments(text)


def _defined(tree: ast.Module, nodes: list[ast.AST]) -> set[str]:
    """The classes and functions of the module, and its loops' variables for layers of `self`."""
    loops = (n for n in nodes if isinstance(n, ast.For) and _root(n.iter) == "self")
    layers = {n.target.id for n in loops if isinstance(n.target, ast.Name)}
    return layers | {n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}


def _docstrings(nodes: list[ast.AST]) -> Iterator[int]:
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield id(first.value)


def _is_known(function: ast.expr, defined: set[str]) -> bool:
    if isinstance(function, ast.Name):
        return function.id in _BUILTINS | defined
    if not isinstance(function, ast.Attribute):  # a slice of a repeat, as in `self.stage[0:3](x)`
        return isinstance(function, ast.Subscript) and _root(function) == "self"
    return _root(function) in {*_TORCH, "self"} or function.attr in _METHODS


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _names(nodes: list[ast.AST], defined: set[str]) -> Iterator[str]:
    """Names that nothing in the module has bound."""
    bound = {*defined, *_BUILTINS, *_TORCH, "Tensor", "NamedTuple"}
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
            if node.arg in _TORCH or keyword.iskeyword(node.arg):
                yield f"the argument `{node.arg}`"
    for node in nodes:
        if isinstance(node, ast.Name) and node.id not in bound:
            yield f"line {node.lineno}: the name `{node.id}`"


def _private(nodes: list[ast.AST]) -> Iterator[str]:
    """Attributes that are not public."""
    for node in nodes:
        is_private = isinstance(node, ast.Attribute) and node.attr.startswith("_")
        if isinstance(node, ast.Attribute) and is_private and node.attr != "__init__":
            yield f"line {node.lineno}: `{node.attr}`"


def _comments(text: str) -> Iterator[str]:
    """Comments state shapes; nothing else."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and set(token.string) - set("# 0123456789x"):
            yield f"line {token.start[0]}: the comment {token.string!r}"
