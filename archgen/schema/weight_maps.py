"""Weight maps as JSON Schema: which keys there are, and what each may hold."""

from __future__ import annotations

from archgen.schema.keys import Schema, demanding, described
from archgen.spec.loader import LANGUAGE_VERSION
from archgen.weights.dialects import DIALECTS
from archgen.weights.maps import NORMS, WITHOUT

_NAME: Schema = {"type": ["string", "integer"]}
_NAMES: Schema = {"type": "array", "items": _NAME}

KEYS: dict[str, Schema] = {
    "network": described(_NAME, "the network whose layers these are"),
    "code": described({"type": "string"}, "whose checkpoint it is, such as `timm inception_v4`"),
    "names": described({"enum": list(DIALECTS)}, "how the checkpoint names and turns its tensors"),
    "layers": described(
        {"type": "object", "additionalProperties": _NAME},
        "each layer of ours, and theirs; `{a,b}` and `{0..3}` stand for several on both sides",
    ),
    "without": described(
        {"type": "array", "items": {"enum": list(WITHOUT)}}, "what norms of theirs lack"
    ),
    "norms": described(
        {"enum": list(NORMS)}, "which of gamma and beta the norms of three tensors lack there"
    ),
    "background": described(_NAMES, "layers of ours whose counterparts have one class more"),
    "split": described(
        {"type": "object", "additionalProperties": _NAMES},
        "layers of theirs, and those of ours that their rows make",
    ),
    "factors": described(
        {"type": "object", "additionalProperties": {"type": "string"}},
        "last words of tensors of theirs that belong to no layer, and their sides: `Cx1x1`",
    ),
    "shared": described(
        {"type": "object", "additionalProperties": _NAME},
        "layers of theirs that stand there once more, and the first of each",
    ),
    "ignore": described(_NAMES, "tensors of theirs that are no part of the network"),
}


def weight_map_definitions() -> dict[str, Schema]:
    """The definition `weight map file`, and that of what is under its key `weights`."""
    keys: Schema = {"type": "object", "additionalProperties": False, "properties": KEYS}
    properties = {
        "archgen": described({"enum": [LANGUAGE_VERSION]}, "the version of the language"),
        "name": described({"type": "string"}, "the map's name"),
        "note": described({"type": ["string", "number"]}, "a remark for readers"),
        "source": described({"$ref": "#/definitions/source"}, "where it was taken from"),
        "weights": described(
            {"$ref": "#/definitions/weights"}, "which layer of a checkpoint is which of a network"
        ),
    }
    file: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {
        "weight map file": demanding(file, ("archgen", "weights")),
        "weights": demanding(keys, ("network", "layers")),
    }
