"""What goes wrong and is the user's to mend: said in one line, never with a traceback."""

import importlib.util
from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """An argument, file or folder breaks a rule; the message names it, its value and the rule."""


class StorageError(OSError):
    """A file cannot be written: the message names it, and what stands in the way."""


class Notice(UserWarning):
    """Something that a user should know and that stops nothing."""


def require(name: str, value: object, holds: object, what: str) -> None:
    """Raise InputError that names the argument, its value and the rule, unless the rule holds."""
    if not holds:
        raise InputError(f"{name} = {value!r}: must be {what}")


def choose(name: str, value: object, known: Iterable[object], what: str = "one of ") -> None:
    """Raise InputError that lists what is known, and what is like it, unless the value is known."""
    words = [*map(str, known)]
    there = str(value) in words
    require(name, value, there, f"{what}{', '.join(words)}{like(value, words)}")


def like(value: object, known: Iterable[str]) -> str:
    """Ask whether what is most like a value was meant; nothing where nothing is, or it itself."""
    if str(value) in (known := [*known]):
        return ""  # at once: to look for what is like it takes milliseconds
    return "".join(f". Did you mean {one}?" for one in get_close_matches(str(value), known, 1))


def needs(library: str, extra: str) -> None:
    """Raise InputError that says how to install the library of an extra, unless it is there."""
    there = importlib.util.find_spec(library) is not None
    require(library, "missing", there, f"installed: uv run --extra {extra} sublim …")
