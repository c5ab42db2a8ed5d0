"""What goes wrong and is the user's to mend: said in one line, never with a traceback."""

import importlib.util
from collections.abc import Iterable
from difflib import get_close_matches
from os import PathLike
from pathlib import Path


class InputError(ValueError):
    """An argument, file or folder breaks a rule; the message names it, its value and the rule.

    It is one line, whatever a user's names have in them.
    """

    def __init__(self, message: object) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in str(message)))


class StorageError(OSError):
    """A file cannot be written: the message names it, and what stands in the way."""


class Notice(UserWarning):
    """Something that a user should know and that stops nothing."""


def require(name: str, value: object, holds: object, what: str) -> None:
    """Raise InputError that names the argument, its value and the rule, unless the rule holds."""
    if not holds:
        raise InputError(f"{name} = {_shown(value)}: must be {what}")


def a_path(name: str, value: object, what: str = "the name of a file or folder") -> Path:
    """Take what a user names as a path, with ~ as shells have it. Errors: InputError."""
    text = str(value) if isinstance(value, str | PathLike) else ""
    require(name, value, text and "\0" not in text, what)
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~ of nobody
        raise InputError(f"{name} = {text!r}: must be in the home of a user that exists") from None


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # of an int of 5,000 digits, or of whatever a user's own raises
        return f"<{type(value).__name__}>"


def choose(name: str, value: object, known: Iterable[object], what: str = "one of ") -> None:
    """Raise InputError that lists what is known, and what is like it, unless the value is known."""
    if str(value) not in (words := [*map(str, known)]):
        require(name, value, False, f"{what}{', '.join(words)}{like(value, words)}")


def several(name: str, value: object) -> list[str]:
    """Take a name, or several, as a list of them. Errors: InputError for none, or for no names."""
    found = [value] if isinstance(value, str) else value
    require(name, value, isinstance(found, Iterable), "one name or more")
    require(name, value, listed := [*map(str, found)], "one name or more")
    return listed


def like(value: object, known: Iterable[str]) -> str:
    """Ask whether what is most like a value was meant; nothing where nothing is."""
    return "".join(f". Did you mean {one}?" for one in get_close_matches(str(value), known, 1))


def needs(library: str, extra: str) -> None:
    """Raise InputError that says how to install the library of an extra, unless it is there."""
    there = importlib.util.find_spec(library) is not None
    require(library, "missing", there, f"installed: uv run --extra {extra} sublim …")
