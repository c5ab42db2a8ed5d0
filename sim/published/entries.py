"""What a publication is to us: its source, the settings that were run, and what came out."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

Axes = Mapping[str, Any]  # where on the axes of a study

#: What nobody says who has not thought of it.
LIBRARY = {"the library's initialisation": {"init": "uniform"}}


class Source(NamedTuple):
    """Who published, and how to cite it.

    name: as it stands beside their numbers. kind, fields: of a BibTeX entry. A source that is
    known only by what others say of it has no more than a note.
    """

    name: str
    kind: str
    fields: Mapping[str, str]

    def bibtex(self, key: str) -> str:
        """Write the BibTeX entry, under a key."""
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in self.fields.items())
        return f"@{self.kind}{{{key},\n{lines}}}"


class Value(NamedTuple):
    """A test accuracy that was published, as a fraction.

    value: None where only how was said. half_width: of its 95 % interval; to: the upper end of a
    range that value begins, its half_width that of each end. n: networks. how: that it is value, or
    beyond; or without a number that it is chance, or the same along the axes of a study.
    """

    value: float | None
    half_width: float | None = None
    n: int | None = None
    how: Literal["=", ">", "chance", "no effect"] = "="
    to: float | None = None
    model: str = "student_aux"


class Row(NamedTuple):
    """One setting that somebody ran, as changes of the paper's, and what came out.

    changes: settings that are not the paper's, each change under its words. values: what was
    published; said: in words, where it was no test accuracy. at: by study, where on its axes the
    values are shown. differs: what in the setting is not that of the study there; of figure 10 all
    changes, unless it is empty. unknown: what is not said, and what is taken for it. supposed:
    changes of which nothing is said, and with which ours is held against theirs as well. command:
    whose networks these are, figure 10's or a study's. beyond: why it cannot be run here; such a
    row is no preset.
    """

    changes: Mapping[str, Mapping[str, Any]]
    values: tuple[Value, ...] = ()
    said: str = ""
    at: Mapping[str, Axes] = {}
    differs: str | None = None
    unknown: str = ""
    supposed: Mapping[str, Mapping[str, Any]] = {}
    command: str = "figure10"
    dataset: str = "mnist"
    beyond: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """Name the settings that are not the paper's."""
        return {name: value for change in self.changes.values() for name, value in change.items()}


class Ours(NamedTuple):
    """What was measured here in the setting of a row: the student's test accuracy, and the verdict.

    half_width: of the 95 % interval over n seeds. revision: of the code.
    """

    mean: float
    half_width: float
    n: int
    verdict: str
    revision: str


class Published(NamedTuple):
    """A published value where a study shows it: a `Value`, where on the axes, and who says so.

    at: axes that are not named are meant everywhere. differs: what in its setting is not ours.
    """

    at: Axes
    value: float | None
    source: str
    half_width: float | None = None
    n: int | None = None
    differs: str = ""
    how: Literal["=", ">", "chance", "no effect"] = "="
    to: float | None = None
    model: str = "student_aux"
    dataset: str = "mnist"

    @property
    def span(self) -> tuple[float, float]:
        """Ends of its interval or range; of a value alone, twice that."""
        reach = self.half_width or 0.0
        return self.value - reach, (self.value if self.to is None else self.to) + reach

    @property
    def short(self) -> str:
        """Write the value, or its range."""
        if self.value is None:
            return self.how
        upper = f"–{_number(self.to)}" if self.to is not None else ""
        return ("> " if self.how == ">" else "") + _number(self.value) + upper

    @property
    def words(self) -> str:
        """Write the value with its half-width."""
        return self.short + (f" ± {_number(self.half_width, 3)}" if self.half_width else "")


def along(
    axis: str,
    values: Mapping[Any, float | Value],
    study: str = "",
    of: Callable[[Any], Mapping[str, Any]] | None = None,
    *,
    also: Mapping[str, Mapping[str, Any]] | None = None,
    n: int | None = None,
    at: Axes | None = None,
    **same: Any,
) -> dict[str, Row]:
    """Make rows of what one source published along an axis, each named by its place there.

    study: shows them along that axis, at `at` on its other axes. of: the settings at a place; the
    axis itself, unless given. also: changes that they share; n: networks; **same: other fields.
    """
    found = {}
    for x, value in values.items():
        word = x if isinstance(x, str) else f"{x:g}"
        change = {f"{axis.replace('_', ' ')} {word}": of(x) if of else {axis: x}}
        shown = {study: {**(at or {}), axis: x}} if study else {}
        one = value if isinstance(value, Value) else Value(value, n=n)
        found[f"{axis}_{word}"] = Row({**change, **(also or {})}, (one,), at=shown, **same)
    return found


def _number(value: float, least: int = 2) -> str:
    """Write a fraction with as many digits as it has, two or more."""
    return f"{value:.4f}".rstrip("0").ljust(2 + least, "0").replace("0.", ".")
