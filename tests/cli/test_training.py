"""`archgen train` and `archgen eval` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from archgen.cli import main
from tests.compiling import SPECS

MINI = str(SPECS / "inception_resnet_mini.yaml")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps."""
    folder = tmp_path_factory.mktemp("runs") / "mini"
    assert main(["train", MINI, "--max-steps", "2", "--seed", "3", "--out", str(folder)]) == 0
    return folder


def test_a_run_holds_spec_recipe_metrics_and_weights(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    files = {"spec.yaml", "recipe.yaml", "preparation.yaml", "run.json", "metrics.jsonl", "lock"}
    assert names == {*files, "model.safetensors", "checkpoints"}
    assert json.loads((run / "run.json").read_text())["status"] == "finished"


def test_the_spec_and_recipe_of_a_run_are_sound(run: Path) -> None:
    files = [str(run / name) for name in ("spec.yaml", "recipe.yaml", "preparation.yaml")]
    assert main(["check", *files]) == 0


def test_a_run_can_be_repeated_from_its_own_files(run: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    arguments = [str(run / "spec.yaml"), "--recipe", str(run / "recipe.yaml"), "--out", str(again)]
    assert main(["train", *arguments]) == 0
    weights = "model.safetensors"
    assert _tensors(again / weights) == _tensors(run / weights)


def _same_file(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def _tensors(path: Path) -> bytes:
    """The weights without the header, whose metadata names the spec's hash."""
    data = path.read_bytes()
    return data[8 + int.from_bytes(data[:8], "little") :]


def test_what_the_line_says_of_algorithms_is_in_the_recipe_of_the_run(tmp_path: Path) -> None:
    arguments = ["--deterministic", "--data", "synthetic", "--max-steps", "1", "--batch", "8"]
    recipe = ["--recipe", "recipes/inception_rmsprop"]
    assert main(["train", MINI, *recipe, *arguments, "--out", str(tmp_path / "run")]) == 0
    written = (tmp_path / "run" / "recipe.yaml").read_text()
    assert "deterministic: true" in written
    assert "lr_for_batch: 640" in written
    (first, *_) = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    assert first["learning_rate"] == pytest.approx(0.045 * 8 / 640)


def test_eval_measures_every_test_image(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(run), "--format", "json"]) == 0
    result = json.loads(capsys.readouterr().out)
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert result["count"] == 2000
    assert result["top1"] == pytest.approx(last["top1"])


def test_eval_takes_a_spec_with_weights(run: Path) -> None:
    weights = str(run / "model.safetensors")
    assert main(["eval", MINI, "--weights", weights, "--data", "fashion_mnist"]) == 0


def test_weights_of_another_network_are_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = str(run / "model.safetensors")
    status = main(["eval", "resnet_152", "--weights", weights, "--data", "synthetic"])
    assert status == 2
    assert "another network's" in capsys.readouterr().err


def test_an_occupied_run_folder_is_left_alone(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "model.safetensors").read_bytes()
    assert main(["train", MINI, "--max-steps", "1", "--out", str(run)]) == 2
    advice = "alone goes on with it as it began; for a new run name another folder by --out"
    assert capsys.readouterr().err.splitlines() == [
        f"Error: the run folder `{run}` is another run's:",
        "  `seed` is 3 there and 0 here",
        "  `length` is 2 steps there and 1 step here",
        "    by a cosine schedule the rate of every step depends on the length",
        f"`archgen train --resume {run}` {advice}",
    ]
    assert (run / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no_such_spec"], "no_such_spec"),
        ([MINI, "--data", "fashion_mnits"], "did you mean `fashion_mnist`?"),
        ([MINI, "--epochs", "1", "--max-steps", "1"], "not both"),
        ([MINI, "--recipe", "no_such.yaml"], "no_such.yaml"),
        ([str(SPECS / "blocks" / "stems.yaml")], "AG111"),
    ],
)
def test_what_cannot_be_trained_is_said_in_words(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["train", *arguments, "--out", str(tmp_path / "run")])
    err = capsys.readouterr().err
    assert status in (1, 2)
    assert words in err
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()


def test_inception_v4_takes_one_step_at_full_size(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name, colour in (("dark", (20, 20, 20)), ("light", (230, 230, 230))):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            Image.new("RGB", (320, 310), colour).save(folder / "one.jpg")
    run = tmp_path / "run"
    arguments = ["--data", str(tmp_path / "images"), "--max-steps", "1", "--batch", "2"]
    assert main(["train", "inception_v4", *arguments, "--out", str(run)]) == 0
    assert (run / "model.safetensors").stat().st_size > 4 * 40_000_000


def test_a_run_is_resumed_by_its_name_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    made = [MINI, "--data", "synthetic", "--max-steps", "6", "--batch", "8"]
    assert main(["train", *made, "--out", str(whole)]) == 0
    assert main(["train", *made, "--checkpoint-every", "2", "--out", str(run)]) == 0
    _go_back(run, step=6)
    capsys.readouterr()
    assert main(["train", "--resume", str(run)]) == 0
    assert "going on after step 4" in capsys.readouterr().err
    assert _same_file(run / "model.safetensors", whole / "model.safetensors")
    _go_back(run, step=6)
    _remove_checkpoint(run, step=4)
    assert main(["train", *made, "--out", str(run)]) == 0  # the same command again
    assert _same_file(run / "model.safetensors", whole / "model.safetensors")


def _remove_checkpoint(run: Path, step: int) -> None:
    """Removes the whole checkpoint: one without its manifest alone is recovered."""
    for path in (run / "checkpoints").glob(f"step-{step}[.-]*"):
        path.unlink()


def _go_back(run: Path, step: int) -> None:
    """Makes a finished run one that was killed before its last checkpoint."""
    _remove_checkpoint(run, step)
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "status": "running"}))


def test_a_finished_run_is_told_to_be(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", str(run)]) == 0
    assert "is finished; `archgen eval" in capsys.readouterr().out


def test_a_run_whose_spec_was_changed_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    arguments = [MINI, "--data", "synthetic", "--max-steps", "1", "--batch", "8"]
    assert main(["train", *arguments, "--out", str(run)]) == 0
    spec = run / "spec.yaml"
    spec.write_text(spec.read_text() + "\n")
    assert main(["train", "--resume", str(run)]) == 2
    assert "it was changed since the run began" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a SPEC to train, or a run to go on with"),
        (["--resume", "nowhere"], "`nowhere` holds no run"),
        (["--resume", "x", "--batch", "3"], "leave out --batch with --resume"),
        (["--resume", "{run}", "--data", "fashion_mnist"], ""),
        (
            ["--resume", "{run}", "--data", "synthetic"],
            "  `training images` are 8000 images there and 512 images here",
        ),
        (["squeezenet", "--resume", "{run}"], "  its network is another one: `"),
        (["{run}/run.json", "--resume", "{run}/run.json"], "is a file, and a run is a folder"),
    ],
)
def test_what_cannot_be_resumed_is_said_in_words(
    run: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["train", *(word.replace("{run}", str(run)) for word in arguments)])
    assert status == (2 if words else 0)
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "eval"])
def test_a_device_that_is_not_there_is_one_line(
    command: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"train": [MINI, "--out", str(tmp_path / "new")], "eval": [str(run)]}[command]
    assert main([command, *given, "--device", "gpu"]) == 2
    told = capsys.readouterr()
    assert told.err == "Error: `gpu` is no device; name auto, cpu, cuda, cuda:N or mps\n"
    assert not told.out
    assert not (tmp_path / "new").exists()


def test_a_run_names_the_device_it_was_trained_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = ["--max-steps", "1", "--out", str(folder), "--device", "cpu"]
    assert main(["train", MINI, *arguments]) == 0
    assert json.loads((folder / "run.json").read_text())["device"] == "cpu"


@pytest.mark.parametrize("last", ["softmax", "sigmoid", "relu"])
def test_an_activation_before_the_loss_is_told_when_training_begins(
    last: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "archgen: 1\nname: net\ninput: {channels: 3, grid: 32}\n"
        "params: {num_classes: {type: int, default: 10}}\nnetwork:\n  - global_avg_pool\n"
        f"  - linear: {{features: num_classes}}\n  - act: {last}\n"
    )
    made = [str(spec), "--data", "synthetic", "--max-steps", "1", "--batch", "4"]
    assert main(["train", *made, "--out", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().err
    assert f"net.yaml:8:5: the network ends on `{last}`" in told
    assert "warning[AG314]" in told
