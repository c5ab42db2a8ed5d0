"""Write pages: a report of some runs, and an index of a folder of them, with a report for each."""

import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sim.errors import InputError, StorageError, a_path, needs, require
from sim.pages import content
from sim.pages.script import vega
from sim.runs import results, store
from sim.studies import kept

REPORT, INDEX = "report.html", "index.html"


def page(runs: Sequence[str | Path] | str | Path, path: str | Path = REPORT) -> Path:
    """Write a report of finished runs as one page, which opens anywhere with no network.

    Args:
      runs: folders of finished runs, or one.
      path: of the page.

    Returns the path. Errors: InputError for what is no run of ours, or without the libraries of the
    extra "report"; StorageError for a path that cannot be written.

    """
    listed = isinstance(runs, list | tuple)
    each = runs if listed else [runs]
    folders = [a_path("runs", one, "folders of finished runs") for one in each]
    require("runs", runs, folders, "one or more folders of finished runs")
    path = a_path("output", path)
    rule = "a file's name, as in: report.html"
    require("output", str(path), path.suffix in (".html", ".htm") and not os.path.isdir(path), rule)
    needs("jinja2", "report")
    script = vega()
    found = [content.run(results.load(one), f"run-{i}") for i, one in enumerate(folders, 1)]
    title = found[0].title if len(found) == 1 else f"{len(found)} runs"
    own = (files("sim.pages") / "explore.js").read_text("utf-8")
    return _written("report.html.j2", path, runs=found, title=title, scripts=[script, own])


def index(folder: str | Path) -> Path:
    """Write a report into each run of a folder, and a page that lists them. Errors: InputError."""
    folder = Path(folder)
    needs("jinja2", "report")
    found = []
    for one in kept.folders(folder):
        name, seeds, axes, changed, made, took = kept.row(one)
        line: dict[str, Any] = {"name": name, "seeds": seeds, "axes": axes, "made": made}
        line |= {"changed": changed, "took": took, "address": "", "wrong": ""}
        try:
            ds = results.load(one)
            page(one, one / REPORT)
            line["study"] = ds.attrs["study"].replace("_", " ")
            line["dataset"] = ds.attrs["dataset"]
            line["address"] = quote((one / REPORT).relative_to(folder).as_posix())
        except (InputError, KeyError, ValueError) as error:
            line["wrong"] = str(error) if isinstance(error, InputError) else "of another version"
        found.append(line)
    require("folder", str(folder), found, "a folder with finished runs in it")
    title = f"Runs in {folder.resolve().name}"
    return _written("index.html.j2", folder / INDEX, runs=found, title=title)


def _written(template: str, path: Path, **what: Any) -> Path:
    """Fill a template and write it, whole or not at all."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    made = Environment(
        loader=PackageLoader("sim.pages", "."),
        autoescape=True,  # names are their users'
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (files("sim.pages") / "page.css").read_text("utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from None
    store.write(path, made.get_template(template).render(style=style, **what).encode())
    return path
