"""The commands: words to calls.

Each imports what it needs when it runs: jax's libraries take seconds, --help should not.
"""

# ruff: noqa: PLC0415

import os
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import field, make_dataclass
from functools import partial, reduce
from itertools import pairwise
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.markup import escape

from sim import finished, parsed, published, terminal
from sim.config import with_file
from sim.errors import Notice, choose, require
from sim.settings import space
from sim.settings.declare import declared, replaced
from sim.settings.experiments import SWEEP, Common, Experiment, Networks, Output, Theorem
from sim.settings.recipes import recipe
from sim.settings.setup import Hyper, Matmul, Setup
from sim.terminal import (
    FORMATS,
    aside,
    console,
    print_json,
    say_cited,
    say_settings,
    show,
    stderr,
    trained,
)
from sim.training.families import FIGURE_10, Family, takes

#: How --help groups settings: as a user thinks of them.
GROUPS = ("task", "network", "base", "trait", "teacher", "channel", "filter", "inputs", "student")
GROUPS += ("change", "training", "one_step", "many_steps", "run")


def parse(arguments: list[str]) -> Callable[[], None]:
    """Read a command line and return the call that it asks for; tyro ends what cannot be read.

    The defaults that --help shows and a run takes are those of the data set, and study, named.
    """
    arguments = with_file(arguments)
    terminal.asked[:] = arguments
    if arguments == ["--version"]:
        from importlib.metadata import version

        return lambda: print(f"sublim {version('sublim')}")
    require("out", "", _after("--out", arguments) != "", "a folder's name")
    preset = _of_preset(arguments)
    dataset = _after("--dataset", arguments) or preset.get("dataset", "digits")
    images = _images(dataset)
    once = Common(), Networks(), *recipe(dataset, images), Output()
    once = replaced(preset, *once)
    grid = replaced(SWEEP, *once)
    named, of_study = _of_study(arguments, grid, preset)
    family, of_file = _of_file(arguments, grid)
    to_make = partial(partial, _command)  # below, where it is known which is named
    commands = (
        to_make(_figure10, once, FIGURE_10, **PRESET, **HOW, **CLUSTER),
        to_make(
            _sweep,
            grid,
            FIGURE_10,
            axis=(tyro.conf.UseAppendAction[tuple[str, ...]], (), AXIS),
            **PRESET,
            **HOW,
            **CLUSTER,
        ),
        to_make(
            _study,
            of_study,
            named,
            name=(tyro.conf.Positional[str], "", "Which study: a name, or a file."),
            list=(bool, False, "List the studies, with their questions."),
            row=(
                tuple[str, ...],
                (),
                "Of the study replications: these rows of `sublim catalogue` alone.",
            ),
            axis=(
                tyro.conf.UseAppendAction[tuple[str, ...]],
                (),
                "NAME=V,V,…: of one of its axes, these values alone (or others, of numbers).",
            ),
            **PRESET,
            **HOW,
            **CLUSTER,
        ),
        to_make(
            _lineage,
            of_file,
            family,
            file=(tyro.conf.Positional[Path], tyro.MISSING, "A TOML file, see examples/."),
            **HOW,
            **CLUSTER,
        ),
        to_make(_theorem, (Common(seeds=64), Theorem(), Output()), **HOW, **CLUSTER),
        to_make(
            _search,
            replaced(space.defaults(dataset), *once),
            FIGURE_10,
            trials=(int, 40, "Settings to try in all; those that are kept count."),
            over=(
                tuple[str, ...],
                tuple(space.SPACE),
                "Settings to vary: NAME, with the values of the usual space, NAME=V,V,… or "
                "NAME=LOW:HIGH. All others are as given, or the recipe's.",
            ),
            **PRESET,
            dry_run=HOW["dry_run"],
            json=JSON,
            **CLUSTER,
        ),
        to_make(_catalogue, (), json=JSON),
        to_make(
            _cite,
            (),
            name=(
                tyro.conf.Positional[str],
                published.PAPER,
                "A publication or a row of `sublim catalogue`.",
            ),
            json=JSON,
        ),
        to_make(_bench, (), **BENCH),
        to_make(finished.runs, (), folder=RUNS, json=JSON),
        to_make(finished.show, (), run=RUN, json=JSON),
        to_make(finished.plot, (), run_folder=RUN, **PLOT),
        to_make(finished.report, (), **REPORT),
        to_make(finished.compare, (), first=RUN, second=RUN, json=JSON),
        to_make(
            finished.combine,
            (),
            runs=(tyro.conf.Positional[tuple[Path, ...]], tyro.MISSING, "Folders, two or more."),
            out=(Path, Output().out, declared(Output)["out"].doc),
        ),
        to_make(finished.again, (), run=RUN),
        to_make(
            finished.verify,
            (),
            run=RUN,
            draw=(int | None, None, "Which part is computed again. Default: by chance."),
            data_dir=DATA["data_dir"],
            json=JSON,
        ),
        to_make(finished.selftest, (), json=JSON),
        to_make(_data, (), **DATA),
    )
    command = _named_first(arguments, [_name(one.args[0]) for one in commands])
    # Of the others tyro hears the names alone: to make classes of all their flags takes long.
    read = (
        one() if command in ("", _name(one.args[0])) else _command(one.args[0]) for one in commands
    )
    script = parsed.of_completion(arguments)
    with parsed.written() if script else parsed.wrapped(), parsed.in_a_line(command):
        return tyro.cli(
            reduce(or_, read),
            args=arguments,
            prog="sublim",
            description="A minimal-theory simulator of subliminal learning. --version says which. "
            "Any command takes --config FILE: a TOML file of its flags, before which others go.",
            config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
        )


def _named_first(arguments: list[str], commands: list[str]) -> str:
    """Take the command that is named, before its flags; none where help alone is asked for.

    Errors: InputError, with what is like it.
    """
    first = arguments[0] if arguments else "--help"
    if first in ("-h", "--help") or parsed.of_completion(arguments):
        return ""
    rule = "named first, as in: sublim figure10 --seeds 3"
    require("command", first, not first.startswith("-"), rule)
    choose("command", first, commands)
    return first


RUNS = (tyro.conf.Positional[Path], Path(Output().out), "Where runs lie.")
RUN = (tyro.conf.Positional[Path], tyro.MISSING, "The folder of a finished run.")
PLOT = {
    "width": (str, "", "column (3.25 inches), text (6.75) or inches. Default: each figure's own."),
    "caption": (bool, True, "Say below what is shown, with n."),
    "models": (tuple[str, ...], (), "Draw these alone, in this order. Default: all."),
    "formats": (tuple[str, ...], FORMATS, "Of png, pdf (TrueType letters), svg (text as text)."),
    "output": (
        Annotated[Path | None, tyro.conf.arg(aliases=("-o",))],
        None,
        "Folder for them. Default: the run's; if they look otherwise than its own, plots in it.",
    ),
}
AXIS = """NAME=V,V,… or NAME=FROM:TO:COUNT (with "log" behind: even ratios), as in
--axis aux=1,3,10 --axis student_lr=1e-4:1e-2:5log. NAME: any setting below, or width, depth.
Several axes make a grid."""
PRESET = {
    "preset": (
        str,
        "",
        "Take the settings of a published row: `sublim catalogue` lists them. What is set beside "
        "it goes before it.",
    )
}
JSON = (
    bool,
    False,
    "Print what the tables say as JSON on standard output, and all else on standard error.",
)
HOW = {
    "dry_run": (
        bool,
        False,
        "Say what would be done, in which settings, and what to cite; and do nothing.",
    ),
    "traps": (bool, True, "Warn of settings that have misled somebody."),
    "figures": (bool, True, "Draw them; without, `sublim plot` does so later."),
    "json": JSON,
}
CLUSTER = {
    "workers": (int, 0, "Train in so many processes of this machine, each of one core."),
    "cluster": (
        str,
        "",
        "Train on the workers of a Dask scheduler: tcp://HOST:PORT, or the file that it wrote.",
    ),
}
BENCH = {
    "repeats": (int, 5, "Chunks of seeds to time; the table shows medians."),
    "chunk": (
        tuple[int, ...],
        (),
        "Numbers of seeds to train together. Default: what a run takes, half and twice of it.",
    ),
    "matmul": (
        tuple[Matmul, ...],
        ("float32",),
        "Operands of the matrix products, one after the other.",
    ),
    "shapes": (
        Literal["mnist", "digits"],
        "mnist",
        "Whose shapes: the paper's MNIST, or the digits on which small studies run.",
    ),
    "split": (bool, False, "Split a step's time into parts, beside what limits each. Minutes."),
    "json": (bool, False, "Print JSON, in seconds, FLOP, bytes and GiB, in place of the table."),
}
REPORT = {
    "run": (tyro.conf.Positional[tuple[Path, ...]], (), "Folders of finished runs."),
    "output": (
        Annotated[Path | None, tyro.conf.arg(aliases=("-o",))],
        None,
        "The page. Default: report.html.",
    ),
    "all": (bool, False, "Of all runs in the folder that is named (runs), with an index."),
}
DATA = {
    "action": (
        tyro.conf.Positional[Literal["list", "fetch", "verify"]],
        tyro.MISSING,
        "What to do.",
    ),
    "name": (
        tyro.conf.Positional[str],
        "",
        "For fetch and verify: mnist, fashion_mnist, or (verify) a folder of IDX files.",
    ),
    "data_dir": (Path | None, None, declared(Common)["data_dir"].doc),
    "json": JSON,
}


def _command(
    call: Callable,
    parts: tuple[Any, ...] = (),
    family: Family | None = None,
    **more: tuple[Any, Any, str],
) -> Any:
    """Make a subcommand of a function, from the settings that it takes and what else it asks for.

    Settings of networks are those that have an effect on a family, at some others.

    It is called with the settings, by name, in a dict; and with the rest as arguments.
    """
    groups: dict[str, list[Any]] = {}
    for part in parts:
        for s in declared(type(part)).values():
            at = {"against": "taught"}  # or what else can be named
            if family and isinstance(part, Setup | Hyper) and not takes(family, s.name, at):
                continue
            hint = Annotated[s.hint, tyro.conf.arg(help=s.doc)]
            line = s.name, hint, field(default=getattr(part, s.name))
            groups.setdefault(s.group, []).append(line)
    made = {
        name: make_dataclass(name, groups[name], frozen=True) for name in GROUPS if name in groups
    }
    own = [
        (name, Annotated[hint, tyro.conf.arg(help=text)], field(default=default))
        for name, (hint, default, text) in more.items()
    ]

    no_words = tyro.conf.arg(help="")  # or tyro looks for some in the source, which takes long

    def run(self: Any) -> None:
        settings = {n: v for group in made for n, v in vars(getattr(self, group)).items()}
        call(*([settings] if parts else []), **{name: getattr(self, name) for name in more})

    cls = make_dataclass(
        name := _name(call),
        [
            *own,
            *((group, Annotated[of, no_words], field(default=of())) for group, of in made.items()),
        ],
        namespace={"__call__": run, "__doc__": call.__doc__},
        frozen=True,
    )
    return Annotated[cls, tyro.conf.subcommand(name)]


def _name(call: Callable) -> str:
    return call.__name__.removeprefix("_")


def _figure10(settings: dict[str, Any], **how: Any) -> None:
    """Train reference, teacher and four students for every seed: the paper's figure 10.

    Default settings are those of the data set: "sublim figure10 --dataset mnist --help" shows the
    paper's. The same command again prints the finished run, or goes on with an interrupted one.
    """
    given, output = _experiment(settings)

    def study() -> Any:
        from sim.studies.sweep import Grid

        return Grid("figure10", given, {})

    show(study, given.common, output, plans=how["dry_run"], **how)


def _sweep(settings: dict[str, Any], axis: tuple[str, ...], **how: Any) -> None:
    """Vary any settings over a grid, for many seeds: figure 10's networks at every point.

    What has been measured is kept: more seeds, more values, or another grid compute only what is
    new. An interrupted sweep goes on. Axes of numbers share one compiled program; an axis that
    changes shapes or the program compiles once a value.
    """
    given, output = _experiment(settings)

    def study() -> Any:
        from sim.settings.grid import parse
        from sim.studies.sweep import swept

        axes = [parse(text) for text in axis]
        require("axis", " ".join(axis), axes, "at least one NAME=VALUES")
        require("axis", " ".join(axis), len(dict(axes)) == len(axes), "one for each name")
        return swept(given, dict(axes))

    show(study, given.common, output, **how)


def _study(
    settings: dict[str, Any],
    name: str,
    list: bool,
    row: tuple[str, ...],
    axis: tuple[str, ...],
    **how: Any,
) -> None:
    """Run a named study: a grid that others have published about, with what they found.

    There are those that "sublim study --list" shows; one of your own is a Python file, which begins
    with its question and has AXES: values of settings by name.
    """
    from sim.studies import grids

    if list:
        questions = {one: grids.statement(one).splitlines()[0] for one in grids.names()}
        if how["json"]:
            print_json([*map(_listed, questions, questions.values())])
            return
        for one, question in questions.items():
            console.print(f"{one:24}{question}", soft_wrap=True, highlight=False)
        return
    require("study", name, name, "named; sublim study --list shows the names")
    grids.module(name)
    axes = (_of_rows(name, row) if row else {}) | grids.chosen(name, axis)
    own = name != "replications" or not how["preset"]
    require("preset", how["preset"], own, "no preset here: --row names rows of the catalogue")
    given, output = _experiment(settings)

    def study() -> Any:
        from sim.studies.named import named

        found = named(name, given, axes)
        for paragraph in grids.statement(name).split("\n\n"):
            console.print(escape(" ".join(paragraph.splitlines())) + "\n", highlight=False)
        return found

    show(study, given.common, output, **how)


def _listed(study: str, question: str) -> dict[str, Any]:
    """Say of a study what JSON has of it: its question, and how many values its axes have."""
    from sim.studies import grids

    axes = {axis: len(values) for axis, values in grids.module(study).AXES.items()}
    return {"name": study, "question": question, "axes": axes}


def _of_rows(study: str, rows: tuple[str, ...]) -> dict[str, Any]:
    """Find the settings to run for some rows of the catalogue."""
    from sim.published import changes

    require("row", " ".join(rows), study == "replications", "of the study replications")
    for row in rows:
        choose("row", row, changes.replicable(), "of ")
    return {"setting": changes.cases(rows)}


def _lineage(settings: dict[str, Any], file: Path, **how: Any) -> None:
    """Run a family of your own: who starts from whom, learns what from whom, with rates of a trait.

    A TOML file has settings by name, which flags go before, and a table members.NAME for each
    member: start (a member above it, init or other_init), learns (base, labels, logits with a
    teacher, change with a name), and settings of its own.
    """
    from sim.studies import lineage

    of = lineage.read(file)
    given, output = _experiment(settings)
    show(lambda: lineage.made(of, given), given.common, output, **how)


def _theorem(settings: dict[str, Any], **how: Any) -> None:
    """Hold the paper's Lemma 1 and Theorem 1 against networks, in float64, over many seeds.

    Prints one line per statement: its equation, which hypotheses were checked, what was measured,
    and the verdict (holds, violated, degenerate, not applicable; "undecided" where seeds are too
    few; "estimate" where the theory gives a size and not a truth). The same command again prints
    the finished run, or goes on with an interrupted one.
    """
    common, theorem, output = replaced(settings, Common(), Theorem(), Output())

    def study() -> Any:
        from sim.studies.theorem.run import Checks

        return Checks(common, theorem)

    show(study, common, output, plans=False, **how)


def _search(
    settings: dict[str, Any],
    trials: int,
    over: tuple[str, ...],
    preset: str,
    dry_run: bool,
    json: bool,
    workers: int,
    cluster: str,
) -> None:
    """Search the settings at which students do best, on validation images alone.

    Trials are optuna's (the extra analysis). The same command goes on where it stopped; more
    trials add to those that are there. No test image counts: run figure10 at the best settings,
    once, for that.
    """
    require("trials", trials, trials > 0, "a positive whole number")
    given, output = _experiment(settings)
    from sim.report import progress, tables
    from sim.report.names import counted
    from sim.studies.search import TABLE, Search

    search = Search(given, space.chosen(over), output.out)
    kept = search.kept
    if dry_run:
        with aside(json):
            say_settings(vars(given.setup) | vars(given.hyper), search.over, FIGURE_10)
            place = escape(str(search.folder))
            console.print(
                f"{len(kept)} of {counted(trials, 'trial')} are in {place}", soft_wrap=True
            )
            say_cited(preset)
        if json:
            print_json({"folder": str(search.folder), "kept": len(kept), "trials": trials})
        return

    done = [*kept]

    def stopped() -> str:
        there = f"{counted(len(done), 'trial')} of {trials}"
        return f"Stopped: {there} are in {search.folder}. The same command goes on."

    with progress.stopping(stopped), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of settings that mislead: what they do is measured
        warnings.simplefilter("always", Notice)  # what befalls files is said
        bar = progress.bar(stderr, f"search, {counted(trials, 'trial')}")
        work = trained(workers, cluster) if len(kept) < trials else nullcontext()
        with aside(json), work, bar as tell:

            def heard(trial: Any) -> None:
                done.append(trial)
                tell(len(done), trials)

            found = search.best(trials, heard)
    if json:
        print_json({"folder": str(search.folder), "trials": [trial._asdict() for trial in found]})
        return
    console.print(tables.trials(found, len(given.common.each_seed), given.common.dataset))
    console.print(f"All trials: {escape(str(search.folder / TABLE))}", soft_wrap=True)


def _catalogue(json: bool) -> None:
    """List what was published about small networks: each row is a preset, with its source.

    Where a row has another command than figure10, its networks are that study's. Numbers are test
    accuracies on MNIST, of students on auxiliary logits unless said.
    """
    from sim.report import published as shown

    if json:
        print_json([*shown.listed()])
        return
    for one in shown.catalogue():
        console.print(one)
        console.print()


def _cite(name: str, json: bool) -> None:
    """Print the BibTeX entry of a publication, or of a row of the catalogue."""
    if json:
        of = published.source(name)
        key = published.publication(name)
        print_json({"name": key, "kind": of.kind, **of.fields, "bibtex": published.cite(name)})
        return
    console.print(published.cite(name), soft_wrap=True, highlight=False, markup=False)


def _bench(
    repeats: int,
    chunk: tuple[int, ...],
    matmul: tuple[str, ...],
    shapes: str,
    split: bool,
    json: bool,
) -> None:
    """Time figure 10's training here, beside the matrix product.

    Random images, no download. Takes about a minute for each number of seeds on two fast cores.
    """
    for name, values in (("repeats", (repeats,)), ("chunk", chunk)):
        require(name, values, all(v > 0 for v in values), "positive whole numbers")
    from sim.report.progress import bar, stopping

    with stopping(lambda: "Stopped."), bar(stderr, "bench") as progress:
        from sim.engine.bench import bench

        found = bench(repeats, chunk, matmul, progress, shapes, split)
    if json:
        console.print_json(data=found)
    else:
        from sim.report import tables

        for table in (tables.bench(found), *tables.parts(found)):
            console.print(table)


def _data(action: str, name: str, data_dir: Path | None, json: bool) -> None:
    """List the known data sets, fetch one, or verify the files of one."""
    from sim.model import sources

    if action == "list":
        found = [
            {"name": known, "what": line, "status": sources.status(known, data_dir)}
            for known, line in sources.KNOWN.items()
        ]
        lines = [f"{one['name']:14}{one['what']}\n{'':14}{one['status']}" for one in found]
    else:
        require("name", name, name, f"what to {action}, as in: mnist")
        if action == "fetch":
            with aside(json):
                found = [{"name": name, "folder": sources.fetch(name, data_dir)}]
            lines = [f"{name} is in {one['folder']}, verified" for one in found]
        else:
            found = [
                {"file": file, "verdict": verdict}
                for file, verdict in sources.verify(name, data_dir)
            ]
            lines = [f"{one['file']}: {one['verdict']}" for one in found]
    if json:
        print_json(found)
        return
    for line in lines:
        console.print(escape(line), soft_wrap=True, highlight=False)


def _experiment(settings: dict[str, Any]) -> tuple[Experiment, Output]:
    """Check the settings of a command that trains networks."""
    setup, hyper = recipe("digits")
    *parts, output = replaced(settings, Common(), Networks(), setup, hyper, Output())
    return Experiment(*parts), output


def _of_preset(arguments: list[str]) -> dict[str, Any]:
    """Find the settings of the published row that is named. Errors: InputError."""
    if not (name := _after("--preset", arguments)):
        return {}
    row = published.row(name)
    own = {*row.command.split()} <= {*arguments}
    fits = own or (row.command == "figure10" and arguments[0] in ("sweep", "study", "search"))
    require("preset", name, fits, f"of this command; it is of: sublim {row.command}")
    return {"dataset": row.dataset} | published.preset(name)


def _of_study(
    arguments: list[str], parts: tuple[Any, ...], preset: dict[str, Any]
) -> tuple[Family | None, tuple[Any, ...]]:
    """Find a named study's family; put its own settings in the place of defaults."""
    from sim.studies import grids

    words = arguments[1:] if arguments[:1] == ["study"] else []
    name = next((w for w in words if w in grids.names() or w.endswith(".py")), None)
    dataset = _after("--dataset", arguments) or preset.get("dataset", "digits")
    if not name:
        return None, parts
    return grids.family(name), replaced(grids.settings(name, dataset) | preset, *parts)


def _of_file(arguments: list[str], parts: tuple[Any, ...]) -> tuple[Family | None, tuple[Any, ...]]:
    """Find the family of a file; put the file's settings in the place of defaults."""
    words = arguments[1:] if arguments[:1] == ["lineage"] else []
    file = next((word for word in words if os.path.isfile(os.path.expanduser(word))), None)
    if not file:
        return None, parts
    from sim.studies import lineage

    of = lineage.read(file)
    dataset = _after("--dataset", arguments) or of.dataset
    common, networks, *_, output = parts
    usual = common, networks, *recipe(dataset, _images(dataset)), output
    return of.family, replaced(lineage.settings(of, dataset) | {"dataset": dataset}, *usual)


def _after(flag: str, arguments: list[str]) -> str | None:
    """Read what stands behind a flag, before it is parsed: there too, the last counts."""
    found = None
    for word, following in pairwise([*arguments, ""]):
        name, equals, value = word.partition("=")
        if name == flag:
            found = value if equals else following
    return found


def _images(dataset: str) -> int | None:
    """Training images of a user's own folder or file, on which its recipe hangs."""
    if not os.path.exists(os.path.expanduser(dataset)):
        return None
    from sim.model import sources

    return sources.training_images(dataset)
