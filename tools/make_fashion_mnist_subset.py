#!/usr/bin/env python3
"""Makes archgen's embedded data set: a class-balanced subset of Fashion-MNIST.

    make_fashion_mnist_subset.py                # writes archgen/train/datasets/fashion_mnist/
    make_fashion_mnist_subset.py --check        # says whether it would make what is there
    make_fashion_mnist_subset.py --source DIR   # the four original .gz files lie in DIR

The originals come with Debian's package `dataset-fashion-mnist`, or from Zalando's repository.
Training images are drawn from the training split only and test images from the test split only.
The same seed gives the same rows and the same unpacked bytes; the packed bytes, and with them the
manifest's `sha256`, are the same for the same version of zlib.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archgen.train.data import Split, idx
from archgen.train.data.fashion_mnist import INDICES, MANIFEST, Manifest
from archgen.train.keyed import order

SEED = 1602_07261
PER_CLASS: dict[Split, int] = {"train": 800, "test": 200}
CLASSES = (
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
TARGET = Path(__file__).parents[1] / "archgen" / "train" / "datasets" / "fashion_mnist"


def main() -> int:
    """Writes or checks the subset; exit code 1 says that the check failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", type=Path, default=DEBIAN, help="folder of the originals")
    parser.add_argument("--target", type=Path, default=TARGET, help="folder of the subset")
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    arguments = parser.parse_args()
    made = make_subset(arguments.source)
    if arguments.check:
        return check(made, arguments.target)
    for name, content in made.items():
        (arguments.target / name).write_bytes(content)
        print(f"{arguments.target / name}: {len(content)} bytes")
    return 0


def make_subset(source: Path) -> dict[str, bytes]:
    """File name -> content of the whole subset, manifest included."""
    packed: dict[str, bytes] = {}
    indices: dict[Split, list[int]] = {}
    for split, per_class in PER_CLASS.items():
        originals = [
            idx.decode((source / file).read_bytes(), file, ndim)
            for file, ndim in zip(idx.FILES[split], (3, 1), strict=True)
        ]
        rows = balanced_rows(originals[1], per_class)
        indices[split] = rows.tolist()
        for file, values in zip(idx.FILES[split], originals, strict=True):
            packed[file] = idx.encode(values[rows])
    packed[INDICES] = json.dumps(indices).encode() + b"\n"
    manifest = describe(source, packed)
    return {**packed, MANIFEST: manifest.model_dump_json(indent=2).encode() + b"\n"}


def balanced_rows(labels: idx.Pixels, per_class: int) -> NDArray[np.int64]:
    """The first `per_class` rows of each class in the seed's order, sorted."""
    shuffled = order(SEED, 0, len(labels))
    rows = [shuffled[labels[shuffled] == label][:per_class] for label in range(len(CLASSES))]
    return np.sort(np.concatenate(rows))


def describe(source: Path, packed: dict[str, bytes]) -> Manifest:
    """The manifest of the packed files."""
    archives = [name for files in idx.FILES.values() for name in files]
    return Manifest(
        title="Fashion-MNIST, a class-balanced subset",
        source="https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT; see LICENSE",
        made_by="tools/make_fashion_mnist_subset.py",
        seed=SEED,
        classes=CLASSES,
        per_class=PER_CLASS,
        source_sha256={name: sha256((source / name).read_bytes()) for name in archives},
        sha256={name: sha256(content) for name, content in packed.items()},
        unpacked_sha256={name: sha256(unpacked(packed[name])) for name in archives},
    )


def check(made: dict[str, bytes], target: Path) -> int:
    """Prints each file of `target` whose unpacked content is not what was made."""
    contents = [name for name in made if name != MANIFEST]
    stale = [name for name in contents if unpacked(made[name]) != unpacked(read(target / name))]
    for name in stale:
        print(f"{target / name} differs", file=sys.stderr)
    return 1 if stale else 0


def read(path: Path) -> bytes:
    """The file's content, empty where there is none."""
    return path.read_bytes() if path.is_file() else b""


def unpacked(content: bytes) -> bytes:
    """The content of a gzip file, and any other content as it is."""
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def sha256(content: bytes) -> str:
    """The digest as hexadecimal text."""
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
