"""The settings of an op class: its dataclass fields, each with the slot that reads it."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, NamedTuple, cast

from archgen.diagnostics import Rule
from archgen.ir.op import Op
from archgen.ops.slots import Slot
from archgen.rules import MISSING_SETTING

REQUIRED = dataclasses.MISSING


class SettingType(NamedTuple):
    """One setting of an op: its slot, its default, and what it means.

    `missing` is the rule to report, and `advice` what to type, where a setting without default is
    not written.
    """

    name: str
    slot: Slot
    default: object
    doc: str
    missing: Rule
    advice: str

    @property
    def is_required(self) -> bool:
        """Whether the setting has no default."""
        return self.default is REQUIRED


def setting(
    slot: Slot,
    doc: str,
    default: object = REQUIRED,
    *,
    missing: Rule = MISSING_SETTING,
    advice: str = "",
) -> Any:  # noqa: ANN401  # stands for the field's own type, as dataclasses.field does
    """A dataclass field that is a setting of its op."""
    metadata = {"slot": slot, "doc": doc, "missing": missing, "advice": advice}
    if default is REQUIRED:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def settings_of(op: type[Op]) -> Mapping[str, SettingType]:
    """The settings of an op, in the order of its fields."""
    return _settings_of(cast("Hashable", op))


@cache
def _settings_of(op: Hashable) -> Mapping[str, SettingType]:
    return {
        field.name: SettingType(field.name, default=field.default, **field.metadata)
        for field in dataclasses.fields(op)  # type: ignore[arg-type]  # every op is a dataclass
    }
