"""The settings of an op class: its dataclass fields, each with the slot that reads it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any

from archgen.diagnostics import Rule
from archgen.ir.op import Op
from archgen.ops.slots import Slot
from archgen.rules import MISSING_SETTING

REQUIRED = dataclasses.MISSING


@dataclass(frozen=True, slots=True)
class SettingType:
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
    slot: Slot, doc: str, default: object = REQUIRED, *, missing: Rule = MISSING_SETTING, advice: str = ""
) -> Any:
    """A dataclass field that is a setting of its op."""
    metadata = {"slot": slot, "doc": doc, "missing": missing, "advice": advice}
    if default is REQUIRED:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@cache
def settings_of(op: type[Op]) -> dict[str, SettingType]:
    """The settings of an op, in the order of its fields."""
    assert dataclasses.is_dataclass(op)
    return {
        field.name: SettingType(
            field.name,
            field.metadata["slot"],
            field.default,
            field.metadata["doc"],
            field.metadata["missing"],
            field.metadata["advice"],
        )
        for field in dataclasses.fields(op)
    }
