"""A study of a user's own: a Python file with a question and axes, run as ours are."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError
from sim.pages import content
from sim.report import tables
from sim.runs import identity
from sim.runs.run import Run
from sim.settings.grid import plain
from sim.settings.setup import Hyper, Setup
from sim.studies import grids, lineage, shown
from sim.studies.named import named
from sim.studies.sweep import of_task, swept
from tests import made_up

ROOT = Path(__file__).parent.parent
TEXT = '''"""Does a wider channel help?

More to know.
"""

AXES = {"aux": (1, 3), "student_lr": (1e-3, 3e-3)}
SETTINGS = {"loss": "squared_error"}
'''


CASES = {"[bold]x": {"aux": 2}, "b, c": {"aux": 3, "student_lr": 1e-3}}
FAMILY = """
student_lr = 0.5
[members.teacher]
start = "init"
learns = "labels"
trait = true
[members.pupil]
start = "init"
learns = "logits"
teacher = "teacher"
"""


def as_results(grid):
    """Results of a grid that nobody has computed, with the attributes that a run gives them."""
    axes = {axis: [*values] for axis, values in grid.axes.items()}
    return made_up.sweep(2, **axes).assign_attrs(Run(grid)._attributes() | {"seeds": 2})


def written(folder, text, name="mine.py"):
    (file := folder / name).write_text(text)
    return str(file)


def test_a_file_is_a_study(tmp_path):
    file = written(tmp_path, TEXT)
    assert grids.statement(file).startswith("Does a wider channel help?")
    assert grids.chosen(file, ["aux=3"]) == {"aux": (3,)}
    given = of_task("synthetic:8x3", **(grids.settings(file, "synthetic:8x3") | {"seeds": 2}))
    grid = named(file, given, {"aux": (3,)})
    assert (grid.name, len(grid.points)) == ("mine", 2)
    assert {point.setup.loss for point in grid.points} == {"squared_error"}


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ("x =", "mine.py", "SyntaxError"),
        ("import nothing_of_that_name", "mine.py", "ModuleNotFoundError"),
        ("AXES = {'aux': (1,)}", "mine.py", "begins with its question"),
        ('"""Why?"""', "mine.py", "with AXES"),
        (TEXT, "width.py", "a name of its own"),
        (TEXT, "a b.py", "a name of its own"),
        (TEXT, "figure10.py", "a name of its own"),
        (TEXT + "SETTINGS = [1]", "mine.py", "SETTINGS is a dict"),
    ],
)
def test_what_is_no_study_is_said_in_one_line(tmp_path, text, name, why):
    with pytest.raises(InputError, match=why) as error:
        grids.module(written(tmp_path, text, name))
    assert "\n" not in str(error.value)


def test_an_edited_file_is_another_study(tmp_path):
    assert grids.module(written(tmp_path, TEXT)).AXES["aux"] == (1, 3)
    assert grids.module(written(tmp_path, TEXT.replace("(1, 3)", "(2,)"))).AXES["aux"] == (2,)


def test_questions_are_read_where_python_leaves_docstrings_out(tmp_path):
    file = written(tmp_path, TEXT)
    code = f"from sim.studies import grids; print(*map(grids.statement, ('width', {file!r})))"
    command = [sys.executable, "-OO", "-c", code]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out == f"{grids.statement('width')} {grids.statement(file)}\n"
    assert "Does a wider channel help?" in out


def test_the_command_says_its_question_and_plan(sublim, tmp_path):
    file = written(tmp_path, TEXT)
    code, out, _ = sublim("study", file, "--seeds", 2, "--dry-run", "--axis", "aux=3")
    assert code == 0
    assert "Does a wider channel help?" in out
    assert "2 points" in out
    code, _, err = sublim("study", tmp_path / "none.py")
    assert code == 2
    assert "must be a file, or a name that sublim study --list shows" in err


def test_settings_of_its_own_are_as_usual_and_its_question_is_kept(tmp_path):
    file = written(tmp_path, TEXT)
    usual = grids.settings(file, "synthetic:8x3") | {"seeds": 2}
    ds = as_results(named(file, of_task("synthetic:8x3", **usual)))
    (tmp_path / "mine.py").unlink()
    assert shown.changed(ds) == {}
    assert content._question(ds) == ["Does a wider channel help?", "More to know."]
    other = as_results(named(written(tmp_path, TEXT), of_task("synthetic:8x3", **usual, batch=9)))
    assert shown.changed(other) == {"batch": 9}
    old = ds.drop_attrs().assign_attrs({k: v for k, v in ds.attrs.items() if k != "usual"})
    assert shown.changed(old) == {"loss": "squared_error"}  # as an earlier version has left it


def test_a_recipe_that_goes_by_size_and_one_of_a_family_are_as_usual(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 3)).astype(np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "few.npz", x=x[:30], y=y[:30], x_test=x[30:], y_test=y[30:])
    given = of_task(tmp_path / "few.npz", seeds=2)
    assert given.setup.teacher_epochs > 5
    assert shown.changed(as_results(swept(given, {"aux": (1, 2)}))) == {}
    of = lineage.read(written(tmp_path, FAMILY, "pair.toml"))
    usual = lineage.settings(of, "synthetic:8x3") | {"seeds": 2}
    for more, other in (({}, {}), ({"student_lr": 0.25}, {"student_lr": 0.25})):
        made = lineage.made(of, of_task("synthetic:8x3", **(usual | more)))
        assert shown.changed(as_results(made)) == other


def said(found):
    """The words of tables and lines, as a terminal shows them."""
    for part in found:
        yield (
            part
            if isinstance(part, str)
            else [[*row] for row in zip(*(c.cells for c in part.columns), strict=True)]
        )


def test_what_cases_set_is_varied_and_labels_are_words(sublim, tmp_path):
    usual = vars(Setup()) | vars(Hyper())
    rows, line = said(tables.settings(usual | {"batch": 9}, usual, {"case": CASES}, "the paper's"))
    assert rows[0] == [r"case", r"\[bold]x (aux 2); b, c (aux 3, student_lr 0.001)", ""]
    assert ["batch", "9", "1024"] in rows
    assert "aux 3" not in line
    assert "student_lr" not in line
    assert "temperature 1.0" in line
    rows, _ = said(tables.settings({**usual, "aux": 5}, usual, {"case": CASES}, "the paper's"))
    assert len(rows) == 1  # of no effect: all cases have their own
    some = {"case": {"a": {"aux": 2}, "b": {}}}
    rows, _ = said(tables.settings(usual | {"aux": 5}, usual, some, "the paper's"))
    assert rows[1] == ["aux", "5", "3"]
    file = written(tmp_path, f'"""Why?"""\nAXES = {{"case": {CASES}}}')
    _, out, _ = sublim("study", file, "--dataset", "synthetic:8x3", "--dry-run")
    assert "[bold]x (aux 2); b, c (aux 3" in out
    ds = as_results(named(file, of_task("synthetic:8x3", seeds=2)))
    table, line = content._settings(ds)
    assert table.rows[0][1] == "[bold]x (aux 2); b, c (aux 3, student_lr 0.001)"
    assert "student_lr" not in line


def test_what_axes_set_at_all_points_is_no_part_of_a_run(tmp_path):
    def run(axes, **given):
        return Run(swept(of_task("synthetic:8x3", seeds=2, **given), axes), tmp_path)

    assert run({"aux": (2, 3)}, aux=4).folder == run({"aux": (2, 3)}).folder
    assert run({"aux": (2, 3)}, temperature=4.0).folder != run({"aux": (2, 3)}).folder
    with pytest.raises(InputError, match="without channel, which it sets"):
        run({"aux": (2, 3)}, channel=2)
    both = {"width": (8, 16), "depth": (1, 2)}
    assert run(both, widths=(4,)).folder == run(both).folder
    assert run({"width": (8, 16)}, widths=(4,)).folder != run({"width": (8, 16)}).folder  # depth
    cases = {"case": {"a": {"aux": 2}, "b": {"aux": 3, "batch": 9}}}
    assert run(cases, aux=4).folder == run(cases).folder
    some = {"case": {"a": {"aux": 2}, "b": {}}}
    assert run(some, aux=4).folder != run(some).folder
    assert [p.setup.aux for p in run(some, aux=4).study.points] == [2, 4]
    # What goes with a value that is set beside it stays.
    of = {"optimizer": ("sgd",)}
    sgd = run(of, optimizer="sgd", momentum=0.9)
    assert json.loads(json.dumps(sgd.study.settings))["setup"]["optimizer"] == "sgd"
    assert identity.set_by(plain(cases)) == ({"aux", "batch"}, {"aux"})
