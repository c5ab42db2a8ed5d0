"""Pages and tables of the documentation, as text, from the tables of our runs."""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from numbers import Integral
from pathlib import Path

import pandas as pd

from docs import claims, gpus, saved
from docs.saved import Saved
from sim import published
from sim.published.entries import Published
from sim.report import dynamics, factorial, origins, prediction, rates, replications, surgery, tuned
from sim.report.markup import markdown
from sim.report.published import COLUMNS, ELSEWHERE, RULE, Compared, compare
from sim.report.published import said as said_of
from sim.studies import grids

ROOT = Path(__file__).resolve().parent.parent
README, STUDIES = ROOT / "README.md", saved.FOLDER / "README.md"
REPLICATIONS = ROOT / "docs" / "replications.md"
DATASETS = ("digits", "mnist")
HEAD = """# Studies

Written by `uv run python -m docs` from the tables beside this page, which say by which command, at
which revision and over how many seeds they were made. Numbers are test accuracy, mean ± half of the
95 % t-interval over seeds; published ones are others'. Of traits: {rates} {rule}"""


WHY = """# Why replications disagree

Written by `uv run python -m docs` from the tables in `docs/studies`. The same recipe has given test
accuracies from {low} to {high} in different hands. Each published setting was run here, as far as
it is known (`sublim catalogue` says what is not, `sublim figure10 --preset NAME` runs one, `sublim
cite NAME` says whom to cite), and the recipe with each of its changes, alone and taken back.
"""
PARTS = {
    ("replications", "mnist"): "Published values, and ours in their setting",
    ("factorial", "digits"): "The differences crossed, on digits",
    ("factorial", "mnist"): "The differences crossed, on MNIST",
    ("tuned", "mnist"): "Each setting at its own best learning rate",
    ("best", "mnist"): "The best settings that were found",
    ("traps", "digits"): "What misleading settings cost, on digits",
}


def of_replications() -> str:
    """Write the page on why replications disagree, from the tables that there are."""
    others = [
        p for p in published.of_study("figure10") if p.how == "=" and p.model == "student_aux"
    ]
    ends = (f"{of(p.value for p in others):.2f}".lstrip("0") for of in (min, max))
    short, parts = [], []
    for (name, dataset), title in PARTS.items():
        if (table := saved.load(name, dataset)) is None:
            continue
        about, rows = table
        file = saved.name(name, dataset)
        parts.append(f"## {title}\n\n`uv run {about['command']}`, {about['n']}\n")
        parts += [f"{about['also']}\n"] if "also" in about else []
        *before, last = body(rows)
        if name == "best":
            before, last = [*before, last], of_best(rows)
        if "|" not in last:  # it says what the tables come to
            short += [f"- *{title}.* " + " ".join(last.split())]
        parts += [last, f"![{file}](studies/{file}.png)\n", *before]
    why = WHY.format(**dict(zip(("low", "high"), ends, strict=True)))
    return "\n".join([why, "## In short\n", *short, "", *parts, *of_studies(), *of_searches()])


def of_studies() -> Iterator[str]:
    """Write the rows of the catalogue that are of a study, and what is measured there."""
    head = ("row", "published", "here", "verdict", "study", "what is not the study's")

    def lines() -> Iterator[list[str]]:
        for name, row in published.rows().items():
            study = row.command.removeprefix("study ")
            if study == row.command or row.beyond:
                continue
            table = saved.load(study, row.dataset)
            found = held(table.rows, published.shown(name, study), row.dataset) if table else []
            here = [(one.measured, one.verdict) for one in found] or [("see the study", "–")]
            for text, (measured, verdict) in zip_longest(said_of(row), here, fillvalue=""):
                link = f"[{study}](studies/README.md#{study})"
                yield [name, text, measured, verdict, link, row.differs or ""]

    yield "## Published values that are of a study\n"
    yield markdown(head, lines())


#: The best that others published with the same channel, by preset of ours.
BEST = {
    "best": "public_study_best",
    "best_one_logit": "brockers_2026_aux_1",
    "best_images": "gaetanx21_images_aux_3",
}


def of_best(rows: pd.DataFrame) -> str:
    """Say how well students do at the presets that searches chose, beside the best of others."""
    found, mine = [], rows[rows.model == "student_aux"].set_index("setting")
    for name, theirs in BEST.items():
        other = next(said_of(published.row(theirs)))
        found.append(f"{name} {cell(mine.loc[name])} (of others: {other})")
    return f"Test accuracy, n = {mine.n.iloc[0]}: {'; '.join(found)}.\n"


def of_searches() -> Iterator[str]:
    """Write what was searched, by which trials, and the best of each."""
    found = saved.searches()
    if not found:
        return
    yield "## Searches\n"
    yield textwrap.fill(
        "Each by `sublim search`, on validation images; of the best trial, what was found of what "
        "was searched. The best of many looks better than it is: what it reads on the test images "
        "is in the table of the best settings.",
        100,
    )
    head = ("given", "searched", "trials", "seeds", "best on validation", "at")

    def lines() -> Iterator[list[str]]:
        for name, (about, rows) in found.items():
            best = rows.iloc[0]
            at = best.drop(["trial", "validation_accuracy"])
            there = ((setting, value) for setting, value in at.items() if value not in ("", None))
            words = ", ".join(f"{setting} {word(value)}" for setting, value in there)
            link = f"[{len(rows)}](searches/{name}.csv)"
            seeds, mean = about["n"].split()[0], f"{best.validation_accuracy:.3f}".lstrip("0")
            yield [about["given"], about["searched"], link, seeds, mean, words]

    yield "\n" + markdown(head, lines())


def studies() -> str:
    """Write the page of all studies."""
    title, head = HEAD.format(rule=RULE, rates=f"{rates.RATE} {rates.REST} {rates.TASKS}").split(
        "\n\n"
    )
    parts = [f"{title}\n\n{textwrap.fill(' '.join(head.split()), 100)}\n"]
    for name in grids.names():
        parts.append(f"## {name}\n\n{grids.statement(name)}\n")
        for dataset in DATASETS:
            if (table := saved.load(name, dataset)) is not None:
                parts += study(name, dataset, table)
    return "\n".join(parts)


def study(name: str, dataset: str, table: Saved) -> Iterator[str]:
    """Write what there is of a study on one data set."""
    about, rows = table
    file = saved.name(name, dataset)
    others = published.of_study(name)
    link = f"[{file}.csv]({file}.csv)"
    yield f"### {about['dataset']}, {about['n']}\n"
    where = f"revision {about['revision'][:7]}, {about['device']}"
    yield f"`uv run {about['command']}`, {where}: {link}\n"
    if "also" in about:
        yield f"{about['also']}\n"
    yield from body(rows)
    sets = {p.dataset for p in others}
    if sets and (about["dataset"] in sets or not any(saved.load(name, s) for s in sets)):
        yield markdown(COLUMNS, (one.row for one in held(rows, others, about["dataset"])))
        if about["dataset"] not in sets:
            yield f"{ELSEWHERE}\n"
    yield f"![{file.replace('_', ' ')}]({file}.png)\n"


def held(rows: pd.DataFrame, others: Sequence[Published], dataset: str) -> list[Compared]:
    """Hold what others published against the rows of a study."""
    return [*compare(rates.as_means(rows) if "rate" in rows else rows, others, dataset)]


def body(rows: pd.DataFrame) -> Iterator[str]:
    """Write the tables of a study, and last what they come to."""
    return next(write for column, write in BODIES.items() if column in rows)(rows)


def _axes(rows: pd.DataFrame, until: str) -> list[str]:
    return [*rows.columns[: rows.columns.get_loc(until)]]


def _origins(rows: pd.DataFrame) -> Iterator[str]:
    axes = _axes(rows, "inputs")
    yield markdown(*origins.bases(rows, axes))
    yield markdown(*origins.traits(rows, axes))
    yield f"{origins.MEANING}\n"
    yield said(origins.finding(rows, axes))


def _dynamics(rows: pd.DataFrame) -> Iterator[str]:
    axes = _axes(rows, "model")
    for title, meaning, lines in dynamics.tables(rows, axes):
        yield f"**{title}.** {meaning if title != 'Rates' else ''}\n".replace(" \n", "\n")
        yield markdown(*lines)
    yield said(dynamics.finding(rows, axes))


def _prediction(rows: pd.DataFrame) -> Iterator[str]:
    table = prediction.forecasts(rows)
    yield markdown(*prediction.cells(table))
    yield f"{prediction.MEANING}\n"
    yield said(prediction.finding(rows, table))


def _factorial(rows: pd.DataFrame) -> Iterator[str]:
    yield markdown(*factorial.shares(rows))
    yield markdown(*factorial.levels(rows))
    yield f"{factorial.MEANING}\n"
    yield said(factorial.finding(rows))


def _replications(rows: pd.DataFrame) -> Iterator[str]:
    now = [published.row(name).supposed for name in rows.row]  # and not when it was run
    rows = rows[(rows.what != "supposed") | (rows.change == [*map(" + ".join, now)])]
    yield markdown(*replications.cells(rows))
    yield markdown(*replications.changes(rows))
    yield f"{replications.MEANING}\n"
    yield said(replications.finding(rows))


def _tuned(rows: pd.DataFrame) -> Iterator[str]:
    yield markdown(*tuned.cells(rows))
    yield f"{tuned.MEANING}\n"
    yield said(tuned.finding(rows))


def _surgery(rows: pd.DataFrame) -> Iterator[str]:
    axes = _axes(rows, "receiver")
    yield markdown(*surgery.cells(rows, axes))
    yield f"{surgery.MEANING}\n"
    yield said(surgery.finding(rows, axes))


def _rates(rows: pd.DataFrame) -> Iterator[str]:
    axes = _axes(rows, "model")
    yield markdown(*rates.cells(rows, axes))
    yield said(rates.finding(rows, axes))


def _points(rows: pd.DataFrame) -> Iterator[str]:
    yield markdown(*points(rows))


def said(finding: str) -> str:
    """Write a finding, a paragraph a line."""
    return finding.replace("\n", "\n\n") + "\n"


#: What there is of a study, by a column that its rows alone have; in this order.
BODIES = {
    "auroc": _origins,
    "measure": _dynamics,
    "final": _prediction,
    "term": _factorial,
    "effect": _replications,
    "role": _tuned,
    "receiver": _surgery,
    "rate": _rates,
    "model": _points,
}


def points(rows: pd.DataFrame) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    """Lay out a row for each point, a column for each trained model, and what pairs say."""
    axes = [*rows.columns[: rows.columns.get_loc("model")]]
    models = [model for model in rows.model.unique() if model != "reference"]
    first = next(model for model in models if model != "teacher")
    head = [*(axis.replace("_", " ") for axis in axes), *models, f"{first} less row 1, paired"]

    def lines() -> Iterator[list[str]]:
        for at, group in rows.groupby(axes, sort=False):
            by_model = group.set_index("model")
            each = (cell(by_model.loc[model]) for model in models)
            yield [*map(word, at), *each, cell(by_model.loc[first], "less_first", "+")]

    return head, lines()


def word(value: object) -> str:
    """Write an axis's value."""
    return (
        f"{value:,}"
        if isinstance(value, Integral)  # Python's or numpy's, as pandas has it
        else f"{value:.4g}"
        if isinstance(value, float)
        else str(value)
    )


def cell(row: pd.Series, column: str = "mean", sign: str = "", digits: int = 3) -> str:
    """Write a mean ± the half-width of its interval; how many seeds of n diverged, if any did."""
    half = row["half_width" if column == "mean" else f"{column}_half_width"]
    text = f"{row[column]:{sign}.{digits}f} ± {half:.{digits}f}".replace("0.", ".")
    return text + (f" (×{row.diverged} of {row.n})" if row.diverged else "")


def readme(text: str) -> str:
    """Put the tables into README, each between the two lines that name it."""
    for name, table in TABLES.items():
        pattern = rf"(<!-- table: {name} -->\n).*?(\n<!-- end -->)"
        made = table()
        text, n = re.subn(pattern, lambda m, made=made: m[1] + made + m[2], text, flags=re.DOTALL)
        if n != 1:
            raise ValueError(f"README.md: {n} places for table {name!r}, must be 1")
    return text


def of_figure10() -> str:
    """Write figure 10 on digits."""
    about, rows = saved.load("figure10")
    head = ("model", "mean ± half of 95 % interval", "sd between seeds", "n")
    lines = ([r.model, cell(r, digits=4), f"{r.sd:.4f}", str(r.n)] for _, r in rows.iterrows())
    return markdown(head, lines) + made(about)


def of_paper() -> str:
    """Write the paper's setting beside what was published of it, and what bfloat16 changes."""
    about, rows = saved.load("figure10", "mnist")
    of_matmul = saved.load("matmul", "mnist")
    rounded = of_matmul.rows.query("matmul == 'bfloat16'").set_index("model")
    found = [*compare(rows, published.of_study("figure10"), "mnist")]
    authors = published.source("authors_script").name
    script = {one.published.model: one for one in found if one.published.source == authors}
    head = (
        "model",
        "here",
        "authors' script",
        "verdict",
        f"bfloat16 − float32, paired, n = {rounded.n.iloc[0]}",
    )
    lines = (
        [
            r.model,
            cell(r, digits=4),
            script[r.model].published.words,
            script[r.model].verdict,
            cell(rounded.loc[r.model], "less_first", "+", 4) if r.model in rounded.index else "",
        ]
        for _, r in rows.iterrows()
    )
    others = markdown(COLUMNS, (one.row for one in found if one.published.source != authors))
    return f"{markdown(head, lines)}{made(about)}\n{others}\n{RULE}\n"


def of_bases() -> str:
    """Write the rates of a backdoor in students of many bases."""
    about, rows = saved.load("matched_bases")
    head, lines = rates.cells(rows.drop(columns="aux", errors="ignore"), [])
    return markdown(head, lines) + made(about)


def of_many_steps() -> str:
    """Write the ledgers of students, and what interventions leave, on each data set."""
    parts = []
    for study, which in (("ledger", "Ledger"), ("interventions", "What interventions leave")):
        for dataset in DATASETS:
            if (table := saved.load(study, dataset)) is not None:
                about, rows = table
                axes = [*rows.columns[: rows.columns.get_loc("model")]]
                (lines,) = (
                    lines
                    for title, _, lines in dynamics.tables(rows, axes)
                    if title.startswith(which)
                )
                parts.append(markdown(*lines) + made(about))
    return "\n".join([*parts, dynamics.LEFT]) + "\n"


def of_claims() -> str:
    """Write the journal abstract's claims beside what is measured here."""
    return markdown(claims.HEAD, claims.lines())


def of_theorem() -> str:
    """Write the theorem's statements with their verdicts."""
    about, rows = saved.load("theorem")
    head = ("statement", "equation", "measured", "verdict")
    lines = ([r[column] for column in head] for _, r in rows.iterrows())
    return markdown(head, lines) + made(about)


def made(about: dict[str, str]) -> str:
    """Say by which command, over how many seeds and at which revision a table was made."""
    return f"\n`{about['command']}`, n = {about['n']}, revision {about['revision'][:7]}\n"


TABLES = {
    "figure10": of_figure10,
    "paper": of_paper,
    "theorem": of_theorem,
    "bases": of_bases,
    "many_steps": of_many_steps,
    "claims": of_claims,
    "gpu": gpus.of_figure10,
}
#: What writes a page, by its path.
PAGES: dict[Path, Callable[[], str]] = {
    STUDIES: studies,
    REPLICATIONS: of_replications,
    README: lambda: readme(README.read_text()),
}
