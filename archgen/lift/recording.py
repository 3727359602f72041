"""A module's forward as the calls of torch that it made: run once on noise, watched, nothing guessed.

Python runs as it always does, so shapes are numbers, and loops and conditions over them are done when
the record is written. Each call is noted as the module wrote it, `F.relu` and not what that calls in
turn, with the modules around it and its line. A tensor is known by its identity: a call in place makes
the tensor a new value from there on. Where Python looks at the values of a tensor, that is noted too: with
other values the network might do something else.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archgen.lift.dropping import drops_of
from archgen.lift.flat import Scope
from archgen.lift.offline import offline

Extents: TypeAlias = "tuple[int, ...]"


class Made(NamedTuple):
    """A tensor that comes from the input: the input itself is 0."""

    number: int


class Weight(NamedTuple):
    """A parameter or, where it is not learned, a buffer of the module, by its name in the state dict."""

    name: str
    shape: Extents
    is_learned: bool = True


class Constant(NamedTuple):
    """A tensor that comes from neither the input nor the state dict."""

    shape: Extents


class Overwritten(NamedTuple):
    """A tensor whose numbers were changed in place through another that shares them."""

    shape: Extents


class Event(NamedTuple):
    """A call: tensors in `args` and `kwargs` are of the types above, all else as it was.

    `results` are the numbers of what it made. `place` is `file.py:12`, `scopes` the modules around it.
    """

    function: str
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    results: tuple[int, ...]
    scopes: tuple[Scope, ...]
    place: str


@dataclass(frozen=True)
class Recording:
    """What one forward did, in order; `shapes` of the values by number, the batch in front.

    `idle` are modules that passed on what they got, and may do more in training. Of a forward in training,
    `chance` are the calls that drew random numbers, with their lines, and `dropped` the rates of
    dropout with the modules that called it.
    """

    events: tuple[Event, ...]
    shapes: tuple[Extents, ...]
    outputs: tuple[int, ...]
    logits: tuple[Tensor, ...]
    idle: tuple[str, ...]
    chance: tuple[str, ...] = ()
    dropped: tuple[tuple[str, float], ...] = ()


class NotRecorded(Exception):
    """The forward cannot be written down; the message says why and where."""


class ForwardFailed(NotRecorded):
    """The module itself raised an error, on the input that it was given."""


def record(module: nn.Module, images: Tensor, *, training: bool = False) -> Recording:
    """The calls of `module(images)`, in evaluation. Raises NotRecorded.

    In `training`, gradients can be had of its outputs, and nothing is dropped. What the module does with
    its statistics is done.
    """
    recorder = _Recorder(module, training=training)
    with torch.set_grad_enabled(training), offline(), recorder.watching(), recorder:
        try:
            out = module(recorder.begun(images.clone()))
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the user's own code may raise anything
            raise ForwardFailed(_told(error, recorder.path)) from None
    return recorder.recording(out)


def make_lazy_layers(module: nn.Module, images: Tensor) -> None:
    """Runs a module whose layers are made when they first run. Raises NotRecorded."""
    if not any(nn.parameter.is_lazy(tensor) for _, tensor in tensors_of(module)):
        return
    try:
        with torch.no_grad():
            module(images.clone())
    except (Exception, SystemExit) as error:  # noqa: BLE001  # as above
        raise ForwardFailed(_told(error, "")) from None


# what reads numbers out of a tensor, so that Python goes on by them
READING = frozenset(
    "__bool__ __int__ __float__ __complex__ __index__ __contains__ __array__ "
    "item tolist numpy equal allclose is_nonzero nonzero".split()
)
# what draws random numbers, beside dropout
_CHANCE = frozenset(
    "rand randn randint randperm rand_like randn_like randint_like normal uniform bernoulli poisson "
    "multinomial exponential geometric cauchy log_normal random rrelu alpha_dropout feature_dropout "
    "dropout1d dropout2d dropout3d feature_alpha_dropout fractional_max_pool2d gumbel_softmax".split()
)
_TORCH = f"{Path(torch.__file__).parent}{os.sep}"
_OURS = f"{Path(__file__).parents[1]}{os.sep}"


class _Recorder(TorchFunctionMode):
    """Notes every call of torch's functions and methods while it is the mode."""

    def __init__(self, module: nn.Module, *, training: bool = False) -> None:
        super().__init__()
        self._module = module
        self._training = training
        self._drops = {} if training else drops_of(module)
        self._chance: list[str] = []
        self._dropped: list[tuple[str, float]] = []
        self._paths = {id(each): path for path, each in module.named_modules()}
        self._weights = {
            id(tensor): Weight(name, tuple(tensor.shape), isinstance(tensor, nn.Parameter))
            for name, tensor in tensors_of(module)
        }
        self._kept: list[Tensor] = []  # a tensor that was freed would lend its identity to another
        self._shapes: list[Extents] = []
        self._numbers: dict[int, int] = {}
        self._overwritten: set[int] = set()
        self._events: list[Event] = []
        self._around: list[str] = []
        self._idle: list[str] = []
        self._count = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Runs a call of torch, and notes it if a tensor comes of one that is known."""
        name = _name(func)
        noted = tuple(self._stand_in(value) for value in args)
        noted_kwargs = {key: self._stand_in(value) for key, value in (kwargs or {}).items()}
        is_known = any(
            isinstance(part, Made | Weight | Overwritten)
            for part in _parts((*noted, *noted_kwargs.values()))
        )
        if self._training and name == "dropout":
            return self._kept_all(*args, **(kwargs or {}))
        if name in _CHANCE:
            place = _place()
            self._chance.append(f"`{name}` ({place})" if place else f"`{name}`")
        result = func(*args, **(kwargs or {}))
        is_told = name in (*READING, "setitem", "set") or any(True for _ in _tensors(result))
        if is_known and is_told:
            self._note(name, noted, noted_kwargs, result)
        return result

    def _kept_all(
        self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        """Dropout with a rate of 0; the rate that it has is kept."""
        if training and p:
            self._dropped.append((self.path, float(p)))
        return input

    def _note(
        self, name: str, args: tuple[object, ...], kwargs: Mapping[str, object], result: object
    ) -> None:
        if name == "batch_norm":
            args, kwargs = self._with_momentum(args, kwargs)
        results = tuple(self._new(tensor) for tensor in _tensors(result))
        self._events.append(Event(name, args, kwargs, results, self._scopes(), _place()))

    def _with_momentum(
        self, args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> tuple[tuple[object, ...], Mapping[str, object]]:
        """A norm's arguments with the momentum of its module: in evaluation torch gives 0 for None."""
        mean = args[1] if len(args) > 1 else kwargs.get("running_mean")
        if isinstance(mean, Weight):
            owner = self._module.get_submodule(mean.name.rpartition(".")[0])
            if getattr(owner, "momentum", 0.0) is None:
                return (
                    ((*args[:6], None, *args[7:]), kwargs)
                    if len(args) > 6
                    else (args, {**kwargs, "momentum": None})
                )
        return args, kwargs

    def _new(self, tensor: Tensor) -> int:
        number = len(self._shapes)
        if id(tensor) in self._numbers:
            self._overwrite(tensor)
        self._kept.append(tensor)
        self._numbers[id(tensor)] = number
        self._shapes.append(tuple(tensor.shape))
        return number

    def _overwrite(self, tensor: Tensor) -> None:
        """Remembers which other tensors lose their numbers with those of one that is changed in place."""
        place = tensor.untyped_storage().data_ptr()
        for other in self._kept:
            if other is not tensor and place and other.untyped_storage().data_ptr() == place:
                self._overwritten.add(self._numbers[id(other)])

    def _stand_in(self, value: object) -> object:
        """A tensor as what is known of it, also inside lists, tuples and dicts."""
        if isinstance(value, Tensor):
            return self._known(value)
        if type(value) in (list, tuple):
            return tuple(self._stand_in(part) for part in value)  # type: ignore[attr-defined]  # seen in the line above
        if isinstance(value, torch.Size):
            return tuple(value)
        return value

    def _known(self, tensor: Tensor) -> object:
        number = self._numbers.get(id(tensor))
        if number is not None:
            is_lost = number in self._overwritten
            return Overwritten(tuple(tensor.shape)) if is_lost else Made(number)
        return self._weights.get(id(tensor), Constant(tuple(tensor.shape)))

    @property
    def path(self) -> str:
        """The innermost module that is running."""
        return self._around[-1] if self._around else ""

    def begun(self, images: Tensor) -> Tensor:
        """The images, known as the input."""
        self._new(images)
        return images

    # --- modules --------------------------------------------------------------------------------

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Follows which modules are running."""
        hooks = [
            hook
            for each in self._module.modules()
            for hook in (
                each.register_forward_pre_hook(self._enter),
                each.register_forward_hook(self._leave),
            )
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _enter(self, module: nn.Module, _args: object) -> None:
        self._around.append(self._paths[id(module)])
        self._count = len(self._events)

    def _leave(self, module: nn.Module, args: tuple[object, ...], result: object) -> None:
        if self._count == len(self._events) and args and result is args[0]:
            self._passed_on(module, result)
        self._around.pop()

    def _passed_on(self, module: nn.Module, value: object) -> None:
        """A module that did nothing: what drops values in training is a step all the same."""
        drop = self._drops.get(id(module))
        if drop is not None and isinstance(value, Tensor) and id(value) in self._numbers:
            if drop.rate:
                self._note(drop.op, (self._known(value), drop.rate), {}, value)
        elif not isinstance(module, nn.Identity | nn.Sequential | nn.Dropout) and not any(
            True for _ in module.children()
        ):
            self._idle.append(self.path)

    def _scopes(self) -> tuple[Scope, ...]:
        """The modules that own the innermost one, from the outermost below the network."""
        scopes, module = [], self._module
        for name in self.path.split(".") if self.path else ():
            module = module.get_submodule(name)
            scopes.append(Scope(name, type(module).__name__))
        return tuple(scopes)

    # --- the end --------------------------------------------------------------------------------

    def recording(self, out: object) -> Recording:
        """All that was noted, and which values came out. Raises NotRecorded."""
        logits = tuple(_tensors(out))
        if not logits:
            raise NotRecorded(f"`forward` gives no tensor but `{type(out).__name__}`")
        outputs = [self._known(tensor) for tensor in logits]
        if not all(isinstance(each, Made) for each in outputs):
            raise NotRecorded("`forward` gives a tensor that does not come from its input")
        return Recording(
            tuple(self._events),
            tuple(self._shapes),
            tuple(each.number for each in outputs if isinstance(each, Made)),
            logits,
            tuple(dict.fromkeys(self._idle)),
            tuple(dict.fromkeys(self._chance)),
            tuple(self._dropped),
        )


def _told(error: BaseException, path: str) -> str:
    """What the module raised, in one line, and where."""
    line = next(filter(None, (line.strip() for line in str(error).splitlines())), "")
    what = f"{type(error).__name__}: {line[:200]}" if line else type(error).__name__
    return f"`{path or 'forward'}` raises {what}"


def tensors_of(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by name."""
    yield from module.named_parameters()
    yield from module.named_buffers()


def starts_of(module: nn.Module) -> dict[str, float]:
    """Parameters that are one number all over, such as factors before training, each with it."""
    return dict(_starts(module))


def _starts(module: nn.Module) -> Iterator[tuple[str, float]]:
    for name, tensor in module.named_parameters():
        if tensor.numel() and tensor.numel() == max(tensor.shape, default=1):
            first = tensor.flatten()[0]
            if bool((tensor == first).all()):
                yield name, float(f"{first.item():.7g}")


def _name(func: Callable[..., Any]) -> str:
    """`relu` for `F.relu`, `torch.relu_`, `Tensor.relu` and the like; an attribute by its own name."""
    name = getattr(func, "__name__", "?")
    if name == "__get__":
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    return name if name in READING else name.strip("_")


def _tensors(value: object) -> Iterator[Tensor]:
    """The tensors in what a call gives back."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def _parts(values: Sequence[object]) -> Iterator[object]:
    for value in values:
        if type(value) is tuple:
            yield from _parts(value)
        else:
            yield value


def _place() -> str:
    """`file.py:12`: the line of the innermost code that is not torch's; none where only torch's runs."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith((_TORCH, __file__)):
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith(_OURS):
        return ""
    return f"{_short(Path(frame.f_code.co_filename))}:{frame.f_lineno}"


def _short(path: Path) -> Path:
    """A path as people know it: below the folder of packages, or below the current one."""
    parts = path.parts
    if "site-packages" in parts:
        return Path(*parts[parts.index("site-packages") + 1 :])
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
