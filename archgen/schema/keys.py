"""The keys of the spec models as JSON Schema: what each may hold, and a line about it for hovers.

Which keys a model has and which must be written comes from the model itself; a test holds this
table to it. No `oneOf` stands here: where a value may be of several kinds, its own kind decides by
`if` and `then` which rules hold for it, so that a slip has one message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from archgen.diagnostics import Severity
from archgen.resolve.params import TYPES
from archgen.rules import RULES
from archgen.spec.loader import LANGUAGE_VERSION
from archgen.spec.mappings import SpecModel
from archgen.spec.model import (
    Alternative,
    Block,
    Edit,
    Erratum,
    Expect,
    Extension,
    Input,
    Library,
    Network,
    Output,
    Sizes,
    Source,
    Step,
)

Schema: TypeAlias = dict[str, Any]

NAME = "^[A-Za-z][A-Za-z0-9_]*$"
_WARNINGS = [rule.code for rule in RULES if rule.severity is Severity.WARNING]


def ref(name: str) -> Schema:
    """A reference to a definition."""
    return {"$ref": f"#/definitions/{name}"}


def described(schema: Schema, words: str) -> Schema:
    """The schema with words for a hover; a reference takes none beside it, so it is wrapped."""
    body = {"allOf": [schema]} if "$ref" in schema else schema
    return {**body, "description": words, "markdownDescription": words}


def one_or_many(item: Schema) -> Schema:
    """A value, or a list of such values."""
    return {"if": {"type": "array"}, "then": {"items": item}, "else": item}


def named(values: Schema) -> Schema:
    """A mapping of names."""
    return {"type": "object", "propertyNames": {"pattern": NAME}, "additionalProperties": values}


def demanding(mapping: Schema, required: Iterable[str], *, unless: str = "") -> Schema:
    """The mapping with keys that must be there, if the key `unless` is not.

    They are asked for only where no key is unknown: what is missing beside a misspelt key is what
    the misspelt one means.
    """
    wanted = list(required)
    if not wanted:
        return mapping
    keys = list(mapping["properties"])
    known: Schema = {"propertyNames": {"enum": keys}}
    if unless:
        known["not"] = {"required": [unless]}
    return {**mapping, "allOf": [{"if": known, "then": {"required": wanted}}]}


_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_WORD: Schema = {"type": ["string", "integer", "number"]}
_WORDS = one_or_many(_WORD)
_NUMBER: Schema = {"type": ["integer", "string"], "minimum": 0}
# a number, or an expression of numbers alone; `32x32` is neither
_SIZE: Schema = {"type": ["integer", "string"], "minimum": 1, "pattern": "^(?![0-9]+x[0-9]+$)"}
_CONDITION: Schema = {"type": ["boolean", "string"]}
_BOUNDS: Schema = {"minProperties": 1, "properties": {"min": _NUMBER, "max": _NUMBER}}
_COUNT: Schema = {
    "type": ["integer", "string", "object"],
    "if": {"type": "object"},
    "then": {**_BOUNDS, "additionalProperties": False},
    "else": _NUMBER,
}
_TYPE: Schema = {"if": {"type": "array"}, "then": {"items": _WORD}, "else": {"enum": list(TYPES)}}
_PARAM: Schema = {
    "if": {"type": "object"},
    "then": {
        "properties": {
            "type": described(_TYPE, f"{', '.join(TYPES)}, or a list of words"),
            "min": described({"type": ["number", "string"]}, "the smallest value"),
            "max": described({"type": ["number", "string"]}, "the largest value"),
            "default": described({}, "the value where a use gives none"),
            "doc": described(_TEXT, "what it is for; stands in the emitted module"),
        },
        "additionalProperties": False,
    },
    "else": _TYPE,
}
_PARAMS = named(_PARAM)
_SOURCE, _EXPECT, _STEPS = ref("source"), ref("expect"), ref("steps")
_ALLOW = one_or_many({"enum": _WARNINGS})

_SHARED: dict[str, tuple[Schema, str]] = {
    "archgen": ({"enum": [LANGUAGE_VERSION]}, "the version of the language"),
    "source": (_SOURCE, "where it was taken from; inherited by what stands inside"),
    "note": (_TEXT, "a remark for readers"),
    "use": (
        named({"type": "string"}),
        "libraries of blocks by relative path, used as `NAME.BLOCK`",
    ),
    "defaults": (ref("defaults"), "settings that ops have where a step does not write them"),
    "params": (_PARAMS, "values that a use may choose: int, float, bool, kernel or words"),
    "require": (_WORDS, "conditions on the params, such as `k % 8 == 0`"),
    "expect": (_EXPECT, "what must come out: exact, an expression, or bounds"),
    "allow": (_ALLOW, "codes of warnings that are acknowledged here"),
}
_OUTPUTS = named(ref("output"))

DESCRIPTIONS: Mapping[type[SpecModel], Mapping[str, tuple[Schema, str]]] = {
    Source: {
        "paper": (_TEXT, "the paper, such as `arXiv:1602.07261v2`"),
        "figure": (_TEXT, "the figure's number"),
        "table": (_TEXT, "the table's number"),
        "page": (_TEXT, "the page's number"),
        "section": (_TEXT, "the section's number"),
        "url": (_TEXT, "an address"),
        "code": (_TEXT, "the code that it follows"),
    },
    Expect: {
        "grid": (
            {"type": ["integer", "string"], "minimum": 1},
            "height and width: `35` or `17x35`",
        ),
        "channels": (_COUNT, "channels of the output"),
        "params": (_COUNT, "learned numbers, such as `42679816` or `{max: 45M}`"),
        "macs": (_COUNT, "multiply-adds for one sample"),
        "params_training": (_COUNT, "learned numbers with the outputs for training alone"),
    },
    Erratum: {
        "field": (_WORD, "the setting that the source prints wrong"),
        "printed": ({}, "what the source prints"),
        "why": (_TEXT, "why that cannot be right"),
        "kind": (
            {"enum": ["contradiction", "reading"]},
            "`contradiction` is proved by shapes; `reading` names another source",
        ),
        "source": (_SOURCE, "what speaks for the reading"),
    },
    Step: {
        "id": (
            {"type": "string", "pattern": NAME},
            "a name of its own, for `from:` and for parameters",
        ),
        "from": (_WORDS, "the step, or the steps of a join, that it takes its input from"),
        "repeat": (_NUMBER, "how many times; `i` counts from 0 in its settings"),
        "when": (_CONDITION, "the step is left out where this is false"),
        "expect": _SHARED["expect"],
        "errata": (
            one_or_many(ref("erratum")),
            "what the source prints where that cannot be right",
        ),
        "source": _SHARED["source"],
        "note": _SHARED["note"],
        "allow": _SHARED["allow"],
    },
    Block: {
        "source": _SHARED["source"],
        "note": _SHARED["note"],
        "params": _SHARED["params"],
        "variants": (
            named({"type": "object"}),
            "named sets of params: `reduction_a: {variant: inception_v4}`",
        ),
        "require": _SHARED["require"],
        "inputs": (_WORDS, "names of several inputs, read as `in.NAME`"),
        "outputs": (named(_WORD), "names of several outputs, and the steps that make them"),
        "body": (_STEPS, "the steps"),
        "expect": _SHARED["expect"],
        "allow": _SHARED["allow"],
    },
    Sizes: {
        "min": (_SIZE, "the smallest side"),
        "max": (_SIZE, "the largest side"),
        "multiple_of": (_SIZE, "what each side is a multiple of"),
    },
    Input: {
        "channels": (_SIZE, "channels of one sample"),
        "grid": (one_or_many(_SIZE), "height and width: `299` or `[height, width]`"),
        "height": (_SIZE, "rows"),
        "width": (_SIZE, "columns"),
        "sizes": (ref("sizes"), "which other sizes the network takes"),
    },
    Output: {
        "from": (_WORDS, "the step that it starts from"),
        "training_only": ({"type": "boolean"}, "whether it is there in training alone"),
        "loss_weight": ({"type": "number", "minimum": 0}, "its share in the loss"),
        "body": (_STEPS, "its steps"),
        "source": _SHARED["source"],
        "note": _SHARED["note"],
    },
    Alternative: {
        "why": (_TEXT, "what speaks for it"),
        "set": ({"type": "object"}, "the params that differ"),
        "expect": _SHARED["expect"],
        "source": _SHARED["source"],
    },
    Library: {
        **{key: _SHARED[key] for key in ("archgen", "source", "note", "use", "defaults")},
        "blocks": (named(ref("block")), "blocks by name"),
        "allow": _SHARED["allow"],
    },
    Network: {
        **{key: _SHARED[key] for key in ("archgen", "source", "note", "use", "defaults")},
        "name": ({"type": "string", "pattern": NAME}, "the name; the emitted class is named by it"),
        "input": (ref("input"), "one sample: channels and a grid"),
        "params": _SHARED["params"],
        "require": _SHARED["require"],
        "blocks": (named(ref("block")), "blocks by name"),
        "network": (_STEPS, "the steps from the input to the output"),
        "outputs": (_OUTPUTS, "further results: auxiliary heads and feature taps"),
        "expect": _SHARED["expect"],
        "alternatives": (named(ref("alternative")), "other readings that make sense as a whole"),
        "allow": _SHARED["allow"],
    },
    Extension: {
        **{key: _SHARED[key] for key in ("archgen", "source", "note")},
        "name": ({"type": "string", "pattern": NAME}, "the name; the emitted class is named by it"),
        "extends": (
            _TEXT,
            "the spec that this one differs from, by its path relative to this file",
        ),
        "edit": ({"type": "array", "items": ref("edit")}, "what differs, in order"),
        "expect": _SHARED["expect"],
        "alternatives": (named(ref("alternative")), "other readings that make sense as a whole"),
        "allow": _SHARED["allow"],
    },
    Edit: {
        "at": (_TEXT, "the one place, as in `network.inception_4c.pooled`"),
        "set": ({}, "the value that stands there from now on"),
        "remove": ({"enum": [True]}, "takes it away"),
        "before": (_STEPS, "steps that are put before it"),
        "after": (_STEPS, "steps that are put behind it"),
    },
}


def model_schema(model: type[SpecModel]) -> Schema:
    """The mapping that a model reads: its keys and no others."""
    table = DESCRIPTIONS[model]
    fields, legal = model.model_fields.items(), model.keys()
    required = [f.alias or n for n, f in fields if f.is_required() and (f.alias or n) in table]
    properties = {key: described(*table[key]) for key in legal}
    mapping = {"type": "object", "properties": properties, "additionalProperties": False}
    return demanding(mapping, required)
