"""The site's own pages: words that stand there, and between two lines each what is kept elsewhere.

`<!-- table: NAME -->` … `<!-- end -->`: a table of README's, the cost of a trap, how long the first
figure takes, whom to cite. The page of names is written whole.
"""

import re
from collections.abc import Callable
from functools import partial
from inspect import ismodule
from pathlib import Path
from typing import Any

import sim
from docs import gpus, pages, saved
from sim import published
from sim.errors import choose
from sim.report.accessor import Statistics
from sim.report.markup import markdown
from sim.studies import grids

FOLDER = pages.ROOT / "docs"
API, START = FOLDER / "api.md", FOLDER / "start.csv"
WHOLE = (pages.STUDIES, pages.REPLICATIONS, API)  # nobody writes in these
PLACE = re.compile(r"(<!-- table: (.+?) -->\n)(?:(?!<!-- table:).)*?(<!-- end -->)", re.DOTALL)


def written() -> dict[Path, Callable[[], str]]:
    """Name all pages that are written, of the site and beside it, each with what writes it."""
    texts = {page: page.read_text() for page in own()}
    mine = {page: partial(filled, text) for page, text in texts.items() if PLACE.search(text)}
    return pages.PAGES | {API: api} | mine


def own() -> list[Path]:
    """List the pages that somebody writes."""
    return sorted({*FOLDER.rglob("*.md")} - {*WHOLE})


def filled(text: str) -> str:
    """Put what is kept into its places. Errors: InputError for a name that is none."""

    def made(place: re.Match[str]) -> str:
        choose("table", place[2], TABLES)
        return f"{place[1]}\n{TABLES[place[2]]().strip()}\n\n{place[3]}"

    return PLACE.sub(made, text)


def of_trap(trap: str) -> str:
    """Say what a trap costs: the students' accuracy, and by pairs of seeds less the recipe's."""
    about, rows = saved.load("traps")
    students, teachers = (
        rows[rows.model == model].set_index("trap") for model in ("student_aux", "teacher")
    )
    there, usual = students.loc[trap], students.loc["none"]
    clear = abs(there.less_first) > there.less_first_half_width
    return (
        f"**Cost.** Students {pages.cell(there)} in place of {pages.cell(usual)}: "
        f"{pages.cell(there, 'less_first', '+')} by pairs of seeds"
        f"{'' if clear else ', not clear of 0'}. Their teachers {pages.cell(teachers.loc[trap])} "
        f"in place of {pages.cell(teachers.loc['none'])}. Accuracy on {about['dataset']}, "
        f"± half of the 95 % interval, n = {about['n']}."
    )


def of_traps() -> str:
    """Say how the traps' costs were measured."""
    return pages.made(saved.load("traps").about)


def of_start() -> str:
    """Write how long the first figure takes, step by step."""
    about, rows = saved.read(START)
    lines = ([r.step, f"{r.seconds:.1f} s"] for r in rows.itertuples())
    total = ["all", f"{rows.seconds.sum():.0f} s"]
    head = ("step", about["of"])
    made = "; ".join(about[name] for name in ("machine", "where", "disk", "plan"))
    return f"{markdown(head, [*lines, total])}\n{made}; revision {about['revision'][:7]}\n"


def of_citation() -> str:
    """Quote the file that says how to cite sublim."""
    return f"```yaml\n{(pages.ROOT / 'CITATION.cff').read_text()}```"


def of_cited(name: str) -> str:
    """Quote what `sublim cite` prints."""
    return f"```bibtex\n{published.cite(name).strip()}\n```"


def of_sources() -> str:
    """List the publications that `sublim cite` knows."""
    lines = ([f"`{name}`", published.source(name).name] for name in published.publications())
    return markdown(("name", "publication"), lines)


TABLES = pages.TABLES | {
    "start": of_start,
    "traps": of_traps,
    **{f"trap: {trap}": partial(of_trap, trap) for trap in grids.module("traps").AXES["trap"]},
    "million": gpus.of_million,
    "citation": of_citation,
    "sources": of_sources,
    f"cite: {published.PAPER}": partial(of_cited, published.PAPER),
}

NAMES = """# Names

Written by `uv run python -m docs` from `sim.__all__`; what is said of each is its docstring.
`import sublim` has all of them, and `sublim.sim` and `sublim.theory`. Those of `theory` stand
beside [the equations](theory/index.md). Settings are explained by `sublim figure10 --help`, with
unit, default and rule.
"""


def api() -> str:
    """Write the page of public names, in their order: docstrings come when the site is built."""
    named = [_named(f"sim.{name}", getattr(sim, name)) for name in sim.__all__]
    return "\n".join([NAMES, *named, _named("ds.sublim", Statistics)])


def _named(name: str, of: Any) -> str:
    """Write the directive for one name; of a module, its functions."""
    place = of.__name__ if ismodule(of) else f"{of.__module__}.{of.__qualname__}"
    return f"::: {place}\n    options: {{heading: {name}, toc_label: {name}}}\n"
