"""A catalogue of what was published about subliminal learning in small networks.

One file for each publication: `SOURCE` says how to cite it, `ROWS` has what was run and what came
out, a name for each setting. A row's name is that of its file, and of the setting if there are
several. What studies and figures show as published comes from here.
"""

import csv
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any

from sim.errors import like, require
from sim.published.entries import Ours, Published, Row, Source

PAPER = "cloud_2025"  # whose recipe all settings begin with
OURS = Path(__file__).with_name("ours.csv")  # written from the results of study replications


def publications() -> list[str]:
    """List all publications, the paper first."""
    found = sorted(m.name for m in iter_modules(__path__) if m.name not in ("entries", "changes"))
    return [PAPER, *(name for name in found if name != PAPER)]


@cache
def rows() -> MappingProxyType[str, Row]:
    """List all rows, by name."""
    return MappingProxyType(
        {
            re.sub(r"[^a-z0-9.]+", "_", f"{name}_{setting}".lower()).strip("_"): row
            for name in publications()
            for setting, row in _module(name).ROWS.items()
        }
    )


def row(name: str) -> Row:
    """Find a row. Errors: InputError for a name that is none."""
    known = rows()
    if not isinstance(name, str) or name not in known:
        require("preset", name, False, f"a name that `sublim catalogue` lists{like(name, known)}")
    return known[name]


def publication(name: str) -> str:
    """Name the publication of a row, or of that name itself. Errors: InputError."""
    require("name", name, isinstance(name, str), "a word")
    owners = [one for one in publications() if name == one or f"{name}_".startswith(f"{one}_")]
    known = name in rows() or name in owners
    near = "" if known else like(name, [*publications(), *rows()])
    require("name", name, known, f"a row or publication that `sublim catalogue` lists{near}")
    return max(owners, key=len)


def source(name: str) -> Source:
    """Give the source of a row, or of a publication. Errors: InputError."""
    return _module(publication(name)).SOURCE


def cite(name: str) -> str:
    """Write the BibTeX entry of a row's publication, or of a publication.

    >>> print(cite("cloud_2025").splitlines()[0])
    @article{cloud_2025,

    Errors: InputError for a name that is neither.
    """
    return source(name).bibtex(publication(name))


def to_cite(study: str, name: str = "") -> list[str]:
    """Name publications: the paper, a row's, and those that a study shows beside its own."""
    beside = {publication(n) for n, one in rows().items() if study in one.at}
    own = [publication(name)] if name else []
    others = sorted(beside) if study != "figure10" else []
    return [*dict.fromkeys([PAPER, *own, *others])]


def preset(name: str) -> dict[str, Any]:
    """Name the settings of a row that are not the paper's.

    >>> preset("gaetanx21")["widths"]
    (256,)

    They go with the data set of the paper: `sim.figure10("mnist", **sim.preset(name))`. Errors:
    InputError for a name that is no row, or of a row that is about no one setting.
    """
    one = row(name)
    require("preset", name, not one.beyond, f"one that can be run ({one.beyond})")
    return dict(one.settings)


@cache
def ours() -> dict[str, Ours]:
    """Read what was measured here of the rows, by name: of those that have been run."""
    if not OURS.is_file():
        return {}
    with OURS.open(newline="") as file:
        return {
            line["row"]: Ours(
                float(line["mean"]),
                float(line["half_width"]),
                int(line["n"]),
                line["verdict"],
                line["revision"],
            )
            for line in csv.DictReader(file)
        }


def of_study(study: str) -> tuple[Published, ...]:
    """List what was published about the question of a study, where its axes have it."""
    return tuple(value for name in rows() for value in shown(name, study))


def shown(name: str, study: str) -> list[Published]:
    """List the values of a row as a study shows them; none where it shows none of the row."""
    one = row(name)
    if study not in one.at:
        return []
    differs = one.differs or ""
    if study == "figure10" and one.differs != "":
        differs = ", ".join(one.changes)
    at, by = one.at[study], source(name).name
    return [
        Published(at, v.value, by, v.half_width, v.n, differs, v.how, v.to, v.model, one.dataset)
        for v in one.values
    ]


def _module(name: str) -> Any:
    return import_module(f"sim.published.{name}")
