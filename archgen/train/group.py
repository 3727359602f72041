"""Several processes as one `World`, over PyTorch's collective operations: NCCL on GPUs, else gloo.

Processes say things to each other as JSON and as tensors, never as pickled objects.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from archgen.train.errors import DataError, Diverged, Interrupted, PeerLost, TrainingError
from archgen.train.world import Share, State, World

PATIENCE = timedelta(minutes=10)  # for a process that is alive; a dead one is noticed at once

Result = TypeVar("Result")
_SHARED: dict[str, type[TrainingError]] = {
    kind.__name__: kind for kind in (TrainingError, DataError, Diverged)
}


class Group(World):
    """This process as one of several; `joined` makes it."""

    def __init__(self, share: Share) -> None:
        self.share = share
        self._known: Exception | None = None

    def together(self, action: Callable[[], Result]) -> Result:
        """What `action` gives here, once it has succeeded everywhere; what one raised, all raise."""
        try:
            result = action()
        except PeerLost:
            raise
        except (TrainingError, Interrupted, OSError) as error:
            if error is not self._known:
                self._exchange({"raised": _as_data(error)}, error)
            raise
        self._exchange(None)
        return result

    def pooled(self, own: Sequence[str]) -> list[str]:
        """What every process has to say, in the order of the processes."""
        said = self._exchange({"says": list(own)} if own else None)
        return [text for each in said if each is not None for text in each["says"]]

    def is_any(self, *, one: bool) -> bool:
        """Whether it is so in one of the processes."""
        return _largest(int(one)) > 0

    def sum(self, values: Tensor) -> Tensor:
        """The sums of `values` over the processes, in place; on a GPU nothing waits for them."""
        dist.all_reduce(values)
        return values

    def follow_first(self, tensors: Iterable[Tensor]) -> None:
        """Copies the tensors of the first process into those of the others, a message for a type."""
        by_type: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            by_type.setdefault(tensor.dtype, []).append(tensor)
        for same in by_type.values():
            joint = torch.cat([tensor.detach().reshape(-1) for tensor in same])
            dist.broadcast(joint, src=0)
            if not self.is_first:
                parts = joint.split([tensor.numel() for tensor in same])
                with torch.no_grad():
                    for tensor, part in zip(same, parts, strict=True):
                        tensor.copy_(part.view_as(tensor))

    def take_from_first(self, state: State) -> None:
        """Gives the other processes the state of the first."""
        content = _broadcast(_as_bytes(state.state_dict()) if self.is_first else b"")
        if not self.is_first:
            file = io.BytesIO(content)
            state.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))

    def parallel(self, model: nn.Module) -> nn.Module:
        """`model`, called so that its gradients become the means over the processes.

        The statistics of batch norms are not exchanged here; the learner does that.
        """
        return DistributedDataParallel(
            model, forward_sync_buffers=False, gradient_as_bucket_view=True
        )

    def apart(self, model: nn.Module) -> AbstractContextManager[None]:
        """Inside, what `parallel` gave leaves the gradients as they are in each process."""
        assert isinstance(model, DistributedDataParallel)
        return model.no_sync()

    def _exchange(
        self, own: dict[str, Any] | None, met: Exception | None = None
    ) -> list[dict[str, Any] | None]:
        """What the processes say, by rank; that none does costs one small message.

        Raises what the first that failed has raised, also where this process asks something else;
        `met` is what this one has raised.
        """
        text = b"" if own is None else json.dumps(own).encode()
        longest = _largest(len(text))
        if not longest:
            return []
        mine = torch.tensor([*text.ljust(longest)], dtype=torch.uint8)
        texts = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(texts, mine)
        said = [json.loads(words) if (words := _text(each)) else None for each in texts]
        for rank, each in enumerate(said):
            if each is not None and "raised" in each:
                ours = met if rank == self.share.rank else None
                known = self._known = ours or _as_error(each["raised"])
                raise known
        return said


@contextmanager
def joined(share: Share, device: torch.device, *, init_method: str = "env://") -> Iterator[Group]:
    """This process as one of a group that has come together; inside, it must not go on alone.

    Raises `PeerLost` where the others do not come, and where one of them is gone.
    """
    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    with _noticing_loss():
        dist.init_process_group(
            backend, init_method, timeout=PATIENCE, rank=share.rank, world_size=share.size
        )
        yield Group(share)
    dist.destroy_process_group()


@contextmanager
def _noticing_loss() -> Iterator[None]:
    """Turns what PyTorch says when another process is gone into `PeerLost`."""
    try:
        yield
    except RuntimeError as error:
        if not _is_loss(error):
            raise
        raise PeerLost(
            f"another process of this run is gone or does not answer ({_in_short(error)}); "
            "what it said last, if anything, is why"
        ) from error


def _is_loss(error: RuntimeError) -> bool:
    return isinstance(error, dist.DistError) or "gloo" in str(error) or "NCCL" in str(error)


def _in_short(error: RuntimeError) -> str:
    """The first sentence, without the place in gloo's source and the address."""
    first = re.sub(r"\[[^]]*\](:\d+)?", "", str(error).strip().partition("\n")[0])
    return " ".join(first.partition(". ")[0].split()).rstrip(" .").lower()


def _largest(number: int) -> int:
    count = torch.tensor(number)
    dist.all_reduce(count, op=dist.ReduceOp.MAX)
    return int(count)


def _broadcast(content: bytes) -> bytes:
    """The bytes of the first process."""
    size = _largest(len(content))
    data = torch.empty(size, dtype=torch.uint8)
    if content:
        data.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
    dist.broadcast(data, src=0)
    return data.numpy().tobytes()


def _as_bytes(content: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _text(data: Tensor) -> str:
    return bytes(data.tolist()).decode().rstrip()


def _as_data(error: Exception) -> dict[str, Any]:
    if isinstance(error, Interrupted):
        return {"signal": error.signal}
    return {"kind": type(error).__name__, "message": str(error)}


def _as_error(data: dict[str, Any]) -> TrainingError | Interrupted:
    if "signal" in data:
        return Interrupted(data["signal"])
    return _SHARED.get(data["kind"], TrainingError)(data["message"])
