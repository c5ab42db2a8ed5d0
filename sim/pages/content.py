"""What a page says of a run: its question, what came out, how it was made, whom to cite."""

import base64
import json
import shlex
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any, NamedTuple

import matplotlib as mpl
import xarray as xr
from matplotlib.figure import Figure

from sim import published
from sim.errors import InputError
from sim.pages.charts import charts, widths
from sim.pages.plainly import plainly
from sim.pages.tables import Table, parts, plain, table
from sim.pages.trees import Tree, tree
from sim.report import tables
from sim.report.names import begun, counted
from sim.report.rates import family
from sim.report.runs import put_together
from sim.report.tables import cell
from sim.runs.results import axes_of, extra
from sim.runs.statistics import paired
from sim.settings.experiments import Theorem
from sim.settings.setup import Hyper, Setup
from sim.studies import grids, kept, shown
from sim.training.families import Family, takes

QUESTIONS = {
    "figure10": "Does a student that learns only its teacher's auxiliary logits, on inputs of "
    "noise, learn the task that the teacher was taught; and does it, only if both began as the "
    "same network?",
    "sweep": "How does what a student takes over from its teacher change with these settings?",
    "lineage": "Who in this family takes over the trait of its teacher?",
    "theorem": "Do Lemma 1 and Theorem 1 of the paper hold in real networks: does a small step of "
    "a student towards its teacher's outputs never point away from what the teacher has learnt, "
    "and does it lower the teacher's own loss? And what is so beyond them?",
}
DRAWN = ("figure10", "trajectories", "sweep", "rows", "doses", "tree")  # by charts that are chosen
ROOM = 300_000  # bytes of a picture: the first of these that is no larger, or the last
FORMS = [("svg+xml", {"format": "svg", "metadata": {"Date": None}})]
FORMS += [("png", {"format": "png", "dpi": dpi}) for dpi in (130, 90, 60)]
MARKS = {"holds": "good", "degenerate": "plain", "not applicable": "plain", "estimate": "plain"}


class Fact(NamedTuple):
    """A number that says most of a run: what it is, and the number with its interval."""

    name: str
    value: str


class Picture(NamedTuple):
    """A figure, as an address that holds all of it, with the words that stand below it."""

    name: str
    source: str
    words: str


class Verdict(NamedTuple):
    """A statement of the theorem, with its verdict; kind: good, plain or bad."""

    statement: str
    equation: str
    measured: str
    hypotheses: str
    verdict: str
    kind: str


class Run(NamedTuple):
    """All that a page says of one run; key: unlike that of any other on the page."""

    key: str
    title: str
    about: str
    question: list[str]
    facts: list[Fact]
    plainly: list[str]
    charts: dict[str, Any] | None
    finding: list[str]
    tables: list[Table]
    verdicts: list[Verdict]
    family: Tree | None
    pictures: list[Picture]
    settings: Table | None
    whose: str
    same: str
    unlike_study: dict[str, str]
    how: dict[str, str]
    command: str
    combined: list[str]
    cite: dict[str, str]


def run(ds: xr.Dataset, key: str) -> Run:
    """Gather what a page says of a run. Errors: InputError for what no study of ours has made."""
    theorem = ds.attrs["experiment"] == "theorem"
    settings, same = _settings(ds)
    found, said = parts(shown.tables(ds))
    study = ds.attrs.get("study", "")
    title = begun(study.replace("_", " "))
    measured = charts(ds)
    if theorem:
        from sim.studies.theorem.tables import LAZY  # noqa: PLC0415

        measured = widths(ds, LAZY)
    verdicts = [*_verdicts(ds)] if theorem else []
    return Run(
        key,
        "The theorem" if theorem else "Figure 10" if study == "figure10" else title,
        f"{ds.attrs['dataset']}, n = {counted(ds.sizes['seed'], 'seed')}",
        _question(ds),
        [*_facts(ds, verdicts)],
        plainly(ds, verdicts),
        measured,
        said,
        found[1:] if theorem else found,  # its verdicts have a table of their own
        verdicts,
        _tree(ds),
        [*_pictures(ds)],
        settings,
        "the usual ones" if theorem else "the paper's",
        same,
        {name: _word(value) for name, value in _changed(ds).items()},
        _how(ds),
        ds.attrs.get("command", ""),
        [put_together(one) for one in kept.combined(ds)],
        {name: published.cite(name) for name in published.to_cite(study, _preset(ds))}
        | {"sublim": _software(ds)},
    )


def _question(ds: xr.Dataset) -> list[str]:
    """Say a study's statement, a paragraph each: that of its day, as its own file may be gone."""
    study, kind, said = ds.attrs.get("study"), ds.attrs["experiment"], ds.attrs.get("question", "")
    if not said and study in grids.names():
        said = grids.statement(study)
    if said:
        return [" ".join(part.split()) for part in said.split("\n\n")]
    return [QUESTIONS.get(kind, ds.attrs.get("title", ""))]


def _facts(ds: xr.Dataset, verdicts: Sequence[Verdict]) -> Iterator[Fact]:
    """Say the few numbers that most is said by."""
    if verdicts:
        for verdict in dict.fromkeys(one.verdict for one in verdicts):
            count = sum(one.verdict == verdict for one in verdicts)
            yield Fact(verdict, f"{count} of {len(verdicts)}")
    elif ds.attrs["experiment"] == "figure10":
        from sim.report.names import model as name  # noqa: PLC0415
        from sim.runs.statistics import summary  # noqa: PLC0415

        for model in ("teacher", "student_aux", "cross_aux"):
            if model in ds.model.values:
                one = ds.sel(model=model)
                yield Fact(name(model), cell(summary(one.test_accuracy), one.diverged))
        if {*(two := ["student_aux", "cross_aux"])} <= {*ds.model.values}:
            of, lost = paired(ds, *two), ds.diverged.sel(model=two).any("model")
            yield Fact("difference of the two students, by seed", cell(of, lost))


def _verdicts(ds: xr.Dataset) -> Iterator[Verdict]:
    from sim.studies.theorem.statements import statements  # noqa: PLC0415

    for one in statements(ds):
        kind = MARKS.get(one.verdict, "bad")
        yield Verdict(one.statement, one.equation, one.measured, one.hypotheses, one.verdict, kind)


def _family(ds: xr.Dataset) -> Family | None:
    """Read whose networks a run trained; None if it does not say, as one of an earlier version."""
    settings = json.loads(ds.attrs.get("settings", "{}")).get("settings", {})
    return family(ds) if "family" in settings else None


def _tree(ds: xr.Dataset) -> Tree | None:
    of = _family(ds)
    return tree(of, [*map(str, ds.model.values)]) if of else None


def _pictures(ds: xr.Dataset) -> Iterator[Picture]:
    """Draw what no chart of the page draws."""
    names = {*DRAWN, *(extra(ds) if "test_accuracy" in ds else ())}
    for name, make in shown.figures(ds).items():
        if name in names:
            continue
        figure = make(ds)
        kind, file = _file(figure, name)
        data = base64.b64encode(file).decode()
        words = " ".join(figure.get_supxlabel().replace(r"\$", "$").split())
        yield Picture(
            name.replace("_", " ").capitalize(), f"data:image/{kind};base64,{data}", words
        )


def _file(figure: Figure, name: str) -> tuple[str, bytes]:
    """Write a figure in the first form for which there is room; the last, whatever its size."""
    for kind, how in FORMS:
        file = BytesIO()
        with mpl.rc_context({"svg.hashsalt": name}):
            figure.savefig(file, **how)
        found = kind, file.getvalue()
        if file.tell() <= ROOM:
            break
    return found


def _settings(ds: xr.Dataset) -> tuple[Table | None, str]:
    """Lay out settings that are not the usual ones; and name all others in a line."""
    own = json.loads(ds.attrs["settings"])["settings"] if "settings" in ds.attrs else {}
    if ds.attrs["experiment"] == "theorem":
        of, usual, axes, whose = own, vars(Theorem()), {}, "the usual ones"
    else:
        of = own.get("setup", {}) | own.get("hyper", {})
        if whom := _family(ds):
            of = {name: value for name, value in of.items() if takes(whom, name, of)}
        usual, whose = vars(Setup()) | vars(Hyper()), "the paper's"
        axes = _axes(ds, dict(own.get("axes", ()))) if "test_accuracy" in ds else {}
    usual = json.loads(json.dumps(usual, default=str))
    of = {name: value for name, value in of.items() if name in usual}
    found: Table | None = None
    same = ""
    for part in tables.settings(of, usual, axes, whose) if of or axes else ():
        if isinstance(part, str):
            same = plain(part)
        else:
            found = table(part)
    return found, same


def _axes(ds: xr.Dataset, known: dict[str, Any]) -> dict[str, Any]:
    """Name a run's axes with their values, or with their cases, as its settings have them."""
    found = {axis: ds[axis].values.tolist() for axis in axes_of(ds)}
    return {
        axis: {one: known[axis][one] for one in values}
        if isinstance(known.get(axis), dict)
        else values
        for axis, values in found.items()
    }


def _changed(ds: xr.Dataset) -> dict[str, Any]:
    """Name the settings that are not the study's own, if that can be told."""
    try:
        return shown.changed(ds)
    except (InputError, KeyError, TypeError):  # of data that are not here, or another version
        return {}


def _how(ds: xr.Dataset) -> dict[str, str]:
    """Say when and where, of which revision and versions."""
    versions = json.loads(ds.attrs.get("versions", "{}"))
    said = {
        "Made": ds.attrs.get("created", "").replace("T", " ").replace("+00:00", " UTC"),
        "Took": tables.duration(float(ds.attrs["wall_seconds"]))
        if "wall_seconds" in ds.attrs
        else "",
        "Device": ds.attrs.get("device", ""),
        "Revision": ds.attrs.get("revision", ""),
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "Chunk": f"{counted(int(ds.attrs['chunk']), 'seed')} together"
        if "chunk" in ds.attrs
        else "",
    }
    return {name: value for name, value in said.items() if value}


def _preset(ds: xr.Dataset) -> str:
    """Read from its command which published row a run took its settings from."""
    words = [*shlex.split(ds.attrs.get("command", "").replace("--preset=", "--preset ")), ""]
    found = next((i for i, word in enumerate(words) if word == "--preset"), None)
    name = words[found + 1] if found is not None else ""
    return name if name in published.rows() else ""  # it may be of another version


def _software(ds: xr.Dataset) -> str:
    version = json.loads(ds.attrs.get("versions", "{}")).get("sublim", "")
    fields = {
        "title": "sublim: a minimal-theory simulator of subliminal learning",
        "author": "{The sublim authors}",
        "version": version,
        "note": f"revision {ds.attrs['revision']}" if ds.attrs.get("revision") else "",
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@software{{sublim,\n{lines}}}"


def _word(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
