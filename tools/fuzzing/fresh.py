"""Emitted modules in a process that has never seen their specs: read from files, and emitted again.

Reads a folder with `cases.json` and one emitted module a case, and writes `found.pt` beside them.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import traceback
from pathlib import Path

import torch
from torch import Tensor, nn

from archgen.emit import emit
from archgen.pipeline import check
from archgen.spec.files import SpecText
from tools.fuzzing.running import fill, made_input, outputs

SPEC_NAME = "net.yaml"
Found = dict[str, Tensor]


def main(folder: Path) -> None:
    """Runs every case; what breaks is told in the case's place."""
    torch.set_num_threads(1)
    found: dict[int, Found | str] = {}
    for case in json.loads((folder / "cases.json").read_text()):
        try:
            found[case["seed"]] = _case(folder, case)
        except Exception:  # noqa: BLE001  # whatever it is, it is the outcome of the case
            found[case["seed"]] = traceback.format_exc(limit=-3)
    torch.save(found, folder / "found.pt")


def _case(folder: Path, case: dict[str, object]) -> Found | str:
    seed, text = case["seed"], str(case["text"])
    assert isinstance(seed, int)
    file = folder / f"net{seed}.py"
    compilation = check(SpecText(SPEC_NAME, text))
    again = emit(compilation.sound_network(), compilation.sources, SPEC_NAME)
    if again.text != file.read_text():
        return "it is emitted otherwise in another process"
    module = _load(file, again.class_name)
    fill(module, seed)
    sides = case["input"]
    assert isinstance(sides, list)
    x = made_input((sides[0], sides[1], sides[2]), seed)
    with torch.no_grad():
        return {f"eval {name}": value for name, value in outputs(module.eval()(x)).items()}


def _load(file: Path, class_name: str) -> nn.Module:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = loaded
    spec.loader.exec_module(loaded)
    made = getattr(loaded, class_name)()
    assert isinstance(made, nn.Module)
    return made


if __name__ == "__main__":
    main(Path(sys.argv[1]))
