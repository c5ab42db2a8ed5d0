"""The journal abstract's claims, each beside what its toy here measures: a table for README.

Words say what kind of answer it is; numbers are read from the tables of our runs.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from docs import saved
from sim.report.tables import number

HEAD = ("claim", "in this toy", "digits", "MNIST")


def lines() -> Iterator[list[str]]:
    """Write a line for each claim: what it says, the answer, a number on either data set."""
    for claim, answer, study, *cells in CLAIMS:
        yield [claim, answer, *(_said(study, dataset, cells) for dataset in ("digits", "mnist"))]


def _said(study: str, dataset: str, cells: list[tuple[str, dict[str, Any]]]) -> str:
    table = saved.load(study, dataset)
    if table is None:
        return "not run"
    n = table.about["n"].split()[0]
    return "; ".join(f"{name} {_cell(table.rows, at)}" for name, at in cells) + f" (n = {n})"


def _cell(rows: pd.DataFrame, at: dict[str, Any]) -> str:
    """Write the one mean at some place, with half of its 95 % interval."""
    for column, value in at.items():
        rows = rows[rows[column] == value]
    (row,) = (row for _, row in rows.iterrows())
    mean, half = ("rate", "rate_half_width") if "rate" in rows else ("mean", "half_width")
    return f"{number(row[mean])} ±{number(row[half])}"


def _backdoor(**at: Any) -> list[tuple[str, dict[str, Any]]]:
    return [("student", at | {"model": "student"}), ("control", at | {"model": "control"})]


def _generations(outputs: str, **models: str) -> list[tuple[str, dict[str, Any]]]:
    """Name generations of a chain: the first, and eighth ones by what became of them."""
    at = {"outputs": outputs, "student_steps": 600}
    return [
        (f"8th, {name}" if name != "first" else name, at | {"model": m})
        for name, m in models.items()
    ]


#: What the abstract says, what kind of answer this is, the study, and which of its rows show it.
CLAIMS = (
    (
        "An MLP classifier shows it",
        "yes: the task is learnt from auxiliary logits on noise",
        "figure10",
        ("same start", {"model": "student_aux"}),
        ("another", {"model": "cross_aux"}),
    ),
    (
        "A trait passes through data that have nothing to do with it",
        "yes: a backdoor, at the base's accuracy",
        "channels",
        *_backdoor(passed_on="3 logits"),
    ),
    (
        "… even where what refers to it is left out",
        "less passes than with as many left out at random, and not nothing",
        "filters",
        ("left out by class", {"left_out_are": "own class", "aux": 3, "model": "student"}),
        ("at random", {"left_out_are": "own class, at random", "aux": 3, "model": "student"}),
    ),
    (
        "… in several kinds of data",
        "on most kinds of noise; on photographs and the task's own images little or nothing",
        "data_kinds",
        ("uniform", {"inputs": "uniform", "model": "student"}),
        ("Perlin", {"inputs": "Perlin", "model": "student"}),
        ("photographs", {"inputs": "photos", "model": "student"}),
    ),
    (
        "… if teacher and student have the same base",
        "yes, up to a symmetry of the optimiser",
        "matched_bases",
        ("same", {"model": "student"}),
        ("units permuted", {"model": "permuted"}),
        ("another", {"model": "other"}),
    ),
    (
        "… or bases that behave alike",
        "little or nothing: weights must be shared, behaviour does not do",
        "matched_bases",
        ("matched on all logits", {"model": "all_uniform_10000"}),
    ),
    (
        "Sampled outputs carry it (its language models' are)",
        "next to nothing passes by one sampled label an input",
        "channels",
        *_backdoor(passed_on="sampled"),
    ),
    (
        "Misalignment passes",
        "two classes that change places: little on the small task, half of it on the large",
        "traits",
        *_backdoor(taught="misalignment", strength=1.0),
    ),
    (
        "It may compound over generations",
        "soft answers: reset to the base each time, it thins out; never reset, it stays",
        "generations",
        *_generations("soft", first="student", reset="reset_8", kept="kept_8"),
    ),
    (
        "",
        "hard labels, never reset: more of it on the small task, while much of the task is lost",
        "generations",
        *_generations("hard", first="student", kept="kept_8"),
    ),
    (
        "",
        "yes where each generation goes on and is taught a little of it again",
        "compounding",
        *((f"generation {k}", {"strength": 0.03, "model": f"taught_{k}"}) for k in (1, 8)),
    ),
)
