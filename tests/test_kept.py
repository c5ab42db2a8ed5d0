"""sim/studies/kept.py: finished runs are listed, shown, and held against each other."""

import json
import shlex
import shutil
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rich.console import Console

import sim
from sim import finished
from sim.errors import InputError
from sim.pages import content, plainly
from sim.report import runs
from sim.report.runs import found
from sim.runs import results
from sim.studies import kept
from sim.studies.theorem.judged import Statement
from tests import made_up
from tests.test_union import of as of_whole
from tests.test_union import whole

DATA, SEEDS = "synthetic:12x4", 2


class Run(NamedTuple):
    folder: Path
    ds: xr.Dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small):
    """Three runs: as usual, at another rate with more seeds, and a damaged one."""
    folder = tmp_path_factory.mktemp("runs")
    small = small | {"chunk": SEEDS}  # one program for all
    sim.figure10(DATA, SEEDS, out=folder, **small)
    sim.figure10(DATA, SEEDS + 1, out=folder, student_lr=0.5, **small)
    bad = folder / "figure10-damaged"
    bad.mkdir()
    (bad / results.RESULTS).write_bytes(b"none")
    return folder


def by_lr(folder, lr):
    """Find the run of a rate: its folder, and its results."""
    for one in folder.glob("figure10-synthetic-*"):
        ds = results.load(one)
        if kept.settings(ds)["student_lr"] == lr:
            return Run(one, ds)
    raise AssertionError(lr)


def test_runs_are_listed_with_what_is_not_as_usual(folder, sublim):
    code, out, _ = sublim("runs", folder)
    assert code == 0
    assert out.startswith("3 finished runs")
    assert "figure10-damaged" in out
    assert "axes" not in out.splitlines()[1]  # of which none has any
    rows = {row[0]: row for row in map(kept.row, kept.folders(folder))}
    usual, other = by_lr(folder, 2e-3), by_lr(folder, 0.5)
    assert rows[usual.folder.name][1] == str(SEEDS)
    assert "student_lr 0.5" in rows[other.folder.name][3]
    assert "student_lr" not in rows[usual.folder.name][3]
    assert "widths 16, 16" in rows[usual.folder.name][3]
    assert rows[usual.folder.name][4].startswith("20")
    assert rows["figure10-damaged"][3]


@pytest.mark.parametrize(("width", "columns"), [(120, True), (70, False), (20, False)])
def test_a_run_is_named_whole_however_narrow_a_terminal_is(width, columns):
    rows = [
        (
            "sweep-digits-0123456789",
            "16",
            "aux × 4, noise scale × 3",
            "widths 8",
            "2026-01-01",
            "9 s",
        ),
        ("figure10-digits-98765432", "8", "", "", "2026-01-02", "8 s"),
    ]
    page = StringIO()
    Console(file=page, width=width).print(runs.listed(rows, "runs"), crop=False)
    words = " ".join(page.getvalue().split())
    assert words.startswith("2 finished runs in runs")
    for name, *values in rows:
        (line,) = (line for line in page.getvalue().splitlines() if name in line)
        assert (line.rstrip() != name) == columns
        assert all(value in words for value in values)
    assert ("axes: aux" in words) != columns


def test_where_there_are_no_runs_a_line_says_so(tmp_path, sublim):
    (tmp_path / "a-folder-of-a-long-name").mkdir()
    folder = tmp_path / "a-folder-of-a-long-name"
    assert sublim("runs", folder) == (0, f"No finished runs in {folder}\n", "")
    assert sublim("runs", folder, "--json") == (0, "[]\n", "")


def saved_as(ds, folder, study, kind, **more):
    """A run of another study, with the same numbers."""
    attrs = {"study": study, "experiment": kind} | more
    results.save(ds.assign_attrs(attrs), folder / study / results.RESULTS)


def test_runs_of_no_named_study_are_listed_too(folder, sublim, tmp_path):
    """A sweep, a trial of a search, a family from a file; and what another version has left."""
    ds = by_lr(folder, 0.5).ds
    for name, kind in (("sweep", "sweep"), ("search", "figure10"), ("a_family", "lineage")):
        (tmp_path / name).mkdir()
        saved_as(ds, tmp_path, name, kind)
    (tmp_path / "old").mkdir()
    old = ds.attrs["settings"].replace('"student_lr"', '"rate_of_students"')
    saved_as(ds, tmp_path, "old", "sweep", settings=old)
    code, out, _ = sublim("runs", tmp_path)
    assert code == 0
    assert out.count("student_lr 0.5") == 3
    assert "of another version" in out


def test_a_run_is_shown_with_how_it_was_made(folder, sublim):
    code, out, _ = sublim("show", by_lr(folder, 2e-3).folder)
    assert code == 0
    assert "student_aux" in out
    assert "Made: 20" in out
    assert "Took: " in out
    assert "Revision: " in out


def test_the_command_is_kept(sublim, tmp_path, small):
    words = ["--teacher-steps", "6", "--student-steps", "6", "--batch", "32", "--points", "2"]
    words += ["--widths", "16", "16", "--noise-images", "96", "--chunk", str(SEEDS)]
    out = tmp_path / "runs"
    sublim("figure10", "--dataset", DATA, "--seeds", "3", *words, "--out", out, "--no-figures")
    (one,) = (Run(at, results.load(at)) for at in kept.folders(out))
    changed = one.ds.assign(test_accuracy=one.ds.test_accuracy + 0.25)
    changed.attrs["command"] = one.ds.attrs["command"]
    results.save(changed, one.folder / results.RESULTS)
    code, said, _ = sublim("again", one.folder)
    assert code == 1
    assert "What both measured" in said
    assert one.ds.attrs["command"].startswith(f"sublim figure10 --dataset {DATA} --seeds 3 ")
    assert one.ds.attrs["wall_seconds"] > 0


def test_a_run_again_has_the_chunk_that_it_had(folder, sublim, tmp_path, small):
    """Whatever its command says: another chunk would be other last bits."""
    ds = by_lr(folder, 0.5).ds
    small = small | {"student_lr": 0.5}
    words = [w for n, v in small.items() for w in (f"--{n.replace('_', '-')}", *map(str, many(v)))]
    command = shlex.join(
        ["sublim", "figure10", "--dataset", DATA, "--seeds", str(SEEDS + 1), *words]
    )
    results.save(ds.assign_attrs(command=command), tmp_path / results.RESULTS)
    code, said, _ = sublim("again", tmp_path)
    assert "Settings, seeds, versions, device and revision are the same." in said
    assert (code, said.count("Results are the same, bit by bit.")) == (0, 1)


def test_a_run_again_of_json_words_and_of_files_from_elsewhere(
    folder, tmp_path, monkeypatch, capsys
):
    """Nothing is trained here: what was parsed, and where."""
    ds = by_lr(folder, 2e-3).ds
    (there := tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    seen = []

    def parse(words):
        seen.append((words, Path.cwd()))
        (of := Path(words[words.index("--out") + 1]) / "run").mkdir()
        off = 5e-4 * len(seen)
        changed = ds.assign(test_accuracy=ds.test_accuracy + off)
        return lambda: results.save(changed, of / results.RESULTS)

    monkeypatch.setattr("sim.commands.parse", parse)
    command = "sublim figure10 --config mine.toml --json"
    kept_as = ds.assign_attrs(command=command, directory=str(there))
    results.save(kept_as, tmp_path / results.RESULTS)
    with pytest.raises(SystemExit, match="1"):
        finished.again(tmp_path)
    out = capsys.readouterr().out
    words, place = seen[0]
    assert words[-2:] == ["--no-json", "--no-figures"]  # the last of two counts
    assert place == there
    assert Path.cwd() == tmp_path
    assert "Other last bits, as where a run was extended" in out
    seen.append(())
    with pytest.raises(SystemExit):
        finished.again(tmp_path)
    assert "extended" not in capsys.readouterr().out  # by more than last bits
    there.rename(tmp_path / "gone")
    monkeypatch.setattr("sim.commands.parse", lambda words: sim.study(words[2]))
    gone = ds.assign_attrs(command="sublim study none.py", directory=str(there))
    results.save(gone, tmp_path / results.RESULTS)
    with pytest.raises(InputError, match=f"it was made in {there}, which is gone"):
        finished.again(tmp_path)


def test_networks_that_diverged_are_marked(sublim, tmp_path):
    a = made_up.sweep(3, aux=[1, 3])
    b = a.copy(deep=True)
    b["diverged"][0, 1, 2] = True
    a["diverged"][0, :, 3] = True
    cells = [[str(cell) for cell in c.cells] for c in runs.apart(kept.apart(a, b), "ab", 3).columns]
    rows = {row[:3]: row[3:] for row in zip(*cells, strict=True)}
    lost = rows["1", "test accuracy", "student_aux"]
    assert [one.partition("×")[2] for one in lost] == ["", "1", "1"]
    lost = rows["1", "test accuracy", "cross_aux"]
    assert [one.partition("×")[2] for one in lost] == ["all", "", "all"]
    assert not any("×" in one for one in rows["3", "test accuracy", "teacher"])
    assert "×k: k seeds diverged" in runs.apart(kept.apart(a, b), "ab", 3).title
    monkeyed = {"settings": '{"settings": {}, "validation": 0, "versions": {}}'}
    found = finished._apart(a.assign_attrs(monkeyed), b.assign_attrs(monkeyed, seeds=3))
    (row,) = (r for r in found["rows"] if (r["aux"], r["model"]) == (1, "student_aux"))
    assert [row[name]["diverged"] for name in ("a", "b", "change")] == [0, 1, 1]


def test_a_combined_run_says_of_which(sublim, tmp_path):
    ds = whole()
    for i, part in enumerate(([0, 1, 2], [3, 4, 5])):
        one = of_whole(ds.isel(seed=part), seeds=f"{part[0]}:{part[-1] + 1}", command=f"sublim {i}")
        (tmp_path / f"part-{i}").mkdir()
        results.save(one, tmp_path / f"part-{i}" / results.RESULTS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(finished, "draw", lambda *_: None)
        sublim("combine", tmp_path / "part-0", tmp_path / "part-1", "--out", tmp_path / "whole")
    ((one),) = kept.folders(tmp_path / "whole")
    said = f"{tmp_path / 'part-1'}, seeds 3:6: sublim 1"
    assert f"Part 2: {said}" in sublim("show", one)[1]
    both = results.load(one)
    assert content.run(both, "run-1").combined[1] == said
    assert not [line for line in plainly.plainly(both) if "command" in line]
    assert not kept.combined(ds)


def many(value):
    return value if isinstance(value, tuple) else (value,)


def test_a_run_of_no_command_is_not_run_again(folder, sublim):
    code, _, err = sublim("again", by_lr(folder, 2e-3).folder)
    assert code == 2
    assert "must be of a command: one made from Python, or combined, has none" in err


def test_two_runs_are_held_against_each_other_by_seeds(folder, sublim):
    a, b = by_lr(folder, 2e-3).ds, by_lr(folder, 0.5).ds
    found = kept.unlike(a, b)
    assert found.keys() == {"student_lr", "seeds"}
    assert found["student_lr"] == (2e-3, 0.5)
    assert found["seeds"] == (SEEDS, SEEDS + 1)
    (one,) = (x for x in kept.apart(a, b) if x.model == "student_aux")
    seeds = slice(SEEDS)
    change = b.test_accuracy.isel(seed=seeds) - a.test_accuracy.isel(seed=seeds)
    assert float(one.change.mean) == pytest.approx(float(change.sel(model="student_aux").mean()))
    assert int(one.change.n) == SEEDS
    assert not kept.same_bits(a, b)
    code, out, _ = sublim("compare", by_lr(folder, 2e-3).folder, by_lr(folder, 0.5).folder)
    assert code == 0
    assert f"n = {SEEDS} seeds that both have" in out


def test_the_same_run_at_another_place_is_the_same(folder, sublim, tmp_path):
    one = by_lr(folder, 2e-3).folder
    shutil.copytree(one, tmp_path / "copy")
    _, out, _ = sublim("compare", one, tmp_path / "copy")
    assert "Results are the same, bit by bit." in out
    assert "are the same." in out.splitlines()[0]


def test_other_data_functions_or_code_of_the_same_name_are_said(folder):
    ds = by_lr(folder, 2e-3).ds
    of = json.loads(ds.attrs["settings"])
    changed = {"data_sha256": "of others", "functions": {"loss mine": "abc"}, "code_sha256": "new"}
    other = ds.assign_attrs(settings=json.dumps(of | changed))
    assert kept.unlike(ds, other) == {name: (of[name], new) for name, new in changed.items()}


def test_a_bit_is_seen(folder):
    ds = by_lr(folder, 2e-3).ds
    other = ds.copy(deep=True)
    other.test_accuracy[0, 0] = np.nextafter(other.test_accuracy[0, 0], 2)
    assert kept.same_bits(ds, ds.assign_attrs(created="later"))
    assert not kept.same_bits(ds, other)


def test_two_runs_of_the_theorem_are_held_against_each_other_by_statement(monkeypatch, capsys):
    runs = [
        xr.Dataset({"dot": ("seed", [1.0, i])}, attrs={"experiment": "theorem"}) for i in (1, 2)
    ]
    same = ("L_S falls", "(2)", "n, ε", "3 of 3", "holds")
    said = [[same, ("δ → 0", "(3)", "", *last)] for last in (("1e-3", "holds"), ("1", "violated"))]
    tables = {
        id(ds): pd.DataFrame(map(Statement._make, of)) for ds, of in zip(runs, said, strict=True)
    }
    monkeypatch.setattr(kept, "rows", lambda ds: tables[id(ds)])
    assert kept.found(*runs)[1] == ("δ → 0", "(3)", ("1e-3", "holds"), ("1", "violated"))
    table = found(kept.found(*runs), ["a", "b"])
    assert table.title == (
        "2 statements: 1 of other verdicts, 1 of other numbers as they are shown, "
        "0 of one run alone"
    )
    assert table.row_count == 1
    assert "0 of other numbers" in found(kept.found(runs[0], runs[0]), ["a", "b"])
    assert "bits differ below" in found(kept.found(runs[0], runs[0]), ["a", "b"])
    more = xr.Dataset(attrs={"experiment": "theorem"})
    tables[id(more)] = tables[id(runs[0])].replace("(3)", "(4)")
    assert [(one.a, one.b) for one in kept.found(runs[0], more)][1:] == [
        (("1e-3", "holds"), ("", "")),
        (("", ""), ("1e-3", "holds")),
    ]
    assert "2 of one run alone" in found(kept.found(runs[0], more), ["a", "b"]).title
    monkeypatch.setattr(kept, "unlike", lambda a, b: {})
    assert not finished._same(*runs, ["a", "b"])
    assert "δ → 0" in capsys.readouterr().out
    assert [one["b"] for one in finished._apart(*runs)["rows"]] == [
        ("3 of 3", "holds"),
        ("1", "violated"),
    ]
    with pytest.raises(InputError, match=r"models = \[\]: must be some that both runs have"):
        [*kept.apart(runs[0], made_up.sweep(2).assign_coords(seed=[0, 1]))]


def test_what_cannot_be_compared_is_said(capsys):
    a = made_up.sweep(3, aux=[1, 3])
    with pytest.raises(InputError, match=r"axes = 'batch': must be of both runs"):
        [*kept.apart(a, made_up.sweep(3, aux=[1, 3], batch=[8, 16]))]
    with pytest.raises(InputError, match=r"aux = \[\]: must be some that both runs have"):
        [*kept.apart(a, made_up.sweep(3, aux=[5]))]
    with pytest.raises(InputError):  # and nothing is printed before
        finished._same(a, made_up.sweep(3, aux=[5]), ["first", "second"])
    assert capsys.readouterr().out == ""
    shared = [*kept.apart(a, made_up.sweep(5, aux=[3, 9]))]
    assert {one.at["aux"] for one in shared} == {3}
    assert {int(one.change.n) for one in shared} == {3}


@pytest.mark.parametrize(
    "words", [["runs", "nowhere"], ["show", "nowhere"], ["again", "nowhere"], ["compare", "a", "b"]]
)
def test_what_is_no_run_is_said(sublim, words):
    code, out, err = sublim(*words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
