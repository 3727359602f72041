from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from archgen.train import TrainingError, load_weights, save_weights
from archgen.train.weights import in_parts

Maker = Callable[..., nn.Module]


def test_weights_come_back_as_they_were_saved(tmp_path: Path, tiny: Maker) -> None:
    saved, loaded = tiny(1), tiny(2)
    saved.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stub
    save_weights(tmp_path / "w", saved, {"seed": "1"})
    assert load_weights(tmp_path / "w", loaded) == {"seed": "1"}
    for name, value in saved.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])


def test_equal_weights_are_equal_files_byte_by_byte(tmp_path: Path, tiny: Maker) -> None:
    path, model = tmp_path / "w", tiny(1)
    metadata = {name: name for name in ("spec", "classes", "mean", "seed", "step", "Füchse")}
    contents = set()
    for names in (sorted(metadata), sorted(metadata, reverse=True)) * 10:
        save_weights(path, model, {name: metadata[name] for name in names})
        contents.add(path.read_bytes())
    (content,) = contents
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert length % 8 == 0
    assert list(header) == sorted(header)
    assert load_weights(path, tiny(2)) == metadata


def test_another_networks_weights_are_refused_by_name_and_shape(
    tmp_path: Path, tiny: Maker
) -> None:
    save_weights(tmp_path / "w", tiny(1, classes=4), {})
    model = tiny(2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(TrainingError, match=r"`6.bias` is \(4,\) in the file and \(3,\)"):
        load_weights(tmp_path / "w", model)
    with pytest.raises(TrainingError, match=r"`weight` is absent in the file|`0.weight` is"):
        load_weights(tmp_path / "w", nn.Linear(6, 3))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("keep", [0, 7, 40, -1])
def test_truncated_weights_are_refused_with_their_file(
    tmp_path: Path, tiny: Maker, keep: int
) -> None:
    path = tmp_path / "w"
    save_weights(path, tiny(1), {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TrainingError, match=f"cannot read the weights `{path}`"):
        load_weights(path, tiny(1))


def test_a_pickle_is_not_opened(tmp_path: Path, tiny: Maker) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("the pickle was run",))

    path = tmp_path / "w"
    path.write_bytes(pickle.dumps({"0.weight": Trap()}))
    with pytest.raises(TrainingError, match="cannot read"):
        load_weights(path, tiny(1))


def test_missing_weights_are_named(tmp_path: Path, tiny: Maker) -> None:
    with pytest.raises(TrainingError, match="nowhere"):
        load_weights(tmp_path / "nowhere", tiny(1))


def test_a_file_in_parts_is_what_the_library_writes() -> None:
    kinds = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.bool)
    tensors = {
        f"{kind}{shape}": torch.arange(math.prod(shape)).reshape(shape).to(kind)
        for kind in (*kinds, torch.uint8)
        for shape in ((), (3,), (0, 2), (2, 3))
    }
    ours = b"".join(in_parts(tensors, {"of": "Füchse"}))
    theirs = save(tensors, {"of": "Füchse"})
    (our_header, our_values), (their_header, their_values) = map(parts_of, (ours, theirs))
    assert our_values == their_values
    assert our_header == their_header


def parts_of(content: bytes) -> tuple[object, bytes]:
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def test_parts_of_a_file_are_the_memory_of_the_tensors() -> None:
    tensor = torch.zeros(3)
    _, values = in_parts({"a": tensor}, {})
    tensor += 1
    assert bytes(values) == np.ones(3, np.float32).tobytes()
