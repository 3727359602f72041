"""What the README and the language page show is what archgen does."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from archgen.cli import main
from archgen.cli.train import train
from tests.compiling import ROOT, codes

README = (ROOT / "README.md").read_text()
RENDER = (ROOT / "docs" / "render.md").read_text()
LANGUAGE = (ROOT / "docs" / "language.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_spec_of_the_language_page_is_sound() -> None:
    assert codes(blocks(LANGUAGE, "yaml")[0]) == []


def test_the_block_in_the_readme_is_the_one_that_is_shipped() -> None:
    shipped = (ROOT / "specs" / "blocks" / "reduction_a.yaml").read_text()
    shown = blocks(README, "yaml")[0].splitlines()
    lines = [line.strip() for line in shipped.splitlines()]
    assert [line for line in shown if line.strip() not in lines] == []


def test_the_mermaid_of_the_page_of_pictures_is_what_render_writes(tmp_path: Path) -> None:
    made = tmp_path / "made.mmd"
    assert main(["render", str(ROOT / "specs" / "inception_v4.yaml"), "-o", str(made)]) == 0
    assert blocks(RENDER, "mermaid") == [made.read_text()]


def test_every_picture_of_a_page_is_there() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text()):
            assert (page.parent / picture).is_file()


def test_the_class_in_the_readme_is_the_one_that_is_emitted() -> None:
    golden = (ROOT / "tests" / "golden" / "inception_v4.py").read_text()
    assert blocks(README, "python")[0].strip() in golden


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["summary", "specs/inception_v4.yaml"], 0),
        (["check", "--as-printed", "specs/inception_resnet_v2.yaml"], 1),
    ],
    ids=["summary", "as-printed"],
)
def test_the_output_in_the_readme_is_real(
    command: list[str],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    typed = f"$ archgen {' '.join(command)}\n"
    (shown,) = [block for block in blocks(README, "console") if block.startswith(typed)]
    expected = shown.removeprefix(typed).removeprefix("...\n").strip()
    assert main(command) == status
    assert expected in capsys.readouterr().out


def archgen_words(words: list[str]) -> list[str]:
    """What follows `-m archgen train` in the words of a launcher."""
    start = words.index("archgen")
    assert words[start - 1] == "-m"
    assert words[start + 1] == "train"
    return words[start + 2 :]


def launched(page: str) -> list[list[str]]:
    """The commands of `archgen train` in the shell and Kubernetes examples of a page."""
    found = []
    for script in blocks(page, "sh"):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        joined = script.replace("\\\n", " ")
        lines = [shlex.split(line) for line in joined.splitlines() if "torchrun" in line]
        found += [archgen_words(words) for words in lines]
    for document in yaml.safe_load_all(blocks(page, "yaml")[0]):
        if document["kind"] == "Job":
            (container,) = document["spec"]["template"]["spec"]["containers"]
            assert container["command"] == ["torchrun"]
            found.append(archgen_words(container["args"]))
    return found


def test_the_examples_for_many_machines_are_commands() -> None:
    commands = launched((ROOT / "docs" / "distributed.md").read_text())
    assert len(commands) == 3
    for words in commands:
        context = train.make_context("train", words)
        assert context.params["spec"] == "inception_v4"
        assert context.params["out"]


def test_the_kubernetes_example_meets_where_its_first_pod_is() -> None:
    page = (ROOT / "docs" / "distributed.md").read_text()
    service, job = yaml.safe_load_all(blocks(page, "yaml")[0])
    name, pod = job["metadata"]["name"], job["spec"]["template"]["spec"]
    arguments = pod["containers"][0]["args"]
    assert service["metadata"]["name"] == pod["subdomain"]
    assert f"--rdzv-endpoint={name}-0.{pod['subdomain']}:29400" in arguments
    assert f"--nnodes={job['spec']['completions']}" in arguments
    mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
