"""`python -m tools.oracles.maps`: the weight maps between the specs and the implementations they equal.

Writes `specs/weights/`, to be read in review; with `--check`, lists those that it would change and exits 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from archgen.emit import emit
from archgen.emit.module import build_class
from archgen.weights.dialects import TF_SLIM, TORCH, their_leaves
from archgen.weights.maps import map_text
from archgen.weights.plan import Named, found_map
from archgen.weights.structure import structure_of
from tools.benchmarks.twins import compiled
from tools.oracles.networks import FURTHER, MAPPED, OTHER_NAMES, Oracle
from tools.oracles.slim import SLIMS, Slim, slim_variables

FOLDER = Path("specs/weights")
WITH_MAPS = {
    **MAPPED,
    **{
        code: FURTHER[code]
        for code in (
            "torchvision resnet18",
            "torchvision shufflenet_v2_x1_0",
            "torchvision efficientnet_b0",
            "torchvision convnext_tiny",
            "facenet-pytorch InceptionResnetV1",
            "pretrainedmodels BNInception",
        )
    },
    **OTHER_NAMES,
}
LIBRARIES = {"facenet-pytorch": "facenet", "pretrainedmodels": "cadene"}
# what the files that come with an implementation have more of, or besides
BACKGROUND = {
    "pretrainedmodels InceptionV4": ("linear",),
    "pretrainedmodels InceptionResNetV2": ("linear",),
}
BESIDES = {
    "facenet-pytorch InceptionResnetV1": ("logits.{weight,bias}",),
    "torchvision googlenet": (
        "aux{1..2}.conv.conv.weight",
        "aux{1..2}.conv.bn.{weight,bias,running_mean,running_var,num_batches_tracked}",
        "aux{1..2}.fc{1..2}.{weight,bias}",
    ),
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
    for spec, slim in SLIMS.items():
        yield FOLDER / f"{spec}_tf_slim.yaml", slim_map(spec, slim)


def library_of(code: str) -> str:
    """Whose implementation it is, as `--from` and `--to` call them."""
    library = code.partition(" ")[0]
    return LIBRARIES.get(library, library)


def map_of(code: str, oracle: Oracle) -> str:
    """The map between a spec and what it is held to."""
    with torch.device("meta"):
        state = oracle.theirs().state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    structure = structure_of(compiled(oracle.spec).sound_network())
    named = Named(oracle.spec, f"{library_of(code)} {code.partition(' ')[2]}", TORCH)
    found = found_map(named, structure, their_leaves(shapes, TORCH)).chart
    background, besides = BACKGROUND.get(code, ()), BESIDES.get(code, ())
    return map_text(found._replace(background=background, ignore=besides))


def slim_map(spec: str, slim: Slim) -> str:
    """The map between a spec and TF-slim's variables."""
    compilation = compiled(spec)
    network = compilation.sound_network()
    with torch.device("meta"):
        ours = build_class(emit(network, compilation.sources, spec))()
    shapes = {name: tuple(tensor.shape) for name, tensor in slim_variables(ours, slim).items()}
    named = Named(spec, f"tf_slim {slim.name}", TF_SLIM)
    theirs = their_leaves(shapes, TF_SLIM)
    found = found_map(named, structure_of(network), theirs, background=True)
    return map_text(found.chart)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
