"""One file, checked as what it is: a spec, a recipe, a preparation or a weight map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from archgen.cli.locate import Found, kind_of_text
from archgen.diagnostics import Diagnostic, Findings, SpecError
from archgen.spec.files import SpecText, read_spec


class Checked(NamedTuple):
    """What was found in one file, the texts it lies in, and how many errata the file records."""

    diagnostics: tuple[Diagnostic, ...]
    sources: dict[str, str]
    errata: int = 0


def check_file(file: Found, *, as_printed: bool = False) -> Checked:
    """What is wrong with one file; that it cannot be read is a finding too."""
    if file.problem is not None:
        return Checked(file.problem.diagnostics, file.problem.sources)
    assert file.text is not None
    if file.kind == "recipe":
        return _check_recipe(file.text)
    if file.kind == "preparation":
        return _check_preparation(file.text)
    if file.kind == "weights":
        return _check_map(file.text)
    return _check_spec(file.text, as_printed=as_printed)


def _check_spec(text: SpecText, *, as_printed: bool) -> Checked:
    from archgen.cli.networks import checked

    compilation = checked(text, as_printed=as_printed)
    errata = compilation.resolved.errata if compilation.resolved else ()
    return Checked(compilation.diagnostics, dict(compilation.sources), len(errata))


def _check_recipe(text: SpecText) -> Checked:
    from archgen.cli.recipes import read_recipe

    findings = Findings()
    read_recipe(text, findings)
    return Checked(tuple(findings.diagnostics), {text.source: text.text})


def _check_preparation(text: SpecText) -> Checked:
    from archgen.cli.recipes import read_preparation

    findings = Findings()
    read_preparation(text, findings)
    return Checked(tuple(findings.diagnostics), {text.source: text.text})


def _check_map(text: SpecText) -> Checked:
    from archgen.cli.weight_maps import read_whole_map

    findings = Findings()
    read_whole_map(text, findings)
    return Checked(tuple(findings.diagnostics), {text.source: text.text})


def example_report(path: Path) -> Iterator[str]:
    """What `archgen check` prints for an example, as if it were run beside it, without colours."""
    from archgen.cli.report import ordered
    from archgen.cli.reporters import closing_line, full

    try:
        text = read_spec(path, path.name)
        found = Found(text, kind_of_text(text.text))
    except SpecError as error:
        found = Found(None, problem=error)
    checked = check_file(found)
    findings = ordered(checked.diagnostics)
    for line in (*full(findings, checked.sources), "", closing_line(findings)):
        yield line.replace(f"{path.parent}/", "")
