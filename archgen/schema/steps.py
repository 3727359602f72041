"""Steps as JSON Schema: the op table, and the blocks of one file where they are known."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from archgen.ir.graph import Block
from archgen.ir.op import Branches, Join, Op
from archgen.ops import OPS
from archgen.ops.settings import SettingType, settings_of
from archgen.ops.slots import Slot, describe
from archgen.ops.words import WordSlot
from archgen.schema.keys import DESCRIPTIONS, NAME, Schema, demanding, described, ref
from archgen.spec.model import Step


@dataclass(frozen=True)
class Known:
    """What a schema for one file knows.

    Its blocks by the names that steps use, None for one that cannot be read; the settings of ops
    that its `defaults` give; the params that hold words.
    """

    blocks: Mapping[str, Block | None] = field(default_factory=dict)
    defaults: Mapping[str, frozenset[str]] = field(default_factory=dict)
    words: tuple[str, ...] = ()


def step_definitions(known: Known | None) -> dict[str, Schema]:
    """The definitions `steps`, `step`, `defaults`, and one for each op and block."""
    words = None if known is None else known.words
    definitions: dict[str, Schema] = {
        "steps": {"type": "array", "items": ref("step")},
        "step": _step(known),
        "defaults": _defaults(words),
    }
    for op in OPS:
        given = known.defaults.get(op.name, frozenset()) if known is not None else None
        definitions[f"op.{op.name}"] = op_schema(op, words, given)
    for name, block in known.blocks.items() if known is not None else ():
        definitions[f"block.{name}"] = block_schema(block, words)
    return definitions


def _step(known: Known | None) -> Schema:
    """A step: the bare name of an op or block, or a mapping with one of them as key."""
    calls = {op.name: described(ref(f"op.{op.name}"), op_words(op)) for op in OPS}
    if known is not None:
        for name, block in known.blocks.items():
            calls[name] = described(ref(f"block.{name}"), block_words(name, block))
    reserved = {key: described(*form) for key, form in DESCRIPTIONS[Step].items()}
    pattern = rf"{NAME[:-1]}(\.[A-Za-z][A-Za-z0-9_]*)?$"
    others: Schema = {"propertyNames": {"pattern": pattern}}
    if known is not None:
        others = {"additionalProperties": False}
    names: Schema = {"pattern": pattern} if known is None else {"enum": list(calls)}
    return {
        "type": ["object", "string"],
        "if": {"type": "string"},
        "then": names,
        "else": {"minProperties": 1, "properties": {**calls, **reserved}, **others},
    }


def _defaults(words: Iterable[str] | None) -> Schema:
    """Ops with some of their settings, or the name of a library."""
    ops = {op.name: described(_settings(op, words), op_words(op)) for op in OPS if not op.whole}
    return {
        "type": ["object", "string"],
        "if": {"type": "object"},
        "then": {"properties": ops, "additionalProperties": False},
    }


def op_schema(op: type[Op], words: Iterable[str] | None, given: frozenset[str] | None) -> Schema:
    """What may stand behind an op's key: its settings, its one main setting bare, or nothing.

    `given` are the settings that the file's defaults give, None where no file is known.
    """
    if op.whole:
        return _setting(settings_of(op)[op.bare], words)
    mapping: Schema = _settings(op, words)
    if issubclass(op, Join):
        mapping = _join(op, mapping)
    elif given is not None:
        mapping = demanding(mapping, _required(op, given))
    if not op.bare:
        return {**mapping, "type": ["object", "null"]}
    bare = _setting(settings_of(op)[op.bare], words)
    return {"if": {"type": ["object", "null"]}, "then": mapping, "else": bare}


def _required(op: type[Op], given: frozenset[str]) -> list[str]:
    return [n for n, kind in settings_of(op).items() if kind.is_required and n not in given]


def _settings(op: type[Op], words: Iterable[str] | None) -> Schema:
    settings = settings_of(op).values()
    properties = {setting.name: _setting(setting, words) for setting in settings}
    return {"properties": properties, "additionalProperties": False, "type": "object"}


def _join(op: type[Join], mapping: Schema) -> Schema:
    """Branches by name; of a residual, its body and its shortcut beside its settings."""
    if op.branches is Branches.NAMED:
        branches: Schema = {"propertyNames": {"pattern": NAME}}
        return {**branches, "additionalProperties": ref("steps"), "type": "object"}
    parts = {
        "body": described(ref("steps"), "the steps beside the shortcut"),
        "shortcut": described(ref("steps"), "the steps of the shortcut, where it is not the input"),
    }
    properties = {**parts, **mapping["properties"]}
    return demanding({**mapping, "properties": properties}, ["body"])


def _setting(setting: SettingType, words: Iterable[str] | None) -> Schema:
    return described(setting.slot.schema(words), setting_words(setting))


def block_schema(block: Block | None, words: Iterable[str] | None) -> Schema:
    """The params of a block; anything for one that cannot be read."""
    if block is None:
        return {"type": ["object", "null"]}
    properties: dict[str, Schema] = {}
    for param in block.params.values():
        schema = param.slot.schema(words) if isinstance(param.slot, Slot) else {}
        properties[param.name] = described(schema, param.doc or f"a param of type {param.kind}")
    if block.variants:
        names = list(block.variants)
        properties["variant"] = described({"enum": names}, f"one of {', '.join(names)}")
    needed = [name for name, param in block.params.items() if param.default is None]
    mapping: Schema = {"properties": properties, "additionalProperties": False}
    unless = "variant" if block.variants else ""
    return demanding({**mapping, "type": ["object", "null"]}, needed, unless=unless)


# ------------------------------------------------------------------------------- words for hovers


def op_words(op: type[Op]) -> str:
    """An op in a few lines of Markdown: what it does, and its settings."""
    lines = [inspect.getdoc(op) or "", ""]
    lines += [f"- `{name}`: {setting_words(kind)}" for name, kind in settings_of(op).items()]
    return "\n".join(lines).strip()


def setting_words(setting: SettingType) -> str:
    """A setting in one line: what it means, what it takes, and what it is where it is not written."""
    return f"{setting.doc} ({setting.slot.takes}; {_unless_written(setting)})"


def _unless_written(setting: SettingType) -> str:
    if setting.is_required:
        return "must be written"
    default = setting.default
    text = "none" if default is None else describe(default)
    return f"{text} unless written"


def block_words(name: str, block: Block | None) -> str:
    """A block in a few lines of Markdown: its source, its note and its params."""
    if block is None:
        return f"the block `{name}`, which cannot be read"
    lines = [f"the block `{name}`" + (f", {block.source}" if block.source else ""), block.note]
    for param in block.params.values():
        doc = f": {param.doc}" if param.doc else ""
        lines.append(f"- `{param.name}` ({_kind(param.slot, param.kind)}){doc}")
    if block.variants:
        lines.append(f"- variants: {', '.join(block.variants)}")
    return "\n".join(line for line in lines if line)


def _kind(slot: object, kind: str) -> str:
    return " or ".join(slot.words) if isinstance(slot, WordSlot) else kind
