"""A JSON Schema read as an editor needs it: which keys and values can stand at a path, and their words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
Path: TypeAlias = "Iterable[str | int | None]"

_INSIDE = ("then", "else")


def root_for(schema: Schema, kind: str) -> Schema:
    """The part of the schema for a file of a kind."""
    names = {
        "recipe": "recipe file",
        "preparation": "preparation file",
        "blocks": "library",
        "weights": "weight map file",
    }
    found: Schema = schema["definitions"][names.get(kind, "network")]
    return found


def keys_at(schema: Schema, root: Schema, path: Path) -> dict[str, str]:
    """The keys that a mapping at `path` may have, each with its words."""
    return {
        key: _words(inner)
        for form in _follow(schema, root, path)
        for key, inner in form.get("properties", {}).items()
    }


def values_at(schema: Schema, root: Schema, path: Path) -> list[str]:
    """The words that may stand at `path`."""
    found: list[object] = []
    for form in _follow(schema, root, path):
        found += form.get("enum", ())
        found += [word for word in form.get("examples", ()) if isinstance(word, str)]
        kinds = form.get("type", ())
        if "boolean" in ([kinds] if isinstance(kinds, str) else kinds):
            found += ["true", "false"]
        if "const" in form:
            found.append(form["const"])
    return list(dict.fromkeys(str(word) for word in found))


def words_at(schema: Schema, root: Schema, path: Path) -> str:
    """What the schema says of the key that `path` ends with."""
    forms = _follow(schema, root, path)
    return next((words for form in forms if (words := _words(form))), "")


def _words(form: Schema) -> str:
    words = form.get("description", "")
    return words if isinstance(words, str) else ""


def _follow(schema: Schema, root: Schema, path: Path) -> list[Schema]:
    """Every form that may hold at `path`."""
    forms = list(_forms(schema, root))
    for part in path:
        inner = [found for form in forms for found in _inner(form, part)]
        forms = [found for form in inner for found in _forms(schema, form)]
    return forms


def _inner(form: Schema, part: str | int | None) -> Iterator[Schema]:
    if not isinstance(part, str):
        if isinstance(form.get("items"), dict):
            yield form["items"]
        return
    if part in form.get("properties", {}):
        yield form["properties"][part]
    elif isinstance(form.get("additionalProperties"), dict):
        yield form["additionalProperties"]


def _forms(schema: Schema, form: Schema) -> Iterator[Schema]:
    """The form, and those that it is made of."""
    yield form
    if "$ref" in form:
        yield from _forms(schema, schema["definitions"][form["$ref"].rpartition("/")[2]])
    for part in (*form.get("allOf", ()), *(form[key] for key in _INSIDE if key in form)):
        yield from _forms(schema, part)
