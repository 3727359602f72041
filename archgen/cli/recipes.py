"""Recipe files: YAML to a `Recipe`, with what pydantic refuses told at its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from pydantic import BaseModel, ValidationError

from archgen.diagnostics import Diagnostic, Findings, Span, SpecError, did_you_mean, only_near
from archgen.rules import BAD_RECIPE, MISSING_KEY
from archgen.spec.document import MappingNode, Node, ScalarNode, plain
from archgen.spec.files import SpecText
from archgen.spec.loader import read_document
from archgen.spec.mappings import unknown_key
from archgen.train.recipe import Recipe

KEYS = ("archgen", "name", "note", "source", "recipe")

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Location: TypeAlias = "tuple[int | str, ...]"
Context: TypeAlias = "dict[str, Any]"

_UNKNOWN = "extra_forbidden"  # as pydantic calls a key that is not known
_WANTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "finite_number": "a finite number",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}


def read_recipe(text: SpecText, findings: Findings) -> Recipe | None:
    """The recipe in `text`; None, with findings, where it is not one."""
    root = read_document(text, ("recipe",), findings)
    if root is None:
        return None
    findings.extend(_wrong_keys(root))
    body = root.get("recipe")
    assert body is not None
    try:
        return Recipe.model_validate(plain(body))
    except ValidationError as error:
        details = error.errors(include_url=False)
        meant = _misspelt(details)
        for detail in details:
            if detail["type"] != "missing" or tuple(detail["loc"]) not in meant.values():
                findings.add(_finding(detail, root, body, meant))
        return None


def sound_recipe(text: SpecText) -> Recipe:
    """The recipe in `text`. Raises SpecError where it is not one."""
    findings = Findings()
    recipe = read_recipe(text, findings)
    if recipe is None or findings.has_errors:
        raise SpecError(findings.diagnostics, {text.source: text.text})
    return recipe


def _wrong_keys(root: MappingNode) -> Iterator[Diagnostic]:
    unknown = [key for key, _ in root.entries if key.text not in KEYS]
    for key in unknown:
        yield unknown_key(key, "a recipe file", list(KEYS))
    is_slip = any(did_you_mean(key.text, KEYS) == "archgen" for key in unknown)
    if root.get("archgen") is None and not is_slip:
        first = root.entries[0][0].span
        message = "the key `archgen` is missing here"
        yield MISSING_KEY.at(first, message, help="begin with `archgen: 1`")


def _misspelt(details: list[ErrorDetails]) -> dict[Location, Location]:
    """Which missing key an unknown one is meant for, by their places: the two are one slip.

    That is one that is near, or the only one that is missing where the unknown key is near to nothing.
    """
    missing = [tuple(detail["loc"]) for detail in details if detail["type"] == "missing"]
    meant: dict[Location, Location] = {}
    for where in (tuple(detail["loc"]) for detail in details if detail["type"] == _UNKNOWN):
        absent = [str(place[-1]) for place in missing if place[:-1] == where[:-1]]
        near = did_you_mean(str(where[-1]), _legal(where))
        if near is None and len(absent) == 1:
            near = absent[0]
        if near in absent:
            meant[where] = (*where[:-1], near)
    return meant


def _finding(
    detail: ErrorDetails, root: MappingNode, body: Node, meant: Mapping[Location, Location]
) -> Diagnostic:
    """One pydantic error as a finding, by its type."""
    kind, where, context = detail["type"], tuple(detail["loc"]), detail.get("ctx", {})
    key, node = _place(where, body)
    name = where[-1] if where else "recipe"
    if kind == _UNKNOWN and key is not None:
        near = str(meant[where][-1]) if where in meant else None
        return unknown_key(key, _owner(where), _legal(where), near)
    if kind == "missing":
        place = _start(node, root)
        message = f"the key `{name}` is missing in {_owner(where)}"
        return MISSING_KEY.at(place, message, help=f"write `{name}: ...`")
    if kind == "union_tag_not_found" and (slip := _near_name(node)) is not None:
        return unknown_key(slip, _owner((*where, "name")), ["name"])
    if kind == "union_tag_not_found":
        message = f"`{name}` does not say which one it is"
        return MISSING_KEY.at(_start(node, root), message, help="write `{name: ...}`")
    if kind == "union_tag_invalid":
        named = node.get("name") if isinstance(node, MappingNode) else None
        return _unknown_word(str(context["tag"]), context["expected_tags"], named or node)
    if kind == "literal_error" and isinstance(node, ScalarNode):
        return _unknown_word(node.text, context["expected"], node)
    place = node.span if where else _start(body, root)
    return BAD_RECIPE.at(place, _message(kind, str(name), node, context, detail["msg"]))


def _near_name(node: Node) -> ScalarNode | None:
    """The key that is a slip for `name`, which says which one of several a mapping is."""
    keys = [key for key, _ in node.entries] if isinstance(node, MappingNode) else []
    return next((key for key in keys if did_you_mean(key.text, ["name"])), None)


def _message(kind: str, name: str, node: Node, context: Context, words: str) -> str:
    found = "this" if not isinstance(node, ScalarNode) else f"`{node.text}`"
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        found = f"the text {found}"
    if kind in _WANTED:
        return f"`{name}` must be {_WANTED[kind]}, and {found} is not"
    if kind in _BOUNDS:
        bound, word = _BOUNDS[kind]
        return f"`{name}` must be {word} {context[bound]:g}, and {found} is not"
    if kind == "value_error":
        return str(context["error"])
    return f"`{name}`: {words[:1].lower()}{words[1:]}"


def _unknown_word(word: str, expected: str, node: Node) -> Diagnostic:
    """A word that is none of those which pydantic lists in quotes."""
    legal = re.findall(r"'([^']+)'", expected)
    near = did_you_mean(word, legal)
    help = f"did you mean `{near}`?" if near else ""
    message = f"`{word}` is none of {', '.join(legal)}"
    return BAD_RECIPE.at(node.span, message, help=help, instead=only_near(word, legal))


def _start(node: Node, root: MappingNode) -> Span:
    """A short place for a whole mapping: its first key, or the key `recipe`."""
    if isinstance(node, MappingNode) and node.entries:
        return node.entries[0][0].span
    key = root.key("recipe")
    return key.span if key is not None and node is root.get("recipe") else node.span


def _place(where: Location, body: Node) -> tuple[ScalarNode | None, Node]:
    """The key and the node that a location leads to, as far as the text has them.

    A location also names the chosen member of a union, which is no key of the text.
    """
    key, node = None, body
    for part in where:
        inner = node.get(str(part)) if isinstance(node, MappingNode) else None
        if isinstance(node, MappingNode) and inner is not None:
            key, node = node.key(str(part)), inner
    return key, node


def _models(where: Location) -> list[type[BaseModel]]:
    """The models that a location leads through, the recipe first."""
    models: list[type[BaseModel]] = [Recipe]
    choices: tuple[object, ...] = ()
    for part in where:
        field = models[-1].model_fields.get(str(part))
        if field is not None:
            annotation = field.annotation
            choices = get_args(annotation) or (annotation,)
        found = [c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)]
        tagged = [c for c in found if str(part) in _tags(c)]
        if tagged or (field is not None and len(found) == 1):
            models.append((tagged or found)[0])
    return models


def _tags(model: type[BaseModel]) -> tuple[object, ...]:
    field = model.model_fields.get("name")
    return get_args(field.annotation) if field is not None else ()


def _legal(where: Location) -> list[str]:
    return list(_models(where[:-1])[-1].model_fields)


def _owner(where: Location) -> str:
    """What the last part of a location belongs to: `optimizer`, or the recipe itself."""
    return f"`{where[0]}`" if len(where) > 1 else "a recipe"
