"""The leaves of spec models: nodes read as texts, names and numbers, each with its own refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from pydantic_core import PydanticCustomError, core_schema

from archgen.diagnostics import Predicate, Rule, Severity, Span, did_you_mean
from archgen.rules import BAD_VALUE, RULES, WRONG_TYPE
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode


class Reads(NamedTuple):
    """Marks a field that is made from its node by `function`, which raises for a node of another kind."""

    function: Callable[[Node], object]

    def __get_pydantic_core_schema__(
        self, source: object, handler: object
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.function)


def refused(
    rule: Rule,
    span: Span,
    message: str | Predicate,
    help: str = "",
    instead: str | None = None,
) -> PydanticCustomError:
    """An error that carries a whole finding through pydantic."""
    diagnostic = rule.at(span, message, help=help, instead=instead)
    return PydanticCustomError(
        "diagnostic", "{message}", {"message": diagnostic.message, "diagnostic": diagnostic}
    )


def wrong_node(node: Node, wanted: str, help: str = "", what: str = "") -> PydanticCustomError:
    """The refusal of a node of the wrong kind: `this must be a mapping, not a list`."""
    kind = {MappingNode: "a mapping", SequenceNode: "a list"}.get(type(node))
    found = kind or (f"`{node.text}`" if isinstance(node, ScalarNode) and node.text else "nothing")
    says = f"must be {wanted}, not {found}"
    message = f"{what} {says}" if what else Predicate(says)
    return refused(WRONG_TYPE, node.span, message, help)


def _scalar(node: Node) -> ScalarNode:
    if isinstance(node, ScalarNode) and node.value is not None:
        return node
    raise wrong_node(node, "a name or a number")


def _text(node: Node) -> str:
    if isinstance(node, ScalarNode) and node.value is not None:
        return node.text
    raise wrong_node(node, "a text")


def _boolean(node: Node) -> bool:
    if isinstance(node, ScalarNode) and isinstance(node.value, bool):
        return node.value
    raise wrong_node(node, "true or false", "write `true` or `false`")


def _weight(node: Node) -> float:
    value = node.value if isinstance(node, ScalarNode) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= (weight := float(value or 0)) < float("inf"):
        return weight
    raise wrong_node(node, "a number of at least 0", "write a number such as 0.4")


def _mapping(node: Node) -> MappingNode:
    if isinstance(node, MappingNode):
        return node
    raise wrong_node(node, "a mapping", "write `key: value` lines, or `{}`")


def _names(node: Node) -> tuple[ScalarNode, ...]:
    nodes = node.items if isinstance(node, SequenceNode) else (node,)
    return tuple(_scalar(item) for item in nodes)


def _warnings(node: Node) -> tuple[ScalarNode, ...]:
    """The codes of warnings that the spec acknowledges."""
    names = _names(node)
    for name in names:
        if name.text not in _WARNINGS:
            message = f"`{name.text}` is no warning that a spec can allow"
            raise refused(BAD_VALUE, name.span, message, _nearest_warning(name.text))
    return names


def _nearest_warning(text: str) -> str:
    """What to write instead: the code of a warning that is named, or the nearest code."""
    code = next((code for code, name in _WARNINGS.items() if name == text), None)
    is_error = any(rule.code == text for rule in RULES)
    near = code or (None if is_error else did_you_mean(text, _WARNINGS))
    return f"did you mean `{near}`?" if near else f"there are {', '.join(_WARNINGS)}"


def one_or_more(node: object) -> object:
    """The items of a list, or the node itself as the only one."""
    return node.items if isinstance(node, SequenceNode) else (node,)


_WARNINGS = {rule.code: rule.name for rule in RULES if rule.severity is Severity.WARNING}

Text = Annotated[str, Reads(_text)]
Warnings = Annotated[tuple[ScalarNode, ...], Reads(_warnings)]
Boolean = Annotated[bool, Reads(_boolean)]
Weight = Annotated[float, Reads(_weight)]
Scalar = Annotated[ScalarNode, Reads(_scalar)]
Scalars = Annotated[tuple[ScalarNode, ...], Reads(_names)]
Mapping_ = Annotated[MappingNode, Reads(_mapping)]
AnyNode = Annotated[Any, Reads(lambda node: node)]
