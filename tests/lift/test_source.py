from __future__ import annotations

import contextlib
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest

from archgen.lift.offline import DownloadRefused, offline
from archgen.lift.source import NoModule, original

NET = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, width=4, *, act="relu"):
            super().__init__()
            self.conv = nn.Conv2d(1, width, 3)
            self.act = act

    class Needs(nn.Module):
        def __init__(self, width, depth):
            super().__init__()

    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            raise ValueError("there is no such block\\nand a second line")

    class Empty(nn.Module):
        pass

    def factory(width=8):
        return nn.Sequential(nn.Conv2d(3, width, 1), nn.Dropout())

    ready = Net(6)
    number = 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "net.py").write_text(dedent(NET))
    return tmp_path


def test_a_class_of_a_file_is_made_for_evaluation() -> None:
    found = original("net.py:Net")
    assert not found.module.training
    assert (found.name, found.source) == ("Net", "net.py:Net")
    assert (found.channels, found.grid) == (1, (224, 224))


def test_random_weights_are_the_same_each_time() -> None:
    one, other = (next(original("net.py:Net").module.parameters()) for _ in range(2))
    assert bool((one == other).all())


def test_arguments_are_plain_values() -> None:
    given: tuple[tuple[str, object], ...] = (
        ("silu", "silu"),
        ("none", None),
        ("True", True),
        ("(1, 2.5)", (1, 2.5)),
        ("__import__('os')", "__import__('os')"),
    )
    for text, value in given:
        module = original("net.py:Net", ["width=5", f"act={text}"]).module
        assert vars(module)["act"] == value
        assert next(module.parameters()).shape == (5, 1, 3, 3)


def test_a_function_and_a_module_that_is_there_are_taken_too() -> None:
    assert len([*original("net.py:factory", ["width=2"]).module.children()]) == 2
    assert original("net.py:ready").channels == 1


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("net.py", "`net.py` is none of module.py:Class, timm:NAME and torchvision:NAME"),
        (":", "is none of"),
        ("net.py:", "is none of"),
        ("nets.py:Net", "there is no file `nets.py`; did you mean `net.py`?"),
        ("net.txt:Net", "`net.txt` is neither a file of Python nor one of timm and torchvision"),
        ("net.py:Nett", "`net.py` has no class `Nett`; did you mean `Net`?"),
        ("net.py:Unlike", "it has Net, Needs, Failing, Empty"),
        ("net.py:number", "`number` is no nn.Module but `int`"),
        ("net.py:torch", "`torch` is no nn.Module but `module`"),
        ("net.py:Needs", "`Needs` needs `width`, `depth`: give --set width=... --set depth=..."),
        ("net.py:Failing", "cannot be made: net.py:18: ValueError: there is no such block"),
        ("net.py:Empty", "`Empty` is an empty module"),
    ],
)
def test_what_is_no_module_is_told_in_one_line(target: str, message: str) -> None:
    with pytest.raises(NoModule) as refused:
        original(target)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("width", "`width` is no argument: write key=value"),
        ("wide=3", "`Net` has no argument `wide`: it takes width, act"),
    ],
)
def test_an_argument_that_is_none_is_told(argument: str, message: str) -> None:
    with pytest.raises(NoModule, match=message):
        original("net.py:Net", [argument])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_this_name", "bad.py:1: ModuleNotFoundError"),
        ("def f(:", "bad.py:1: SyntaxError"),
        ("raise SystemExit(3)", "bad.py:1: SystemExit: 3"),
        ("\n1 / 0", "bad.py:2: ZeroDivisionError"),
    ],
)
def test_a_file_that_cannot_be_imported_is_told_with_its_line(
    folder: Path, text: str, message: str
) -> None:
    (folder / "bad.py").write_text(text)
    with pytest.raises(NoModule, match=r"`bad\.py` cannot be imported: ") as refused:
        original("bad.py:Net")
    assert message in str(refused.value)


def test_a_file_of_a_package_may_import_its_neighbours(folder: Path) -> None:
    package = folder / "lifted_package" / "models"
    package.mkdir(parents=True)
    for each in (package, package.parent):
        (each / "__init__.py").touch()
    (package / "parts.py").write_text("from torch import nn\nPart = nn.Conv2d\n")
    text = "from .parts import Part\n\ndef net():\n    return Part(2, 2, 1)\n"
    (package / "net.py").write_text(text)
    assert original("lifted_package/models/net.py:net").channels == 2


def test_nothing_beside_a_file_takes_the_place_of_what_is_installed(folder: Path) -> None:
    (folder / "colorsys.py").write_text("raise ValueError('the wrong one')")
    (folder / "uses.py").write_text(f"import colorsys\n{dedent(NET)}")
    assert original("uses.py:Net").name == "Net"


def test_what_a_file_prints_is_no_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "loud.py").write_text(f"print('loaded')\n{dedent(NET)}")
    original("loud.py:Net")
    assert capsys.readouterr() == ("", "loaded\n")


@pytest.mark.parametrize("library", ["timm", "torchvision"])
@pytest.mark.skipif(find_spec("timm") is not None, reason="the libraries are installed")
def test_a_library_that_is_missing_is_named(library: str) -> None:
    with pytest.raises(NoModule, match=f"install it with `pip install {library}`"):
        original(f"{library}:resnet50")


DOWNLOADS = """
    import urllib.request
    from torch import nn

    class Trained(nn.Module):
        def __init__(self):
            super().__init__()
            urllib.request.urlopen("http://weights.example/net.pth")

    class Forgiving(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Conv2d(3, 3, 1))
            try:
                urllib.request.urlopen("http://telemetry.example")
            except Exception:
                pass
"""


def test_a_module_that_asks_for_a_download_is_refused_by_the_name_of_the_machine(
    folder: Path,
) -> None:
    (folder / "net.py").write_text(dedent(DOWNLOADS))
    with pytest.raises(NoModule, match=r"asks for a download from weights\.example, and an import"):
        original("net.py:Trained")
    assert [*original("net.py:Forgiving").module.parameters()]


def test_the_network_is_there_again_afterwards() -> None:
    connect = socket.socket.connect
    with offline() as asked, pytest.raises(DownloadRefused), socket.socket() as one:
        one.connect(("192.0.2.1", 80))
    assert asked == ["192.0.2.1"]
    assert socket.socket.connect is connect
    assert socket.getaddrinfo("127.0.0.1", 80)


def test_no_folder_of_this_machine_is_in_what_is_written(folder: Path) -> None:
    assert original(f"{folder}/net.py:Net").source == "net.py:Net"
    (folder / "models").mkdir()
    (folder / "net.py").rename(folder / "models" / "net.py")
    assert original(f"{folder}/models/net.py:Net").source == "models/net.py:Net"
    (folder / "elsewhere").mkdir()
    with contextlib.chdir(folder / "elsewhere"):
        assert original(f"{folder}/models/net.py:Net").source == "net.py:Net"
