"""CPU time of whole commands, beside importing the libraries that reading YAML takes.

    tools/bench startup

User and system time together, the least of several turns: what the command needs on a machine that
has nothing else to do.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tools.benchmarks.ratios import Ratio, measure, print_ratios, versions

ROUNDS = 15
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
SPEC = "specs/inception_v4.yaml"
BASE = (sys.executable, "-c", "import pydantic, yaml; pydantic.BaseModel")
ONE_MODEL = (sys.executable, "-c", "import pydantic, yaml\nclass M(pydantic.BaseModel): x: int")
ARCHGEN = str(Path(sys.executable).with_name("archgen"))
VERSIONS = ("inception_resnet_v1", "inception_resnet_v2")
COMMANDS = (("--help",), ("check", SPEC), ("summary", SPEC), ("build", SPEC), ("diff", *VERSIONS))
AIMS = {
    "archgen --help": 0.7,
    f"archgen check {SPEC}": 2.0,
    f"archgen diff {' '.join(VERSIONS)}": 2.5,
}


def main() -> None:
    """Measures and prints."""
    ArgumentParser("tools/bench startup").parse_args()  # it takes no options
    commands = {
        "base": BASE,
        "the same, and a pydantic model of one field": ONE_MODEL,
        **{f"archgen {' '.join(arguments)}": (ARCHGEN, *arguments) for arguments in COMMANDS},
    }
    tasks = {name: partial(run, command) for name, command in commands.items()}
    seconds = measure(tasks, rounds=ROUNDS, clock=children_cpu_seconds, summary=min)
    base = seconds.pop("base")
    ratios = [Ratio(name, spent, base, AIMS.get(name)) for name, spent in seconds.items()]
    title = f"startup: CPU time, least of {ROUNDS}; {versions('click', 'pydantic', 'PyYAML')}"
    print_ratios(title, "pydantic, yaml", ratios)


def run(command: Sequence[str]) -> None:
    """Runs a command that must succeed; what it writes is not shown.

    Bytecode is kept whatever the environment says, as an installation keeps it: the least of several
    turns is never the one that compiles.
    """
    environment = {key: value for key, value in os.environ.items() if key != NO_BYTECODE}
    subprocess.run(  # noqa: S603  # our own
        command, check=True, stdout=subprocess.DEVNULL, env=environment
    )


def children_cpu_seconds() -> float:
    """CPU seconds, user and system, of all finished commands so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
