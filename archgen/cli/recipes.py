"""Recipe and preparation files: YAML to a model, with what pydantic refuses told at its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from archgen.diagnostics import (
    Diagnostic,
    Findings,
    Rule,
    Span,
    SpecError,
    did_you_mean,
    suggest,
)
from archgen.rules import BAD_PREPARATION, BAD_RECIPE, MISSING_KEY
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, plain
from archgen.spec.files import SpecText
from archgen.spec.loader import read_document
from archgen.spec.mappings import unknown_key
from archgen.train.preparation import Preparation
from archgen.train.recipe import Recipe

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Location: TypeAlias = "tuple[int | str, ...]"
Context: TypeAlias = "dict[str, Any]"
Model = TypeVar("Model", bound=BaseModel)


class Kind(NamedTuple):
    """A kind of file by its main key: the other keys that it may have, and the rule that it breaks."""

    key: str
    others: tuple[str, ...]
    rule: Rule

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys of such a file."""
        return ("archgen", "name", "note", "source", self.key, *self.others)


class PreparationFile(NamedTuple):
    """A preparation and, where the file names them, the network's outputs in their order."""

    preparation: Preparation
    classes: tuple[str, ...] | None


RECIPE = Kind("recipe", (), BAD_RECIPE)
PREPARATION = Kind("preparation", ("classes",), BAD_PREPARATION)
# what has no default in a file: a missing line would be a wrong figure
STATED = ("view", "mean", "std")

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
    root = _root(text, RECIPE, findings)
    return None if root is None else _read(root, RECIPE, Recipe, findings)


def read_preparation(text: SpecText, findings: Findings) -> PreparationFile | None:
    """The preparation in `text`; None, with findings, where it is not one."""
    root = _root(text, PREPARATION, findings)
    if root is None:
        return None
    body, before = root.get(PREPARATION.key), len(findings.diagnostics)
    prepared = _read(root, PREPARATION, Preparation, findings)
    slips = [key.text for key, _ in body.entries] if isinstance(body, MappingNode) else []
    for name in STATED:
        near = any(did_you_mean(slip, STATED) == name for slip in slips if slip not in STATED)
        if isinstance(body, MappingNode) and body.get(name) is None and not near:
            message = f"the key `{name}` is missing in a preparation"
            findings.add(MISSING_KEY.at(_start(body, root), message, help=f"write `{name}: ...`"))
    classes = _classes(root, findings)
    is_sound = prepared is not None and len(findings.diagnostics) == before
    return PreparationFile(prepared, classes) if prepared is not None and is_sound else None


def _classes(root: MappingNode, findings: Findings) -> tuple[str, ...] | None:
    """The names of the outputs, each once."""
    node = root.get("classes")
    if node is None:
        return None
    if not isinstance(node, SequenceNode) or not node.items:
        message = "`classes` must be a list of names, in the order of the network's outputs"
        findings.add(BAD_PREPARATION.at(node.span, message))
        return None
    seen: set[str] = set()
    for item in node.items:
        if not isinstance(item, ScalarNode):
            findings.add(BAD_PREPARATION.at(item.span, "the name of a class must be a text"))
        elif item.text in seen:
            findings.add(BAD_PREPARATION.at(item.span, f"the class `{item.text}` is named twice"))
        else:
            seen.add(item.text)
    return tuple(item.text for item in node.items if isinstance(item, ScalarNode))


def _root(text: SpecText, kind: Kind, findings: Findings) -> MappingNode | None:
    root = read_document(text, (kind.key,), findings)
    if root is not None:
        findings.extend(_wrong_keys(root, kind))
    return root


def _read(root: MappingNode, kind: Kind, model: type[Model], findings: Findings) -> Model | None:
    """The model under the main key; None, with findings, where it is not one."""
    body = root.get(kind.key)
    assert body is not None
    try:
        return model.model_validate(plain(body))
    except ValidationError as error:
        details = error.errors(include_url=False)
        text = _Text(root, body, kind, model)
        meant = _misspelt(details, text)
        for detail in details:
            if detail["type"] != "missing" or tuple(detail["loc"]) not in meant.values():
                findings.add(_finding(detail, text, meant))
        return None


class _Text(NamedTuple):
    """What a model was read from."""

    root: MappingNode
    body: Node
    kind: Kind
    model: type[BaseModel]

    def owner(self, where: Location) -> str:
        """What the last part of a location belongs to: `optimizer`, or the recipe itself."""
        return f"`{where[0]}`" if len(where) > 1 else f"a {self.kind.key}"

    def legal(self, where: Location) -> list[str]:
        """The keys that there are where a location ends."""
        return list(_models(self.model, where[:-1])[-1].model_fields)


def sound_recipe(text: SpecText) -> Recipe:
    """The recipe in `text`. Raises SpecError where it is not one."""
    findings = Findings()
    recipe = read_recipe(text, findings)
    if recipe is None or findings.has_errors:
        raise SpecError(findings.diagnostics, {text.source: text.text})
    return recipe


def sound_preparation(text: SpecText) -> PreparationFile:
    """The preparation in `text`. Raises SpecError where it is not one."""
    findings = Findings()
    found = read_preparation(text, findings)
    if found is None or findings.has_errors:
        raise SpecError(findings.diagnostics, {text.source: text.text})
    return found


def _wrong_keys(root: MappingNode, kind: Kind) -> Iterator[Diagnostic]:
    unknown = [key for key, _ in root.entries if key.text not in kind.keys]
    for key in unknown:
        yield unknown_key(key, f"a {kind.key} file", list(kind.keys))
    is_slip = any(did_you_mean(key.text, kind.keys) == "archgen" for key in unknown)
    if root.get("archgen") is None and not is_slip:
        first = root.entries[0][0].span
        message = "the key `archgen` is missing here"
        yield MISSING_KEY.at(first, message, help="begin with `archgen: 1`")


def _misspelt(details: list[ErrorDetails], text: _Text) -> dict[Location, Location]:
    """Which missing key an unknown one is meant for, by their places: the two are one slip.

    That is one that is near, or the only one that is missing where the unknown key is near to nothing.
    """
    missing = [tuple(detail["loc"]) for detail in details if detail["type"] == "missing"]
    meant: dict[Location, Location] = {}
    for where in (tuple(detail["loc"]) for detail in details if detail["type"] == _UNKNOWN):
        absent = [str(place[-1]) for place in missing if place[:-1] == where[:-1]]
        near = did_you_mean(str(where[-1]), text.legal(where))
        if near is None and len(absent) == 1:
            near = absent[0]
        if near in absent:
            meant[where] = (*where[:-1], near)
    return meant


def _finding(detail: ErrorDetails, text: _Text, meant: Mapping[Location, Location]) -> Diagnostic:
    """One pydantic error as a finding, by its type."""
    kind, where, context = detail["type"], tuple(detail["loc"]), detail.get("ctx", {})
    root, body, rule = text.root, text.body, text.kind.rule
    key, node = _place(where, body)
    name = where[-1] if where else text.kind.key
    if kind == _UNKNOWN and key is not None:
        near = str(meant[where][-1]) if where in meant else None
        return unknown_key(key, text.owner(where), text.legal(where), near)
    if kind == "missing":
        place = _start(node, root)
        message = f"the key `{name}` is missing in {text.owner(where)}"
        return MISSING_KEY.at(place, message, help=f"write `{name}: ...`")
    if kind == "union_tag_not_found" and (slip := _near_name(node)) is not None:
        return unknown_key(slip, text.owner((*where, "name")), ["name"])
    if kind == "union_tag_not_found":
        message = f"`{name}` does not say which one it is"
        return MISSING_KEY.at(_start(node, root), message, help="write `{name: ...}`")
    if kind == "union_tag_invalid":
        named = node.get("name") if isinstance(node, MappingNode) else None
        return _unknown_word(rule, str(context["tag"]), context["expected_tags"], named or node)
    if kind == "literal_error" and isinstance(node, ScalarNode):
        return _unknown_word(rule, node.text, context["expected"], node)
    place = node.span if where else _start(body, root)
    return rule.at(place, _message(kind, str(name), node, context, detail["msg"]))


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
        return f"`{name}` must be {word} {_number(context[bound])}, and {found} is not"
    if kind == "value_error":
        return str(context["error"])
    return f"`{name}`: {words[:1].lower()}{words[1:]}"


def _number(bound: object) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def _unknown_word(rule: Rule, word: str, expected: str, node: Node) -> Diagnostic:
    """A word that is none of those which pydantic lists in quotes."""
    legal = re.findall(r"'([^']+)'", expected)
    suggestion = suggest(word, legal)
    message, help = f"`{word}` is none of {', '.join(legal)}", suggestion.help("")
    return rule.at(node.span, message, help=help, instead=suggestion)


def _start(node: Node, root: MappingNode) -> Span:
    """A short place for a whole mapping: its first key, or the key that it stands under in the file."""
    if isinstance(node, MappingNode) and node.entries:
        return node.entries[0][0].span
    return next((key.span for key, value in root.entries if value is node), node.span)


def _place(where: Location, body: Node) -> tuple[ScalarNode | None, Node]:
    """The key and the node that a location leads to, as far as the text has them.

    A location also names the chosen member of a union, which is no key of the text.
    """
    key, node = None, body
    for part in where:
        if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            continue
        inner = node.get(str(part)) if isinstance(node, MappingNode) else None
        if isinstance(node, MappingNode) and inner is not None:
            key, node = node.key(str(part)), inner
    return key, node


def _models(outer: type[BaseModel], where: Location) -> list[type[BaseModel]]:
    """The models that a location leads through, the outermost first."""
    models = [outer]
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
