"""What names mean while a block is elaborated: shapes, params, and the index of a repeat."""

from __future__ import annotations

from archgen.infer.frames import Frame
from archgen.ir.graph import BlockCall, Node, OpCall, Term
from archgen.ir.shape import Shape, Window
from archgen.spec.traced import square

Values = dict[str, object]


def scope_of(frame: Frame) -> Values:
    """The names of a block: its inputs' shapes and its params."""
    return {**shape_scope("in", frame.inputs, frame.block.inputs), **frame.arguments}


def shape_scope(owner: str, shapes: tuple[Shape, ...], ports: tuple[str, ...] = ()) -> Values:
    """`in.channels`, `in.grid`, `in.height`, `in.width`; a grid that is not square is a window."""
    names = [f"{owner}.{port}" for port in ports] or [owner]
    scope: Values = {}
    for name, shape in zip(names, shapes, strict=False):
        scope[f"{name}.channels"] = shape.channels
        scope[f"{name}.height"] = shape.height
        scope[f"{name}.width"] = shape.width
        scope[f"{name}.grid"] = _grid(shape.height, shape.width)
    return scope


def _grid(height: int, width: int) -> object:
    return square(height, width) if height == width else Window(height, width)


def names_in(term: Term) -> tuple[str, ...]:
    """The names that a term uses, each once."""
    return tuple(dict.fromkeys(name.text for name in getattr(term, "names", tuple)()))


def uses_index(node: Node) -> bool:
    """Whether the instances of a repeat differ by their number."""
    call = node.call
    if isinstance(call, OpCall):
        return any("i" in names_in(term) for term in call.settings.values())
    if isinstance(call, BlockCall):
        return any("i" in names_in(term) for term in call.arguments.values())
    return False
