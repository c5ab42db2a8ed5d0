"""What tyro prints, as a terminal shows it best: help wrapped between words, errors in one line."""

import re
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from difflib import SequenceMatcher
from functools import partial
from io import BytesIO, StringIO, TextIOWrapper
from shutil import get_terminal_size

from sim.errors import InputError, StorageError, choose, require

#: Flags of tyro's own, and the shells that its scripts are for.
SCRIPTS = ("--tyro-print-completion", "--tyro-write-completion")
SHELLS = ("bash", "zsh", "fish")


@contextmanager
def wrapped() -> Iterator[None]:
    """Break the prose of --help between words: tyro prints a paragraph as one line."""
    page = TextIOWrapper(BytesIO(), sys.stdout.encoding, "replace")  # by which tyro draws boxes
    try:
        with redirect_stdout(page):
            yield
    finally:
        page.seek(0)
        width = get_terminal_size().columns
        for line in page.read().splitlines():
            line = line.replace(",", ", ") if line.startswith("usage:") else line  # noqa: PLW2901
            print(line if len(line) <= width or "│" in line else textwrap.fill(line, width))


@contextmanager
def in_a_line(command: str) -> Iterator[None]:
    """Say in one line what cannot be parsed: tyro draws a box with help in it. Errors: InputError.

    Its first part says what is wrong; of others, some have a flag as it is to be written.
    """
    page = StringIO()
    try:
        with redirect_stderr(page):
            yield
    except SystemExit as stop:
        if stop.code != 2:
            raise
        parts: list[list[str]] = [[]]
        for line in page.getvalue().splitlines():
            if row := line.strip("│ ").strip():
                parts.append([]) if not row.strip("─-") else parts[-1].append(row)
        parts = parts if "╭" in page.getvalue() else parts[1:]  # a title, where there are no boxes
        said, *others = ([row for row in part if row[0] not in "╭╰"] for part in parts)
        words = " ".join(said).removeprefix("Error parsing ").rstrip(".")
        words = re.sub(r" or misplaced| \(applied to .*?\)| Arguments are applied to.*", "", words)
        for head, *rows in filter(None, others):
            if head in ("Argument helptext:", "Perhaps you meant:"):  # of several, the most alike
                words += f"; it is written {max(rows, key=partial(_alike, words))}"
        raise InputError(
            f"{words}; see {' '.join(filter(None, ('sublim', command)))} --help"
        ) from None


def of_completion(arguments: list[str]) -> bool:
    """Tell whether a script is asked for by which a shell completes words.

    Errors: InputError for another shell, and for a script that is written nowhere.
    """
    flag, shell, file, *_ = *arguments, "", "", ""
    if flag not in SCRIPTS:
        return False
    choose(flag, shell, SHELLS)
    require(flag, shell, file or flag == SCRIPTS[0], "followed by a shell and a file")
    return True


@contextmanager
def written() -> Iterator[None]:
    """Say in a line where a script cannot be written. Errors: StorageError."""
    try:
        yield
    except OSError as error:
        if not error.filename:  # of standard output
            raise
        raise StorageError(f"not written: {error.filename}; {error.strerror}") from None


def _alike(words: str, row: str) -> float:
    flag, wrong = (re.findall(r"--[\w-]+", text)[:1] for text in (row, words))
    return SequenceMatcher(None, *flag, *wrong).ratio() if row.startswith("--") and wrong else 0.0
