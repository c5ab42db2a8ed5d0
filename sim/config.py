"""A file of flags: what stands in it goes behind what is said on the command line."""

import os
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from sim.errors import InputError, a_path, require

FLAG = "--config"


def with_file(arguments: list[str]) -> list[str]:
    """Put the flags of the TOML file that --config names in its place, before all other flags.

    What is said on the command line counts, as the last of two does. A list is several values; a
    truth value a flag, or its --no- form; of a table named axis, each line an axis.

    >>> with_file(["sweep", "--seeds", "4"])
    ['sweep', '--seeds', '4']

    Errors: InputError for a file that is none, or holds what no flag does.
    """
    places = [i for i, word in enumerate(arguments) if word.partition("=")[0] == FLAG]
    if not places:
        return arguments
    require("config", len(places), len(places) == 1, "given once")
    (i,) = places
    name, rest = arguments[i].partition("=")[2], arguments[i + 1 :]
    if "=" not in arguments[i]:
        require("config", None, rest, "followed by a TOML file")
        name, *rest = rest
    words = [*arguments[:i], *rest]
    first = next((k for k, word in enumerate(words) if word.startswith("-")), len(words))
    said = {of.partition("=")[0] for word, of in pairwise([*words, ""]) if word == "--axis"}
    said |= {word.split("=")[1] for word in words if word.startswith("--axis=")}
    said = {axis.strip().replace("-", "_") for axis in said}
    return [*words[:first], *_flags(a_path("config", name), said), *words[first:]]


def _flags(file: Path, said: set[str]) -> Iterator[str]:
    """Read flags of a file; of axes, those that are not said elsewhere."""
    require("config", str(file), os.path.isfile(file), "a TOML file")
    try:
        content = tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"config = {str(file)!r}: must be a TOML file ({error})") from None
    for name, value in content.items():
        flag = "--" + name.replace("_", "-")
        if name == "axis":
            require("axis", value, isinstance(value, dict), "a table: a line for each axis")
            for axis, values in value.items():
                if axis.replace("-", "_") in said:
                    continue
                text = values if isinstance(values, str) else ",".join(map(_word, _list(values)))
                yield from (flag, f"{axis}={text}")
        elif isinstance(value, bool):
            yield flag if value else f"--no-{flag.removeprefix('--')}"
        elif isinstance(value, list):
            yield from (flag, *map(_word, value))
        else:
            yield f"{flag}={_word(value)}"


def _list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _word(value: Any) -> str:
    require("config", value, not isinstance(value, dict | list), "flags with plain values")
    return str(value)
