"""From the paper's recipe to a published row and back, one change at a time."""

from collections.abc import Iterable
from itertools import combinations
from typing import Any

from sim import published
from sim.published.entries import Row

PAPER = "the paper's"
MOST = 4  # changes of a row beside figure 10 of which all subsets are run


def replicable() -> list[str]:
    """List the rows that figure 10's networks can be held against: test accuracies of students."""
    return [
        name
        for name, row in published.rows().items()
        if row.command == "figure10" and row.values and not row.beyond
    ]


def label(changes: Iterable[str]) -> str:
    """Name a setting by its changes of the paper's."""
    return " + ".join(sorted(changes)) or PAPER


def subsets(row: Row) -> list[tuple[str, ...]]:
    """List the sets of a row's changes to run: none of them and all, each alone and all but one.

    Of a row that is shown beside figure 10, as the same experiment, every one, if they are few.
    """
    many = len(row.changes)
    every = "figure10" in row.at and many <= MOST
    sizes = [k for k in range(many + 1) if every or min(k, many - k) <= 1]
    return [of for size in sizes for of in combinations(row.changes, size)]


def settings(row: Row, changes: Iterable[str]) -> dict[str, Any]:
    """Name the settings of some of a row's changes, said or supposed."""
    known = {**row.changes, **row.supposed}
    return {name: value for change in changes for name, value in known[change].items()}


def supposed(row: Row) -> tuple[str, ...]:
    """Name all changes of a row with those that are supposed; none if there are none."""
    return (*row.changes, *row.supposed) if row.supposed else ()


def cases(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Lay out the settings to run for some rows, by label; the paper's first, each once."""
    found: dict[str, dict[str, Any]] = {PAPER: {}}
    for row in map(published.row, names):
        sets = [*subsets(row), *filter(None, [supposed(row)])]
        found |= {label(of): settings(row, of) for of in sets}
    return found
