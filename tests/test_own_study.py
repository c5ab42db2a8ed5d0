"""A study of a user's own: a Python file with a question and axes, run as ours are."""

import subprocess
import sys
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.studies import grids
from sim.studies.named import named
from sim.studies.sweep import of_task

ROOT = Path(__file__).parent.parent
TEXT = '''"""Does a wider channel help?

More to know.
"""

AXES = {"aux": (1, 3), "student_lr": (1e-3, 3e-3)}
SETTINGS = {"loss": "squared_error"}
'''


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
