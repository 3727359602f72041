"""One command in several processes: what is asked for, what they are told, and what their ends mean."""

from __future__ import annotations

import click
import pytest
import torch

from archgen.cli import main
from archgen.cli.launching import Processes, status_of_all, words_again
from archgen.cli.train import train
from archgen.train.agent import Failure


def failed(**statuses: int) -> tuple[Failure, ...]:
    return tuple(Failure(int(rank[1:]), status) for rank, status in statuses.items())


@pytest.mark.parametrize(
    ("failures", "status"),
    [
        (failed(), 0),
        (failed(r0=2, r1=2), 2),
        (failed(r1=143, r0=-15), 143),
        (failed(r1=130, r0=130), 130),
        (failed(r1=129, r0=129), 129),
        (failed(r0=-15, r1=-15), 143),
        (failed(r1=-9, r0=4), None),
        (failed(r0=4, r1=-9), None),
        (failed(r0=3, r1=-15), None),
        (failed(r0=-11, r1=4), None),
    ],
)
def test_a_refusal_ends_the_run_and_a_crash_does_not(
    failures: tuple[Failure, ...], status: int | None
) -> None:
    assert status_of_all(failures) == status


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--gpus", "2", "--processes", "2"], "either --gpus or --processes"),
        (["--gpus", "2", "--device", "cpu"], "leave out --device cpu"),
        (["--processes", "2", "--device", "cuda"], "leave out --device cuda"),
        (["--gpus", "0"], "0 is not in the range"),
    ],
)
def test_what_contradicts_itself_is_refused(
    options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "inception_resnet_mini", *options]) == 2
    assert told in capsys.readouterr().err


def test_processes_start_no_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "0")
    assert main(["train", "inception_resnet_mini", "--processes", "2"]) == 2
    assert "one of several: leave out --processes" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there are GPUs")
def test_gpus_that_are_not_there_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "inception_resnet_mini", "--gpus", "2"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].endswith("`--processes 2` trains on the CPU")


def test_one_process_is_asked_for_by_saying_nothing() -> None:
    assert Processes.requested(None, None, 3, "auto") is None
    assert Processes.requested(None, 2, 3, "auto") == Processes(2, "cpu", 3)


def test_each_process_gets_the_command_as_it_was_typed() -> None:
    typed = ["x.yaml", "--gpus", "2", "--batch", "8", "--deterministic", "--out", "a b"]
    context = click.Context(train, info_name="train")
    train.parse_args(context, typed)
    with context:
        words = words_again(context, ("gpus",), "--device=cuda")
    expected = ["--device=cuda", "--out=a b", "--batch=8", "--deterministic", "--", "x.yaml"]
    assert words == ["train", *expected]
