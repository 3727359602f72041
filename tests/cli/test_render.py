"""`archgen render`: what it writes, and what it says where it cannot."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from archgen.cli import main
from archgen.render import engine
from archgen.render.engine import CannotDraw, laid_out

ROOT = Path(__file__).parents[2]
SMALL_FILES = """\
import resource, sys
from archgen.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
sys.exit(main())
"""


def _fake_dot(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dot = folder / "dot"
    dot.write_text(f"#!/bin/sh\n{script}\n")
    dot.chmod(dot.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_block_is_written_as_dot_without_any_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    out = tmp_path / "a.dot"
    assert main(["render", "inception_v4", "--block", "figure_3", "-o", str(out)]) == 0
    assert "3x3 Conv\\n(32 stride 2 V)" in out.read_text()


def test_without_an_engine_one_line_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engine, "find_spec", lambda _: None)
    assert main(["render", "inception_v4", "-o", str(tmp_path / "a.svg")]) == 2
    assert "pip install 'archgen[render]'" in capsys.readouterr().err
    assert not (tmp_path / "a.svg").exists()


def test_the_engine_on_the_path_is_given_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_dot(tmp_path, 'echo "<svg>$1"; cat; echo "</svg>"', monkeypatch)
    out = tmp_path / "a.svg"
    assert main(["render", "inception_v4", "-o", str(out)]) == 0
    assert out.read_text().startswith("<svg>-Tsvg\ndigraph inception_v4 {")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo hello", "wrote is no whole {} file; it begins with `hello`"),
        ("echo '<svg><g>'", "wrote is no whole {} file"),
        ("echo '<?xml?></svg>'", "wrote is no whole {} file"),
        ("printf '%%PDF-1.5 and no end'", "wrote is no whole {} file"),
        ("printf '\\211PNG\\r\\n\\032\\n and no end'", "wrote is no whole {} file"),
        ("exit 0", "dot` wrote no {}: it said nothing"),
        ("echo no plugin >&2", "dot` wrote no {}: no plugin"),
        ("exit 7", "dot` ended with status 7: it said nothing"),
        ("kill -SEGV $$", "dot` was killed by SIGSEGV: it said nothing"),
    ],
)
@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_an_answer_that_is_no_picture_is_told_and_written_nowhere(
    script: str,
    told: str,
    suffix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _fake_dot(tmp_path, script, monkeypatch)
    out = tmp_path / f"a.{suffix}"
    out.write_text("as it was")
    assert main(["render", "inception_v4", "-o", str(out)]) == 2
    assert told.format(suffix) in capsys.readouterr().err
    assert out.read_text() == "as it was"


@pytest.mark.parametrize("answer", ["hello", "{}", '{"objects": 3} {', '{"objects": [{}]}', "{{}}"])
@pytest.mark.parametrize("suffix", ["html", "tex"])
def test_an_answer_that_is_no_layout_is_told(
    answer: str,
    suffix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _fake_dot(tmp_path, f"echo '{answer}'", monkeypatch)
    out = tmp_path / f"a.{suffix}"
    arguments = [] if suffix == "html" else ["--block", "inception_a"]
    assert main(["render", "inception_v4", *arguments, "-o", str(out)]) == 2
    assert "the layout engine failed" in capsys.readouterr().err
    assert not out.exists()


def test_a_picture_without_a_size_is_no_side_of_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _fake_dot(tmp_path, "echo '<svg></svg>'", monkeypatch)
    arguments = ["diff", "inception_v4", "inception_v3", "--format", "svg"]
    assert main(arguments) == 2
    assert "its svg has no size" in capsys.readouterr().err


def test_an_engine_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_dot(tmp_path, "exec sleep 60", monkeypatch)
    with pytest.raises(CannotDraw, match=r"more than 0\.2 seconds"):
        laid_out("digraph {}", "svg", seconds=0.2)


def test_an_engine_that_crashes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_dot(tmp_path, "echo no fonts >&2; exit 1", monkeypatch)
    with pytest.raises(CannotDraw, match="dot` ended with status 1: no fonts"):
        laid_out("digraph {}", "svg")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "a.bmp"], "must end in"),
        (["--block", "inception_d", "-o", "a.dot"], "did you mean `inception_a`"),
        (["-o", "nowhere/a.dot"], "there is no folder"),
    ],
)
def test_a_wrong_command_line_is_told(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["render", "inception_v4", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_network_without_blocks_has_none_to_draw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, out = tmp_path / "net.yaml", tmp_path / "net.dot"
    spec.write_text("archgen: 1\nname: net\ninput: {channels: 4, grid: 8}\nnetwork: [flatten]\n")
    assert main(["render", str(spec), "--block", "nope", "-o", str(out)]) == 2
    assert "the network uses no blocks: leave out --block" in capsys.readouterr().err
    assert not out.exists()


def test_a_broken_spec_is_drawn_and_is_status_1(tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "archgen: 1\nname: net\ninput: {channels: 4, grid: 8}\nnetwork:\n"
        "  - conv: {filters: 9, kernel: 9, padding: valid}\n"
    )
    out = tmp_path / "net.dot"
    assert main(["render", str(spec), "-o", str(out)]) == 1
    assert "Output: ?" in out.read_text()
    assert "#C62828" in out.read_text()


@pytest.mark.parametrize(
    ("suffix", "told"),
    [
        ("png", "`a.png` cannot be written: file too large"),
        ("html", "a temporary file in {} cannot be written: file too large"),
    ],
)
def test_a_file_that_may_not_grow_is_one_line_that_names_it(
    suffix: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pygraphviz", reason="the extra `render` brings it")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [
        sys.executable,
        "-B",
        "-c",
        SMALL_FILES,
        "render",
        "inception_v4",
        "-o",
        f"a.{suffix}",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.endswith(f"{told.format(tmp_path)}\n")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("suffix", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_the_engine_of_the_extra_draws_every_format(
    suffix: str, magic: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pygraphviz", reason="the extra `render` brings it")
    monkeypatch.setenv("PATH", str(tmp_path))
    first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    for out in (first, second):
        assert main(["render", "inception_v4", "--block", "inception_c", "-o", str(out)]) == 0
    assert first.read_bytes().startswith(magic)
    assert first.read_bytes() == second.read_bytes()
