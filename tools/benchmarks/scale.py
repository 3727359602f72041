"""How the cost of the commands grows with the size of a network, a file and a set of files.

    tools/bench scale

User and system time of whole commands, the least of several turns, on specs that this script writes.
No step of them equals another, so that nothing can be folded.
"""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.benchmarks.ratios import Ratio, measure, print_ratios, versions
from tools.benchmarks.startup import ARCHGEN, children_cpu_seconds, run

ROUNDS = 3
STEPS = 100_000
DOUBLING = 2.2
HEAD = (
    "archgen: 1\nname: large\ninput: {channels: 8, grid: 8}\n"
    "defaults: {conv: {padding: same, bias: false}}\n"
)
INCEPTION_V4 = "specs/inception_v4.yaml"
MINI = Path("specs/inception_resnet_mini.yaml")
PEAK = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=-3); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def main() -> None:
    """Measures and prints."""
    ArgumentParser("tools/bench scale").parse_args()  # it takes no options
    with TemporaryDirectory() as name:
        folder = Path(name)
        ratios = [*long_file(folder), *doubling(folder), *many_files(folder)]
        title = f"scale: CPU time, least of {ROUNDS}; {versions('pydantic', 'PyYAML')}"
        print_ratios(title, "beside", ratios)
        for what, make in (("lines", plain_steps), ("repeated steps", indexed_steps)):
            spent = two_sides(folder, make)
            print(f"`diff` of two networks of 10,000 {what}: {spent:.1f} s of CPU (aim: 5 s)")
        large = written(folder, indexed_blocks(STEPS))
        print(f"peak memory of `check` on {STEPS:,} different steps: {peak(large):,.0f} MB")


def long_file(folder: Path) -> Iterator[Ratio]:
    """A file of 5,000 lines beside the spec of Inception-v4."""
    for what, make in (("steps", plain_steps), ("full steps", full_steps), ("branches", joins)):
        task = ("check", written(folder, make(5_000)))
        yield compare(f"check 5,000 lines of {what}, beside inception_v4", task, 4.0)


def doubling(folder: Path) -> Iterator[Ratio]:
    """Twice the network, for each command and each way to write a large one."""
    for what, make in (("steps", indexed_steps), ("blocks", indexed_blocks)):
        half, whole = written(folder, make(STEPS)), written(folder, make(2 * STEPS))
        task = ("check", whole)
        yield compare(f"check 200,000 {what}, beside 100,000", task, DOUBLING, ("check", half))
    for command in (("summary",), ("show", "--resolved"), ("build",)):
        half, whole = (written(folder, indexed_blocks(n)) for n in (STEPS // 2, STEPS))
        title = f"{' '.join(command)}: 100,000 steps in blocks, beside 50,000"
        yield compare(title, (*command, whole), DOUBLING, (*command, half))


def many_files(folder: Path) -> Iterator[Ratio]:
    """A thousand specs in one command, beside a thousand commands."""
    many = folder / "many"
    many.mkdir()
    text = MINI.read_text()
    for number in range(1000):
        (many / f"{number}.yaml").write_text(text)
    title = "check 1,000 specs at once, beside one by one"
    ratio = compare(title, ("check", str(many)), 1.0, ("check", str(many / "0.yaml")))
    yield ratio._replace(base=1000 * ratio.base)


def compare(
    title: str, task: Sequence[str], aim: float, base: Sequence[str] = ("check", INCEPTION_V4)
) -> Ratio:
    """The CPU seconds of two commands, taken in turns."""
    tasks = {
        name: partial(run, (ARCHGEN, *command))
        for name, command in (("task", task), ("base", base))
    }
    seconds = measure(tasks, rounds=ROUNDS, clock=children_cpu_seconds, summary=min)
    return Ratio(title, seconds["task"], seconds["base"], aim)


def two_sides(folder: Path, make: Callable[[int], str]) -> float:
    """The CPU seconds of a diff between a network of 10,000 steps and one that begins with a wider step."""
    text = make(10_000)
    wider = text.replace("network:\n", "network:\n  - conv: {filters: 99, kernel: 1}\n")
    sides = written(folder, text), written(folder, wider)
    task = partial(run, (ARCHGEN, "diff", *sides))
    return measure({"": task}, rounds=ROUNDS, clock=children_cpu_seconds, summary=min)[""]


def peak(spec: str) -> float:
    """The most memory, in MB, that `check` holds; measured from a process that has no other child."""
    command = (sys.executable, "-c", PEAK, ARCHGEN, "check", spec)
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own
    return int(done.stdout) * 1024 / 1e6


def written(folder: Path, text: str) -> str:
    """The path of a file that holds `text`."""
    path = folder / f"{len(list(folder.iterdir()))}.yaml"
    path.write_text(text)
    return str(path)


def plain_steps(lines: int) -> str:
    """One convolution a line."""
    steps = (f"  - conv: {{filters: {8 + n % 64}, kernel: 1}}\n" for n in range(lines - 5))
    return f"{HEAD}network:\n{''.join(steps)}"


def full_steps(lines: int) -> str:
    """One convolution a line, with each of its settings written out."""
    rest = "kernel: 1, stride: 1, padding: same, dilation: 1, groups: 1, bias: false"
    steps = (f"  - conv: {{filters: {8 + n % 64}, {rest}}}\n" for n in range(lines - 5))
    return f"{HEAD}network:\n{''.join(steps)}"


def joins(lines: int) -> str:
    """A concat of two branches every three lines."""
    steps = (
        f"  - concat:\n      left: [{{conv: {{filters: {n % 9 + 1}, kernel: 1}}}}]\n"
        "      right: [{conv: {filters: 4, kernel: 3}}]\n    id: join_"
        f"{n}\n"
        for n in range((lines - 5) // 4)
    )
    return f"{HEAD}network:\n{''.join(steps)}"


def indexed_steps(count: int) -> str:
    """One repeated step, other filters each time."""
    return f"{HEAD}network:\n  - conv: {{filters: 8 + i % 64, kernel: 1}}\n    repeat: {count}\n"


def indexed_blocks(count: int) -> str:
    """A repeated block of five steps in all, another width each time."""
    return f"""{HEAD}blocks:
  part:
    params: {{width: int}}
    body:
      - concat:
          left: [{{conv: {{filters: width, kernel: 1}}}}]
          right: [{{conv: {{filters: 4, kernel: 3}}}}]
      - norm: batch
network:
  - part: {{width: 8 + i}}
    repeat: {count // 5}
"""


if __name__ == "__main__":
    main()
