"""sim/config.py: flags from a file, as if they stood on the command line; and JSON for programs."""

import json
import re

import pytest

from sim.config import with_file
from sim.errors import InputError
from sim.runs import results
from tests.test_union import whole

FILE = """
seeds = "100:104"
student_lr = 1e-3
models = ["student_aux", "cross_aux"]
traps = false
csv = true
[axis]
aux = [1, 3]
noise_scale = "0.5:2:3log"
"""
FLAGS = ["--seeds=100:104", "--student-lr=0.001", "--models", "student_aux", "cross_aux"]
FLAGS += ["--no-traps", "--csv", "--axis", "aux=1,3", "--axis", "noise_scale=0.5:2:3log"]


@pytest.mark.parametrize("form", [["--config", "FILE"], ["--config=FILE"]])
def test_flags_of_a_file_stand_before_others(tmp_path, form):
    (file := tmp_path / "run.toml").write_text(FILE)
    words = [word.replace("FILE", str(file)) for word in form]
    assert with_file(["sweep", *words, "--seeds", "4"]) == ["sweep", *FLAGS, "--seeds", "4"]
    assert with_file(["sweep", "--seeds", "4", *words]) == ["sweep", *FLAGS, "--seeds", "4"]
    assert with_file(["study", *words, "chain"]) == ["study", "chain", *FLAGS]
    own = with_file(["sweep", *words, "--axis", "aux=5"])
    assert [word for word in own if "=" in word and "aux" in word] == ["aux=5"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a = ", "must be a TOML file"),
        ("axis = 3", "axis = 3: must be a table"),
        ("[setup]\nbatch = 3", "config = .*: must be flags with plain values"),
        ("models = [[1]]", "config = .*: must be flags with plain values"),
    ],
)
def test_what_no_flag_has_is_refused(tmp_path, content, why):
    (file := tmp_path / "run.toml").write_text(content)
    with pytest.raises(InputError, match=why):
        with_file(["sweep", "--config", str(file)])


def test_a_file_must_be_there_and_one():
    for words in (["--config"], ["--config", "none.toml"], ["--config=a", "--config=b"]):
        with pytest.raises(InputError, match="config"):
            with_file(["sweep", *words])


def test_the_command_line_goes_before_the_file(sublim, tmp_path):
    (file := tmp_path / "run.toml").write_text('student_lr = -1.0\nout = "here"\n')
    code, _, error = sublim("figure10", "--config", file, "--dry-run")
    assert (code, error.count("\n")) == (2, 1)
    assert "student_lr = -1.0" in error
    code, out, _ = sublim("figure10", "--config", file, "--student-lr", "0.5", "--dry-run")
    assert code == 0
    assert "here" in out
    file.write_text("[axis]\nstudent_lr = [0.5, 0.25]\n")
    for written in (["--axis", "student-lr=0.125"], ["--axis=student_lr=0.125"]):
        code, out, _ = sublim("sweep", "--config", file, *written, "--dry-run")
        assert code == 0
        assert "0.125" in out
        assert "0.25" not in out
    _, out, _ = sublim("figure10", "--seeds", "100:104", "--dry-run")
    assert re.search(r"figure10-digits-[0-9a-f]{8}-100-104\b", out)  # beside the first ones


def test_tables_as_json(sublim, tmp_path):
    """Numbers are those of the results; what is no number is null; all else is on stderr."""
    ds = whole().assign_attrs(dataset="digits", seeds=6, experiment="sweep", train_images=1077)
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    results.save(ds, folder / results.RESULTS)
    code, out, _ = sublim("show", folder, "--json")
    told = json.loads(out)
    assert (code, told["study"], told["seeds"]) == (0, "sweep", 6)
    row = next(r for r in told["rows"] if r["noise"] == "gaussian" and r["model"] == "cross_aux")
    mean = ds.test_accuracy.sel(student_lr=1e-3, noise="gaussian", model="cross_aux").mean()
    assert row["mean"] == pytest.approx(float(mean), abs=1e-12)
    lost = next(r for r in told["rows"] if r["noise"] == "uniform" and r["model"] == "student_aux")
    assert lost["mean"] is None
    (told,) = json.loads(sublim("runs", tmp_path / "runs", "--json")[1])
    assert told["run"] == "one"
    rows = json.loads(sublim("catalogue", "--json")[1])
    assert len(rows) > 100
    assert {"preset", "published", "here"} <= {*rows[0]}
