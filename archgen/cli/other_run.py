"""What is said where a run folder is another run's: what differs, in words, and what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archgen.diagnostics import SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from torch import Tensor

    from archgen.cli.training import Trainable
    from archgen.cli.training_order import Materials, Order
    from archgen.train import RunFolder
    from archgen.train.data import Images
    from archgen.train.identity import Identity

    Tensors: TypeAlias = "Mapping[str, Tensor]"

SHOWN = 3  # tensors by name
LISTED = 8  # settings


def check_same_run(order: Order, run: RunFolder, materials: Materials, wanted: Identity) -> None:
    """Raises `TrainingError` where the folder holds a run that another order began."""
    from archgen.train import TrainingError
    from archgen.train.identity import IMAGES, LENGTH, NETWORK, TEST_IMAGES, differences

    facts = run.facts
    differing = differences(wanted, facts.get("identity", {}))
    if not differing:
        return
    told = []
    for name, words in differing.items():
        told.append(f"  {words if name != NETWORK else _networks(order, run, materials.made)}")
        if name == LENGTH:
            told.append("    by a cosine schedule the rate of every step depends on the length")
        if name in (IMAGES, TEST_IMAGES):
            images = materials.train if name == IMAGES else materials.test
            key = "train images" if name == IMAGES else "test images"
            told += [f"    {line}" for line in _classes(facts.get(key), images)]
    if len(told) > LISTED:
        told[LISTED:] = [f"  and {len(told) - LISTED} more lines"]
    head = f"the run folder `{run.path}` is another run's:"
    if differing.keys() & {IMAGES, TEST_IMAGES}:
        advice = (
            f"put the images in `{order.data}` back as they were, or name the folder where they are "
            f"now by `archgen train --resume {run.path} --data FOLDER`; to train on these images "
            f"begin a run of its own: `archgen train {run.path / 'spec.yaml'} "
            f"--recipe {run.path / 'recipe.yaml'} --data {order.data} --out OTHER`"
        )
    else:
        advice = f"`archgen train --resume {run.path}` alone goes on with it as it began; "
        advice += "for a new run name another folder by --out"
    raise TrainingError("\n".join([head, *told, advice]))


def _classes(known: object, images: Images) -> list[str]:
    """The classes of which there are more or fewer images than the run was begun with."""
    from archgen.train.provenance import images_by_class

    now = images_by_class(images)
    if not isinstance(known, dict) or not known or not now:
        return []
    names = [name for name in dict.fromkeys((*known, *now)) if known.get(name) != now.get(name)]
    if not names:
        return ["each class has as many images as it had: some have other names or pixels"]
    told = [_class(name, known.get(name), now.get(name)) for name in names[:SHOWN]]
    rest = [f"and {len(names) - SHOWN} more classes"] if len(names) > SHOWN else []
    return [*told, *rest]


def _class(name: str, before: object, now: object) -> str:
    if before is None:
        return f"class `{name}` is new"
    if now is None:
        return f"class `{name}` is gone"
    return f"class `{name}` had {before} images and has {now}"


def _networks(order: Order, run: RunFolder, made: Trainable) -> str:
    """The tensors in which the two networks differ, the first ones by name."""
    from archgen.cli.training import make_trainable
    from archgen.spec.files import read_spec

    compare = f"`archgen diff {run.path / 'spec.yaml'} {order.text.source}` shows what differs"
    try:
        before = make_trainable(read_spec(run.path / "spec.yaml"), None, seed=0)
    except SpecError:
        return "its network is another one"
    wanted, found = made.module.state_dict(), before.module.state_dict()
    names = [name for name in dict.fromkeys((*found, *wanted)) if _differ(name, wanted, found)]
    if not names:
        return f"its network has the same tensors and other settings: {compare}"
    told = "; ".join(_tensor(name, wanted, found) for name in names[:SHOWN])
    rest = f"; and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"its network is another one: {told}{rest}; {compare}"


def _differ(name: str, wanted: Tensors, found: Tensors) -> bool:
    want, have = wanted.get(name), found.get(name)
    return want is None or have is None or want.shape != have.shape


def _tensor(name: str, wanted: Tensors, found: Tensors) -> str:
    from archgen.train.state import shape_in_words

    want, have = (shape_in_words(each.get(name)) for each in (wanted, found))
    near = None
    if name not in wanted:
        near = did_you_mean(name, [other for other in wanted if other not in found])
    hint = f", where `{near}` is near" if near else ""
    return f"`{name}` is {have} there and {want} here{hint}"
