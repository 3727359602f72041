"""`archgen fmt`: specs, libraries and recipes in one normal form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archgen.cli.exit_codes import BUG, FINDINGS, SOUND
from archgen.cli.options import common_options, example
from archgen.cli.terminal import note, write, write_lines

if TYPE_CHECKING:
    from archgen.cli.fixing import Fixed
    from archgen.cli.locate import Found
    from archgen.spec.files import SpecText


@click.command(
    epilog=example(
        "archgen fmt specs/inception_v4.yaml",
        "archgen fmt --check specs",
        "archgen fmt - < draft.yaml",
    )
)
@click.argument("targets", nargs=-1, metavar="[PATH|-]...")
@click.option(
    "--check", "is_check", is_flag=True, help="Say which files would change; write nothing."
)
@click.option("--diff", "is_diff", is_flag=True, help="Show what would change; write nothing.")
@common_options
def fmt(targets: tuple[str, ...], is_check: bool, is_diff: bool) -> int:
    """Write specs, libraries and recipes in one normal form.

    Takes files, folders, and - for standard input, whose normal form goes to standard output;
    without any, the folder specs. Comments stay, and what a file says never changes: one that is no
    sound YAML is left alone. Exits with 0, or with --check or --diff 1 where a file would change; 1
    where a file is no sound YAML, 2 where one cannot be read or written.
    """
    from archgen.cli.check import default_targets, known_files

    count = _Counts()
    for file in known_files(targets or default_targets()):
        _format(file, count, is_check=is_check, is_diff=is_diff)
    if not (targets == ("-",) and not (is_check or is_diff)):
        note(count.line(is_trial=is_check or is_diff))
    return max(count.status, FINDINGS if count.changed and (is_check or is_diff) else SOUND)


class _Counts:
    """How many files were changed, were as they should be, and could not be formatted."""

    def __init__(self) -> None:
        self.changed = self.same = self.stuck = 0
        self.status = SOUND

    def fail(self, status: int) -> None:
        """Counts a file that stays as it is though it should not."""
        self.stuck += 1
        self.status = max(self.status, status)

    def line(self, *, is_trial: bool) -> str:
        """`2 files formatted, 3 left as they were`."""
        changed = "would be formatted" if is_trial else "formatted"
        parts = [f"{_files(self.changed)} {changed}", f"{_files(self.same)} as they should be"]
        if self.same == 1:
            parts[1] = "1 file as it should be"
        if self.stuck:
            parts.append(f"{_files(self.stuck)} left alone")
        return ", ".join(part for part in parts if not part.startswith("0 ")) or parts[1]


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _format(file: Found, count: _Counts, *, is_check: bool, is_diff: bool) -> None:
    """Formats one file, or says why it stays as it is."""
    from archgen.cli.fixing import Fixed, diff_of
    from archgen.harmless import harmless

    text = _normal_form(file, count)
    if text is None:
        return
    assert file.text is not None
    before = file.text.text
    fixed = Fixed(file._replace(text=file.text._replace(text=text)), before, ())
    is_piped = file.text.path is None and not (is_check or is_diff)
    if text == before and not is_piped:
        count.same += 1
        return
    if is_diff:
        write_lines(diff_of(fixed))
    elif is_check:
        write_lines([harmless(f"would format {file.text.source}")])
    elif is_piped:
        write(text)
    elif not _is_written(fixed, count):
        return
    count.changed += 1


def _normal_form(file: Found, count: _Counts) -> str | None:
    """The file's normal form; None, told and counted, where it has none."""
    from archgen.cli.report import note_findings, status_of
    from archgen.diagnostics import SpecError
    from archgen.formatting import WouldChange, formatted
    from archgen.harmless import harmless

    try:
        return formatted(_text(file))
    except SpecError as error:
        note_findings(error.diagnostics, error.sources)
        count.fail(status_of(error.diagnostics))
    except WouldChange as reason:
        assert file.text is not None
        note(harmless(f"error: {file.text.source} stays as it is: {reason}; please report it"))
        count.fail(BUG)
    return None


def _text(file: Found) -> SpecText:
    """The text of a spec or recipe. Raises SpecError for one that cannot be read, or is neither."""
    from archgen.cli.locate import CHECKED_KINDS
    from archgen.diagnostics import SpecError
    from archgen.rules import WRONG_KIND
    from archgen.spec.files import start_of

    if file.problem is not None:
        raise file.problem
    assert file.text is not None
    if file.kind not in CHECKED_KINDS:
        place, message = start_of(file.text.source), "this is neither a spec nor a recipe"
        raise SpecError([WRONG_KIND.at(place, message)], {file.text.source: file.text.text})
    return file.text


def _is_written(fixed: Fixed, count: _Counts) -> bool:
    """Whether the file could be written."""
    from archgen.cli.exit_codes import UNUSABLE
    from archgen.cli.fixing import write_fixed
    from archgen.cli.write_file import CannotWrite
    from archgen.harmless import harmless

    assert fixed.file.text is not None
    try:
        write_fixed(fixed)
    except CannotWrite as error:
        note(f"error: {error}")
        count.fail(UNUSABLE)
        return False
    write_lines([harmless(f"formatted {fixed.file.text.source}")])
    return True
