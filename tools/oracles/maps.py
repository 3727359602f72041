"""`python -m tools.oracles.maps`: the weight maps between the specs and the implementations they equal.

Writes `specs/weights/`, to be read in review; with `--check`, lists those that it would change and exits 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from archgen.weights.dialects import TORCH, their_leaves
from archgen.weights.leaves import leaves_of
from archgen.weights.maps import map_text
from archgen.weights.plan import Named, found_map
from tools.benchmarks.twins import compiled
from tools.oracles.networks import FURTHER, MAPPED, Oracle

FOLDER = Path("specs/weights")
WITH_MAPS = {
    **MAPPED,
    **{
        code: FURTHER[code]
        for code in (
            "torchvision resnet18",
            "torchvision shufflenet_v2_x1_0",
            "torchvision efficientnet_b0",
            "facenet-pytorch InceptionResnetV1",
        )
    },
}


def main(arguments: list[str]) -> int:
    """Exit status: 0, or 1 where a map is another one."""
    stale = [(path, text) for path, text in maps() if not path.exists() or path.read_text() != text]
    for path, text in stale:
        print(path)
        if "--check" not in arguments:
            path.write_text(text)
    return int(bool(stale) and "--check" in arguments)


def maps() -> Iterator[tuple[Path, str]]:
    """Every map with its place."""
    for code, oracle in WITH_MAPS.items():
        yield FOLDER / f"{oracle.spec}_{library_of(code)}.yaml", map_of(code, oracle)


def library_of(code: str) -> str:
    """Whose implementation it is, as `--from` and `--to` call them."""
    return code.partition(" ")[0].removesuffix("-pytorch")


def map_of(code: str, oracle: Oracle) -> str:
    """The map between a spec and what it is held to."""
    with torch.device("meta"):
        state = oracle.theirs().state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    leaves = leaves_of(compiled(oracle.spec).sound_network())
    named = Named(oracle.spec, f"{library_of(code)} {code.partition(' ')[2]}", TORCH)
    return map_text(found_map(named, leaves, their_leaves(shapes, TORCH)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
