"""Recipes as JSON Schema: pydantic's own, its choices by name told by `if` and `then`."""

from __future__ import annotations

from typing import Any, cast

from archgen.schema.keys import Schema, demanding
from archgen.train.recipe import Recipe


def recipe_definitions() -> dict[str, Schema]:
    """The definition `recipe`, and those of its parts; `recipe.Preparation` is one."""
    schema = Recipe.model_json_schema(ref_template="#/definitions/recipe.{model}")
    parts = {f"recipe.{name}": part for name, part in schema.pop("$defs").items()}
    return {
        name: cast("Schema", _draft_07(part)) for name, part in {"recipe": schema, **parts}.items()
    }


def _draft_07(node: Any) -> object:  # noqa: ANN401  # any JSON
    """The schema without titles, its choices as chains of conditions, its words for hovers."""
    if isinstance(node, list):
        return [_draft_07(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "discriminator" in node:
        return {**_words(node), **_choice(node["discriminator"]["mapping"])}
    if "$ref" in node and len(node) > 1:
        return {**_words(node), "allOf": [{"$ref": node["$ref"]}]}
    if (other := _unless_null(node)) is not None:
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        present: Schema = {"if": {"not": {"type": "null"}}, "then": _draft_07(other)}
        return {**cast("Schema", _draft_07(rest)), **present}
    kept = {key: value for key, value in node.items() if key != "title" or isinstance(value, dict)}
    required = kept.pop("required", []) if "properties" in kept else []
    schema = {key: _draft_07(value) for key, value in kept.items()}
    return {**demanding(schema, required), **_words(node)}


def _unless_null(node: dict[str, Any]) -> object:
    """What a field holds that may also be null, which has a message of its own that way."""
    others = [form for form in node.get("anyOf", ()) if form != {"type": "null"}]
    return others[0] if len(others) == 1 else None


def _words(node: dict[str, Any]) -> Schema:
    words = node.get("description")
    if not isinstance(words, str):
        return {}
    return {"description": words, "markdownDescription": words}


def _choice(mapping: dict[str, str]) -> Schema:
    """One of several parts, by its `name`."""
    branches = [
        {
            "if": {"properties": {"name": {"const": name}}, "required": ["name"]},
            "then": {"$ref": target},
        }
        for name, target in mapping.items()
    ]
    names: Schema = {"enum": list(mapping)}
    return {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {**names, **_words({"description": f"one of {', '.join(mapping)}"})}
        },
        "allOf": branches,
    }
