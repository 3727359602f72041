"""The module that a command line names: a class of a file, or a network of timm or torchvision.

A file's own code runs here, with all that it imports, as `python module.py` would run it. Nothing is
downloaded: networks of libraries come with random weights, backbones too, their names are looked up in
the library's list before they are asked for, and while a module is made there is no network.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import nn

from archgen.diagnostics import did_you_mean
from archgen.lift.offline import HELP, offline

LIBRARIES = ("timm", "torchvision")
DEFAULT_GRID = 224


class Original(NamedTuple):
    """A module in evaluation, with random weights; what it is called, and the input it is made for."""

    module: nn.Module
    name: str
    source: str
    channels: int
    grid: tuple[int, int]


class NoModule(Exception):
    """There is no module to be had under the name; the message says why and what to type."""


def original(target: str, arguments: Sequence[str] = ()) -> Original:
    """The module that `file.py:Class`, `timm:NAME` or `torchvision:NAME` means. Raises NoModule.

    `arguments` are `key=value` for its constructor, the values plain numbers, words, or tuples.
    """
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name:
        raise NoModule(f"`{target}` is none of module.py:Class, timm:NAME and torchvision:NAME")
    given = dict(map(_argument, arguments))
    torch.manual_seed(0)
    make = _of_library if place in LIBRARIES else _of_file
    with (
        contextlib.redirect_stdout(sys.stderr),
        warnings.catch_warnings(action="ignore"),
        offline() as asked,
    ):
        try:
            found = make(place, name, given)
        except NoModule:
            if asked:
                raise NoModule(_download(target, asked[0])) from None
            raise
    module = found.module.eval().float()
    if not any(True for _ in module.parameters()) and not any(True for _ in module.children()):
        raise NoModule(f"`{name}` is an empty module: it has no layers and no weights")
    return found._replace(module=module, source=_portable(place, name))


def _download(target: str, host: str) -> str:
    return f"`{target}` asks for a download from {host}, and an import downloads nothing: {HELP}"


def _portable(place: str, name: str) -> str:
    """The target without the folders of this machine: below the current one, or the file alone."""
    path = Path(place)
    if not path.is_absolute():
        return f"{place}:{name}"
    here = Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path.name}:{name}"


_WORDS = {"true": True, "false": False, "none": None, "null": None}


def _argument(text: str) -> tuple[str, object]:
    """`width=8` as a name and a value. Raises NoModule."""
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise NoModule(f"`{text}` is no argument: write key=value, as in width=64")
    if value.lower() in _WORDS:
        return key, _WORDS[value.lower()]
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return key, value


# ------------------------------------------------------------------------------------------ libraries


def _of_library(library: str, name: str, given: Mapping[str, object]) -> Original:
    try:
        found = importlib.import_module(library)
    except ImportError as error:
        message = (
            f"{library} cannot be imported ({error})"
            if importlib.util.find_spec(library)
            else f"{library} is not installed"
        )
        raise NoModule(f"{message}: install it with `pip install {library}`") from None
    make = _of_timm if library == "timm" else _of_torchvision
    for key in ("pretrained", "weights"):
        if key in given:
            raise NoModule(
                f"`{key}` cannot be set: networks of {library} come with random weights; "
                "`archgen weights import` takes trained ones from a file"
            )
    try:
        return make(found, name, given)
    except (TypeError, ValueError, RuntimeError, AssertionError, LookupError, OSError) as error:
        shown = ", ".join(f"{key}={value}" for key, value in given.items())
        raise NoModule(
            f"{library} cannot make `{name}` with {shown or 'its defaults'}: {_line(error)}"
        ) from None


def _of_timm(timm: ModuleType, name: str, given: Mapping[str, object]) -> Original:
    """A network of timm; a name that would be looked for elsewhere than in its list is refused."""
    _demand_listed("timm", name, name.partition(".")[0], timm.list_models())
    module = timm.create_model(name, pretrained=False, **given)
    channels, height, width = module.default_cfg["input_size"]
    chosen = given.get("in_chans", channels)
    return Original(
        module,
        name,
        "",
        chosen if isinstance(chosen, int) else channels,
        (height, width),
    )


def _of_torchvision(torchvision: ModuleType, name: str, given: Mapping[str, object]) -> Original:
    """A network of torchvision, made for the images that its weights are for."""
    models = torchvision.models
    _demand_listed("torchvision", name, name, models.list_models())
    takes = inspect.signature(models.get_model_builder(name)).parameters
    without = {"weights_backbone": None} if "weights_backbone" in takes else {}
    module = models.get_model(name, weights=None, **{**without, **given})
    side = DEFAULT_GRID
    with contextlib.suppress(AttributeError, IndexError, TypeError, ValueError):
        side = models.get_model_weights(name).DEFAULT.transforms().crop_size[0]
    return Original(module, name, "", 3, (side, side))


def _demand_listed(library: str, name: str, listed: str, names: Sequence[str]) -> None:
    if listed in names:
        return
    alike = [other for other in names if other[:3] == name[:3]]  # a library has over a thousand
    near = did_you_mean(name, alike)
    hint = f"; did you mean `{near}`?" if near else ""
    raise NoModule(f"{library} has no network `{name}`{hint}")


# ---------------------------------------------------------------------------------- the user's own file


def _of_file(place: str, name: str, given: Mapping[str, object]) -> Original:
    path = Path(place)
    if path.suffix != ".py":
        raise NoModule(
            f"`{place}` is neither a file of Python nor one of {' and '.join(LIBRARIES)}: "
            "write module.py:Class, timm:NAME or torchvision:NAME"
        )
    if not path.is_file():
        raise NoModule(f"there is no file `{place}`{_near_file(path)}")
    with _running(path, f"`{place}` cannot be imported"):
        loaded = _loaded(path)
    found = getattr(loaded, name, None)
    if found is None:
        raise NoModule(f"`{place}` has no class `{name}`{_near_class(name, loaded)}")
    if isinstance(found, nn.Module):
        module: object = found
    elif callable(found):
        _demand_arguments(name, found, given)
        with _running(path, f"`{name}` cannot be made"):
            module = found(**given)
    else:
        module = found
    if not isinstance(module, nn.Module):
        raise NoModule(f"`{name}` is no nn.Module but `{type(module).__name__}`")
    return Original(module, name, "", _channels(module), (DEFAULT_GRID,) * 2)


def _near_file(path: Path) -> str:
    try:
        near = did_you_mean(path.name, [other.name for other in path.parent.glob("*.py")])
    except OSError:
        return ""
    return f"; did you mean `{path.with_name(near)}`?" if near else ""


def _near_class(name: str, loaded: ModuleType) -> str:
    names = [
        key
        for key, value in vars(loaded).items()
        if isinstance(value, type)
        and issubclass(value, nn.Module)
        and value.__module__ == loaded.__name__
    ]
    near = did_you_mean(name, names)
    if near:
        return f"; did you mean `{near}`?"
    return f"; it has {', '.join(names[:8])}" if names else ", nor any other nn.Module"


def _channels(module: nn.Module) -> int:
    """The channels that the first convolution takes; those of an image where there is none."""
    convolutions = (each for each in module.modules() if isinstance(each, nn.Conv2d))
    first = next(convolutions, None)
    return 3 if first is None else first.in_channels


def _demand_arguments(name: str, make: Callable[..., Any], given: Mapping[str, object]) -> None:
    """Raises NoModule where the constructor wants more than was given, or does not know it."""
    try:
        known = inspect.signature(make).parameters
    except (TypeError, ValueError):
        return
    named = {
        key: each
        for key, each in known.items()
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    }
    is_open = any(each.kind is each.VAR_KEYWORD for each in known.values())
    for key in given if not is_open else ():
        if key not in named:
            takes = f"it takes {', '.join(named)}" if named else "it takes none"
            raise NoModule(f"`{name}` has no argument `{key}`: {takes}")
    wanted = [key for key, each in named.items() if each.default is each.empty and key not in given]
    if wanted:
        sets = " ".join(f"--set {key}=..." for key in wanted)
        raise NoModule(f"`{name}` needs {', '.join(f'`{key}`' for key in wanted)}: give {sets}")


def _loaded(path: Path) -> ModuleType:
    """The file as a module; one of a package by its full name, so that its own imports work.

    Its folder is searched last, so nothing there takes the place of what is installed.
    """
    full = path.resolve()
    root, names = full.parent, [full.stem]
    while (root / "__init__.py").is_file():
        names.insert(0, root.name)
        root = root.parent
    sys.path.append(str(root))
    if len(names) > 1:
        return importlib.import_module(".".join(names))
    name = f"archgen_lifted_{full.stem}"
    spec = importlib.util.spec_from_file_location(name, full)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _running(path: Path, what: str) -> Iterator[None]:
    """Tells in one line what the user's code raises, with the line of their file."""
    try:
        yield
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the code is the user's own, and may raise anything
        raise NoModule(f"{what}: {_where(error, path)}{_line(error)}") from None


def _where(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: "
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename) == path.resolve()]
    return f"{path}:{own[-1].lineno}: " if own else ""


def _line(error: BaseException) -> str:
    """An error in one line."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    first = next(filter(None, (line.strip() for line in text.splitlines())), "")
    return f"{type(error).__name__}: {first[:200]}" if first else type(error).__name__
