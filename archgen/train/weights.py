"""A network's weights in a safetensors file: plain tensors and text, never pickled objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from archgen.train.errors import TrainingError
from archgen.train.files import replacing

_LENGTH = 8  # bytes in front of a safetensors header that say how long it is


def save_weights(path: Path, model: nn.Module, metadata: Mapping[str, str]) -> None:
    """Writes the state dict of `model` to `path`, which is whole or as it was before.

    Equal weights and metadata give equal files, byte by byte.
    """
    tensors = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.writelines(in_parts(tensors, metadata))


def in_parts(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> tuple[bytes, memoryview]:
    """The two parts of a file of contiguous tensors: the header, with its keys in order, and the values.

    The library writes the metadata in the order of a hash map, which is another in each process.
    """
    content = save(dict(tensors), dict(metadata))
    end = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    header = json.dumps(json.loads(content[_LENGTH:end]), sort_keys=True, separators=(",", ":"))
    text = header.encode()
    text += b" " * (-len(text) % _LENGTH)  # the values keep to multiples of eight bytes
    return len(text).to_bytes(_LENGTH, "little") + text, memoryview(content)[end:]


def load_weights(path: Path, model: nn.Module) -> dict[str, str]:
    """Copies the weights in `path` into `model` and returns the file's metadata.

    Names and shapes must be those of `model`, all of them; otherwise it is left as it was.
    """
    if path.exists() and not path.is_file():
        raise TrainingError(f"cannot read the weights `{path}`: this is no regular file")
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()  # no dict: it cannot be iterated itself
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names}
            _check_match(path, model.state_dict(), shapes)
            tensors = {name: file.get_tensor(name) for name in shapes}
            metadata = dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"cannot read the weights `{path}`: {error}") from error
    model.load_state_dict(tensors)
    return metadata


def _check_match(
    path: Path, wanted: Mapping[str, Tensor], found: Mapping[str, tuple[int, ...]]
) -> None:
    """Raises with the first differing name where the two do not have the same names and shapes."""
    for name in sorted(wanted.keys() | found.keys()):
        want = tuple(wanted[name].shape) if name in wanted else "absent"
        have = found.get(name, "absent")
        if want != have:
            raise TrainingError(
                f"the weights `{path}` are another network's: "
                f"`{name}` is {have} in the file and {want} in the network"
            )
