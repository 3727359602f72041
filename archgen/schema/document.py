"""The schema of a whole file: of any, or of one file with its blocks, their params and its libraries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from archgen.diagnostics import Findings
from archgen.ir.graph import Block
from archgen.ops.slots import Slot
from archgen.ops.words import WordSlot
from archgen.resolve import Resolved, resolve
from archgen.schema.keys import Schema, demanding, described, model_schema, ref
from archgen.schema.recipes import recipe_definitions
from archgen.schema.steps import Known, step_definitions
from archgen.schema.weight_maps import weight_map_definitions
from archgen.spec import model as written
from archgen.spec.document import MappingNode, ScalarNode
from archgen.spec.loader import LANGUAGE_VERSION, SpecFile
from archgen.spec.mappings import SpecModel
from archgen.train.preparation import Preparation

DRAFT = "http://json-schema.org/draft-07/schema#"
_MODELS: dict[str, type[SpecModel]] = {
    "source": written.Source,
    "expect": written.Expect,
    "erratum": written.Erratum,
    "block": written.Block,
    "sizes": written.Sizes,
    "input": written.Input,
    "output": written.Output,
    "alternative": written.Alternative,
    "library": written.Library,
    "network": written.Network,
    "extension": written.Extension,
    "edit": written.Edit,
}
_RECIPE_FILE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "archgen": described({"enum": [LANGUAGE_VERSION]}, "the version of the language"),
        "name": described({"type": "string"}, "the recipe's name"),
        "note": described({"type": ["string", "number"]}, "a remark for readers"),
        "source": described(ref("source"), "where it was taken from"),
        "recipe": described(ref("recipe"), "how to train"),
    },
}
_PREPARATION_FILE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **{key: _RECIPE_FILE["properties"][key] for key in ("archgen", "note", "source")},
        "name": described({"type": "string"}, "the preparation's name"),
        "preparation": described(
            {"allOf": [ref("recipe.Preparation"), ref("stated preparation")]},
            "how a stored image becomes what the network sees",
        ),
        "classes": described(
            {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1},
            "the names of the network's outputs, in their order",
        ),
    },
}
_OWN: Schema = {
    "if": {"required": ["blocks"], "not": {"required": ["network"]}},
    "then": {"if": {"required": ["input"]}, "then": ref("network"), "else": ref("library")},
    "else": ref("network"),
}
_SPEC: Schema = {"if": {"required": ["extends"]}, "then": ref("extension"), "else": _OWN}


def general_schema() -> Schema:
    """The schema of every kind of file; of blocks it knows only that they have names."""
    return _document(
        "a spec, a library of blocks, a recipe, a preparation or a weight map of archgen", None
    )


def file_schema(file: SpecFile) -> Schema:
    """The schema of one spec or library: its blocks are known by name, and their params."""
    resolved = resolve(file, Findings())
    known = Known(_blocks(resolved), _given(file), tuple(dict.fromkeys(_words(resolved))))
    return _document(f"the spec {file.text.source}", known)


def schema_text(schema: Schema) -> str:
    """The schema as a file."""
    return json.dumps(schema, indent=1, ensure_ascii=True) + "\n"


def _document(title: str, known: Known | None) -> Schema:
    models = {name: model_schema(model) for name, model in _MODELS.items()}
    return {
        "$schema": DRAFT,
        "title": title,
        "type": "object",
        "if": {"required": ["recipe"]},
        "then": ref("recipe file"),
        "else": {
            "if": {"required": ["preparation"]},
            "then": ref("preparation file"),
            "else": {
                "if": {"required": ["weights"]},
                "then": ref("weight map file"),
                "else": _SPEC,
            },
        },
        "definitions": {
            **models,
            **step_definitions(known),
            "recipe file": demanding(_RECIPE_FILE, ("archgen", "recipe")),
            "preparation file": demanding(_PREPARATION_FILE, ("archgen", "preparation")),
            "stated preparation": _stated_preparation(),
            **recipe_definitions(),
            **weight_map_definitions(),
        },
    }


def _stated_preparation() -> Schema:
    """What a preparation file must write: a default would be a wrong figure without a word."""
    keys: Schema = {"properties": dict.fromkeys(Preparation.model_fields, True)}
    return {"allOf": demanding(keys, ("view", "mean", "std"))["allOf"]}


def _blocks(resolved: Resolved) -> dict[str, Block | None]:
    """The blocks by the names that steps of this file use: its own, and those of its libraries."""
    blocks = dict(resolved.blocks)
    for alias, library in resolved.file.libraries.items():
        if library is not None:
            inner = resolve(library, Findings()).blocks
            blocks.update({f"{alias}.{name}": block for name, block in inner.items()})
    return blocks


def _given(file: SpecFile) -> Mapping[str, frozenset[str]]:
    """The settings that the file's defaults give to each op."""
    node = file.model.defaults
    if isinstance(node, ScalarNode):
        library = file.libraries.get(node.text)
        return _given(library) if library is not None else {}
    if not isinstance(node, MappingNode):
        return {}
    return {
        op.text: frozenset(key.text for key, _ in settings.entries)
        for op, settings in node.entries
        if isinstance(settings, MappingNode)
    }


def _words(resolved: Resolved) -> Iterator[str]:
    """The params that hold words."""
    blocks = [block for block in resolved.blocks.values() if block is not None]
    if resolved.network is not None:
        blocks.append(resolved.network.block)
    for block in blocks:
        for param in block.params.values():
            if isinstance(param.slot, WordSlot) or not isinstance(param.slot, Slot):
                yield param.name
