"""`archgen check`: every finding in every file, in one run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import FINDINGS, SOUND, UNUSABLE
from archgen.cli.options import common_options, complete_specs, example, format_option
from archgen.cli.terminal import note, write_lines
from archgen.harmless import harmless

if TYPE_CHECKING:
    from archgen.cli.locate import Found
    from archgen.diagnostics import Diagnostic

DEFAULT_FOLDER = "specs"
MAX_ROUNDS = 3
DOCUMENTS = frozenset({"json", "gitlab", "sarif"})  # formats that are one document for programs


@click.command(
    epilog=example(
        "archgen check specs",
        "archgen check inception_v4 --format concise",
        "archgen check --as-printed specs/inception_resnet_v2.yaml",
        "archgen check --fix specs/inception_v4.yaml",
        "archgen check --since main",
        "archgen check --watch specs",
    )
)
@click.argument("targets", nargs=-1, metavar="[PATH|NAME|-]...", shell_complete=complete_specs)
@click.option(
    "--as-printed",
    is_flag=True,
    help="Show what a spec would do with the values that its source prints, errata undone.",
)
@click.option(
    "--fix", "is_fixing", is_flag=True, help="Apply safe fixes in place: spelling and formatting."
)
@click.option(
    "--unsafe-fixes",
    is_flag=True,
    help="Apply suggestions too, which may change what a network is; with --fix or --diff.",
)
@click.option("--diff", "is_diff", is_flag=True, help="Show what --fix would do; write nothing.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option(
    "--since",
    metavar="REV",
    help="Check what has changed since a commit, and every spec that builds on that or on a PATH.",
)
@click.option("--watch", "is_watching", is_flag=True, help="Check again as files are saved.")
@format_option("full", "concise", "json", "github", "gitlab", "sarif")
@common_options
def check(
    targets: tuple[str, ...],
    as_printed: bool,
    is_fixing: bool,
    unsafe_fixes: bool,
    is_diff: bool,
    strict: bool,
    since: str | None,
    is_watching: bool,
    output_format: str,
) -> int:
    """Say what is wrong with specs, or that nothing is.

    Takes files, folders (searched for specs, recipes, preparations, weight maps), names of shipped specs,
    and - for standard input; without any, the folder specs. With --since, only files that differ from
    a commit, and those that use or extend them, in this commit or in that one. Exits with 0 where there
    are no errors, 1 where there are, 2 where a file cannot be read.
    """
    from archgen.cli.report import status_of

    if unsafe_fixes and not (is_fixing or is_diff):
        raise click.UsageError("--unsafe-fixes belongs to --fix or --diff")
    if is_fixing or is_diff:
        _refuse_with_fixes(targets, as_printed, is_diff and output_format != "full")
    if since is not None:
        targets = _reached(since, targets)
        if not targets and output_format not in DOCUMENTS:
            write_lines([f"no spec, recipe or weight map has changed since {harmless(since)}"])
            return SOUND
    else:
        targets = targets or default_targets()
    if is_watching:
        _refuse_to_watch(targets, is_fixing or is_diff)
        from archgen.cli.watching import again_and_again

        again_and_again(targets, lambda: _check(known_files(targets), as_printed, output_format)[1])
    files = known_files(targets)
    if is_diff:
        return _show_fixes(files, strict=strict, is_unsafe=unsafe_fixes)
    stuck = _fix(files, output_format, is_unsafe=unsafe_fixes) if is_fixing else False
    found, _ = _check(files, as_printed, output_format)
    return UNUSABLE if stuck else status_of(found, strict=strict)


def _reached(name: str, targets: tuple[str, ...]) -> tuple[str, ...]:
    """The targets and all that a change since the commit `name` reaches, as paths from here."""
    from archgen.cli.git import GitFailed
    from archgen.cli.reach import since
    from archgen.diagnostics import SpecError

    try:
        root, reach = since(name, [Path(target) for target in targets if target != "-"])
    except SpecError as error:
        (finding,) = error.diagnostics
        raise click.ClickException(f"{finding.message}\n{finding.help}".rstrip()) from None
    except GitFailed as error:
        raise click.ClickException(f"{error}\n{error.help}".rstrip()) from None
    there = (root / path for path in reach.reached())
    return (*targets, *(os.path.relpath(path) for path in there if path.is_file()))


def _check(
    files: list[Found], as_printed: bool, output_format: str
) -> tuple[list[Diagnostic], Mapping[str, str]]:
    """Checks the files and prints what was found; the texts in which that was."""
    from archgen.cli.checking import check_file
    from archgen.cli.report import ordered, print_findings

    checked = [check_file(file, as_printed=as_printed) for file in files]
    found = ordered(finding for file in checked for finding in file.diagnostics)
    if as_printed:
        _announce(sum(file.errata for file in checked), output_format)
    sources = {name: text for file in checked for name, text in file.sources.items()}
    is_document = output_format in DOCUMENTS
    if found or is_document:
        print_findings(found, sources, output_format)
    if not is_document:
        _close(found, len(files), output_format)
    return found, sources


def _refuse_to_watch(targets: tuple[str, ...], is_fixing: bool) -> None:
    """A usage error for what is not watched."""
    if "-" in targets:
        raise click.UsageError("--watch follows files: name one in the place of `-`")
    if is_fixing:
        raise click.UsageError("--watch only checks: leave out --fix and --diff")


def _refuse_with_fixes(targets: tuple[str, ...], as_printed: bool, is_formatted: bool) -> None:
    """A usage error for what cannot be fixed."""
    if "-" in targets:
        raise click.UsageError("--fix mends files: name one in the place of `-`")
    if as_printed:
        raise click.UsageError("--fix mends a spec as written: leave out --as-printed")
    if is_formatted:
        raise click.UsageError("--diff shows a diff: leave out --format")


def _fix(files: list[Found], output_format: str, *, is_unsafe: bool) -> bool:
    """Fixes the files in place, in the list too; whether one could not be written.

    What is put right in a library may bring a slip in another file to light, so it is done again.
    """
    from archgen.cli.fixing import libraries_first

    lines: list[str] = []
    stuck: set[str] = set()
    for _ in range(MAX_ROUNDS):
        before = len(lines)
        for file in libraries_first(files):
            if file.text is not None and file.text.source not in stuck:
                lines.extend(_fix_one(file, files, stuck, is_unsafe=is_unsafe))
        if len(lines) == before:
            break
    if output_format in ("full", "concise"):
        write_lines([*lines, *([""] if lines and output_format == "full" else [])])
    elif lines:
        note("\n".join(lines))
    return bool(stuck)


def _fix_one(
    file: Found, files: list[Found], stuck: set[str], *, is_unsafe: bool
) -> tuple[str, ...]:
    """A line for each fix that was written; a file that cannot be written stays as it is."""
    from archgen.cli.fixing import fix_file, write_fixed
    from archgen.cli.write_file import CannotWrite

    fixed = fix_file(file, is_unsafe=is_unsafe)
    try:
        write_fixed(fixed)
    except CannotWrite as error:
        assert file.text is not None
        note(f"error: {error}")
        stuck.add(file.text.source)
        return ()
    files[files.index(file)] = fixed.file
    return fixed.lines


def _show_fixes(files: list[Found], *, strict: bool, is_unsafe: bool) -> int:
    """The diff of all files on stdout; 1 where it is not empty, or where errors would be left."""
    from archgen.cli.checking import check_file
    from archgen.cli.fixing import diff_of, fix_file, libraries_first
    from archgen.cli.report import status_of

    fixed = [fix_file(file, is_unsafe=is_unsafe) for file in libraries_first(files)]
    for one in fixed:
        write_lines(diff_of(one))
    count = sum(len(one.lines) for one in fixed)
    note(f"{count} {'fix' if count == 1 else 'fixes'} to make; nothing was written")
    left = status_of(
        (finding for one in fixed for finding in check_file(one.file).diagnostics), strict=strict
    )
    return left or (FINDINGS if count else SOUND)


def default_targets() -> tuple[str, ...]:
    """What to look at where nothing is named: the folder of specs. Raises UsageError without one."""
    if Path(DEFAULT_FOLDER).is_dir():
        return (DEFAULT_FOLDER,)
    raise click.UsageError(
        f"name a file, a folder or a network: there is no folder `{DEFAULT_FOLDER}` here"
    )


def known_files(targets: tuple[str, ...]) -> list[Found]:
    """The files that are meant; a note tells of each that a folder holds and archgen does not know."""
    from archgen.cli.locate import expand

    files: list[Found] = []
    for found in expand(targets):
        if found.is_checked:
            files.append(found)
        elif found.text is not None:
            what = (
                f"a file of kind {found.kind}"
                if found.kind
                else "neither spec nor recipe nor weight map"
            )
            _pass_over(found.text.source, what)
    return files


def _pass_over(source: str, what: str) -> None:
    note(f"passed over {harmless(source)}: it is {what}")


def _announce(errata: int, output_format: str) -> None:
    """Says first that this is not the spec as written; a JSON document stays one."""
    count = f"{errata} erratum" if errata == 1 else f"{errata} errata"
    line = f"as printed: {count} undone, to show what the source as printed would do"
    if not errata:
        line = "as printed: no errata are recorded, so the spec as written is what is printed"
    if output_format in DOCUMENTS:
        note(line)
    else:
        write_lines([line, ""])


def _close(found: Iterable[Diagnostic], files: int, output_format: str) -> None:
    """The last line: how many findings, or how many files have none."""
    diagnostics = list(found)
    if not diagnostics:
        write_lines([f"found no problems in {files} {'file' if files == 1 else 'files'}"])
        return
    from archgen.cli.reporters import closing_line

    write_lines([*([""] if output_format == "full" else []), closing_line(diagnostics)])
