"""The command line as a person meets it: help, tables, pictures, and one line for bad input."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from io import UnsupportedOperation
from pathlib import Path

import pytest

import sim
from sim.errors import StorageError
from sim.model.sources import KNOWN
from sim.report import tables
from sim.runs import store
from sim.runs.run import Run
from sim.studies import grids

ROOT = Path(__file__).parent.parent
SMALL = [
    "figure10",
    "--dataset",
    "synthetic:12x4",
    "--seeds",
    "3",
    "--widths",
    "16",
    "16",
    "--noise-images",
    "96",
    "--teacher-steps",
    "6",
    "--student-steps",
    "6",
    "--points",
    "2",
]


def test_a_run_leaves_table_figures_and_data(sublim, tmp_path):
    words = [*SMALL, "--models", "student_aux", "cross_aux"]
    code, out, err = sublim(*words, "--no-figures")
    assert (code, err) == (0, "")
    for word in ("aux − cross aux, paired", "95 % interval", "sd", "3 seeds", "reference"):
        assert word in out
    (folder,) = (tmp_path / "runs").glob("[!s]*-*")
    assert {path.name for path in folder.iterdir()} == {"results.nc", "settings.json"}
    _, again, _ = sublim(*words)  # no progress bar: it was finished
    *table, last = again.splitlines()
    assert table == out[out.index("Figure 10 on") :].splitlines()[:-1]
    assert last.startswith("Results, settings and figures: ")
    made = {path.name for path in folder.iterdir()}
    names = {f"{name}.{end}" for name in ("figure10", "trajectories") for end in ("png", "pdf")}
    assert made == names | {"results.nc", "settings.json", "figures.json"}
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert sublim(*words)[1] == again
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    (folder / "figure10.png").write_bytes(b"")
    code, _, _ = sublim("plot", folder, "--formats", "png")
    assert code == 0
    assert (folder / "figure10.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_figures_of_more_seeds_are_drawn_anew(sublim, tmp_path):
    sublim(*SMALL)
    (folder,) = (tmp_path / "runs").glob("[!s]*-*")
    drawn = {path: path.read_bytes() for path in folder.glob("*.png")}
    for path in drawn:  # a clock that was wrong is no reason to keep a figure
        os.utime(path, (2e9, 2e9))
    sublim(*SMALL, "--seeds", "5")
    assert all(path.read_bytes() != old for path, old in drawn.items())


COMMANDS = (
    "figure10",
    "sweep",
    "study",
    "theorem",
    "search",
    "catalogue",
    "cite",
    "bench",
    "plot",
    "data",
)


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_fits_a_narrow_terminal(sublim, monkeypatch, command):
    """Prose is broken between words: all of it stands there, on lines that fit."""
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = sublim(*command, "--help")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    if command and command[0] in ("figure10", "theorem"):
        assert "or goes on with an interrupted one." in " ".join(out.split())


def test_help_teaches(sublim):
    code, out, _ = sublim("--help")
    assert code == 0
    for command in ("figure10", "plot", "data"):
        assert command in out
    _, digits, _ = sublim("figure10", "--help")
    _, mnist, _ = sublim("figure10", "--dataset", "mnist", "--help")
    for shown, batch, rate in ((digits, "64", "0.002"), (mnist, "1024", "0.0003")):
        text = " ".join(shown.replace("│", " ").split())  # as if on one line
        assert f"(default: {batch})" in text
        assert f"(default: {rate})" in text
    assert "steps" in mnist
    assert "GiB" in mnist


def test_a_shell_completes_flags_of_every_command(sublim):
    code, script, _ = sublim("--tyro-print-completion", "bash")
    assert code == 0
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    assert all(flag in script for flag in ("--student-lr", "--lazy-seeds", "--dry-run"))
    code, _, err = sublim("--tyro-write-completion", "zsh", "no/such/folder/_sublim")
    assert (code, err) == (
        1,
        "error: not written: no/such/folder/_sublim; No such file or directory\n",
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["figure10", "--seeds", "0"], "seeds = 0: must be a positive whole number"),
        (["figure10", "--student-lr", "-1"], "student_lr = -1.0: must be a positive number"),
        (["figure10", "--dataset", "digts"], "did you mean digits?"),
        (["study", "widht"], "width. Did you mean width?"),
        (["sweep", "--axis", "studnt_lr=1"], "Did you mean student_lr?"),
        (["figure11"], "data. Did you mean figure10?"),
        (["--seeds", "3"], "command = '--seeds': must be named first"),
        (["--tyro-print-completion"], "must be one of bash, zsh, fish"),
        (["--tyro-print-completion", "tcsh"], "= 'tcsh': must be one of bash, zsh, fish"),
        (["--tyro-write-completion", "bash"], "must be followed by a shell and a file"),
        (["--tyro-print"], "must be named first"),
        (["cite", "gaetan"], "lists. Did you mean gaetanx21?"),
        (["figure10", "--lazy-seeds", "3"], "options: --lazy-seeds, 3; see sublim figure10 --help"),
        (["study", "--lists"], "--lists; it is written --list, --no-list; see sublim study --help"),
        (["theorem", "--seed", "3"], "; it is written --seeds INT|STR; see sublim theorem"),
        (["sweep", "--axs", "aux=1"], "; it is written --axis STR; see sublim sweep --help"),
        (["figure10", "--preset", "gaetanx12"], "lists. Did you mean gaetanx21?"),
        (["figure10", "--momentum", "0.5"], "momentum = 0.5: must be 0 unless optimizer is sgd"),
        (["figure10", "--validation", "0.5"], "validation"),
        (["plot", "nowhere"], "run_folder = 'nowhere': must be a folder"),
        (["data", "fetch"], "name = ''"),
        (["data", "fetch", "digits"], "embedded"),
        (["data", "verify", "cifar"], "cifar"),
        (["figure10", "--dataset", "."], "lacks train-images"),
        (["figure10", "--memory", "inf"], "memory = inf"),
        (["figure10", "--out", ""], "out = ''"),
        (["figure10", "--seeds", "2147483648"], "seeds = 2147483648"),
        (["figure10", "--seeds", "abc"], "seeds = 'abc'"),
        (["figure10", "--seeds", "9:3"], "seeds = '9:3'"),
        (["figure10", "--points", "1000000000"], "points = 1000000000"),
        (["figure10", "--teacher-steps", "3000000000"], "teacher_steps = 3000000000"),
        (["figure10", "--student-epochs", "100000000"], "student_epochs = 100000000"),
        (["figure10", "--noise-images", "2147483647"], "small enough: one seed would take"),
        (["figure10", "--widths", "1000000", "1000000"], "small enough: one seed would take"),
        (["figure10", "--widths", "99999999"], "widths = (99999999,)"),
        (["figure10", "--student-lr", "1e-50"], "student_lr = 1e-50"),
        (["figure10", "--dataset", "mnist", "--dataset", "digits", "--batch", "0"], "batch = 0"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(sublim, tmp_path, words, says):
    code, out, err = sublim(*words)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert says in err
    assert list(tmp_path.iterdir()) == []  # nothing begun


@pytest.mark.parametrize("words", [["figure10", "--batch", "abc"], ["figure10", "--bacth", "3"]])
def test_what_cannot_be_parsed_names_the_argument(sublim, words):
    code, _, err = sublim(*words)
    assert code == 2
    assert "--batch" in err  # the flag, or the nearest one
    assert "Traceback" not in err


@pytest.fixture
def nothing_is_computed(monkeypatch):
    def stop(run, progress=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "results", stop)


@pytest.mark.usefixtures("nothing_is_computed")
def test_traps_are_warned_about(sublim):
    code, _, err = sublim(*SMALL, "--aux", "1")
    assert code == 130
    assert err.startswith("warning: aux = 1 with loss = kl")


@pytest.fixture
def letters(tmp_path):
    """A folder of twelve images of 3 × 4 pixels, of labels 1 to 4, in each part."""
    files = {
        "images-idx3-ubyte": [
            0,
            0,
            8,
            3,
            *(0, 0, 0, 12),
            *(0, 0, 0, 3),
            *(0, 0, 0, 4),
            *range(144),
        ],
        "labels-idx1-ubyte": [0, 0, 8, 1, *(0, 0, 0, 12), *[1, 2, 3, 4] * 3],
    }
    folder = tmp_path / "letters"
    folder.mkdir()
    for name, content in files.items():
        for part in ("train", "t10k"):
            (folder / f"{part}-{name}").write_bytes(bytes(content))
    return folder


# The very programs of tests/test_checks.py, which are compiled once for both.
THEOREM = [
    "theorem",
    *("--seeds", "3", "--activation", "tanh", "--width", "8", "--inputs", "8", "--images", "8"),
    *("--lazy-widths", "4", "8", "--lazy-aux", "2", "--lazy-inputs", "6"),
    *("--lazy-seeds", "2", "--lazy-steps", "5"),
]


READ = "letters: labels 1 to 4 are numbered 0 to 3"


@pytest.mark.parametrize("words", [SMALL, ["sweep", *SMALL[1:], "--axis", "aux=3"], THEOREM])
@pytest.mark.usefixtures("nothing_is_computed")
def test_how_a_folder_was_read_is_said(sublim, letters, words):
    code, _, err = sublim(*words, "--dataset", letters)
    assert code == 130
    assert f"warning: {READ}\n" in err


@pytest.mark.parametrize(
    "call",
    [sim.figure10, lambda data: sim.sweep(data, {"classes": [2]}), sim.theorem],
)
@pytest.mark.filterwarnings("ignore:teacher_epochs", "ignore:validation = 0")
@pytest.mark.usefixtures("nothing_is_computed")
def test_how_a_folder_was_read_is_said_in_python(letters, call):
    with pytest.warns(UserWarning, match=READ), pytest.raises(KeyboardInterrupt):
        call(str(letters))


@pytest.mark.usefixtures("nothing_is_computed")
def test_a_small_folders_recipe_is_said(sublim, letters):
    """A line, and the defaults that --help shows."""
    _, shown, _ = sublim("figure10", "--dataset", letters, "--help")
    assert "(default: 295)" in " ".join(shown.replace("│", " ").split())
    words = [word for word in SMALL if word not in ("--teacher-steps", "6")]
    words.remove("--student-steps")
    code, _, err = sublim(*words, "--student-epochs", "1", "--dataset", letters)
    assert code == 130
    assert f"teacher_epochs = 295 by default: {letters} has 12 training images" in err


@pytest.mark.slow
def test_letters_that_the_output_lacks_are_no_error(sublim, tmp_path):
    """Tables have −, ±, θ; a terminal of one byte a letter shows what it can, and the run ends."""
    assert sublim(*SMALL, "--out", str(tmp_path))[0] == 0  # finished: it is only shown below
    environment = os.environ | {"PYTHONIOENCODING": "cp1252", "COLUMNS": "100"}
    words = [sys.executable, "-m", "sim", *SMALL, "--out", str(tmp_path)]
    run = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"aux ? cross aux, paired" in run.stdout
    (folder,) = tmp_path.glob("figure10-*")
    assert (folder / "figure10.png").is_file()


@pytest.mark.parametrize(
    "fails", ["results.nc", pytest.param("figure10.png", marks=pytest.mark.slow)]
)
def test_what_cannot_be_written_is_said_behind_the_table(sublim, monkeypatch, fails):
    """Exit code 1, one line; the numbers are shown all the same."""
    write = store.write

    def full(path, content):
        if path.name == fails:
            raise StorageError(f"{path.parent}: no space left to write {path.name}")
        write(path, content)

    monkeypatch.setattr(store, "write", full)
    code, out, err = sublim(*SMALL, "--models", "student_aux", "cross_aux")
    assert code == 1
    assert "student_aux" in out
    *_, last = err.splitlines()
    assert last.startswith("error: ")
    assert fails in last
    assert "Traceback" not in err


def test_ctrl_c_is_heard_while_a_program_is_compiled(tmp_path):
    """At once, with a line and exit code 130, and not only where Python would hear it."""
    words = [
        sys.executable,
        "-m",
        "sim",
        "figure10",
        "--dataset",
        "synthetic:12x4",
        "--out",
        str(tmp_path),
    ]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    run = subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not [*tmp_path.glob("figure10-*/settings.json")]:
        assert run.poll() is None, run.communicate()
        time.sleep(0.05)
    time.sleep(0.5)  # into the compiler
    start = time.monotonic()
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=30)
    assert time.monotonic() - start < 1
    assert run.returncode == 130
    assert "0 of 32 seeds are saved" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_divergence_is_counted_in_the_table(sublim):
    _, out, _ = sublim(*SMALL, "--optimizer", "sgd", "--student-lr", "1e30")
    row = next(line for line in out.splitlines() if "student_all" in line)
    assert "diverged" in out
    assert row.split("│")[-2].strip() == "all 3"
    assert out.count("all diverged") == 4 + 1  # no null: no student and no pair has an interval


@pytest.mark.slow
def test_a_run_of_which_all_diverged_is_drawn(sublim, tmp_path):
    code, out, err = sublim(*SMALL, "--optimizer", "sgd", "--teacher-lr", "1e6")
    assert (code, err) == (0, "")
    assert "all diverged" in out
    (folder,) = (tmp_path / "runs").glob("[!s]*-*")
    assert (folder / "trajectories.png").is_file()


def test_the_last_data_set_named_gives_the_defaults(sublim):
    _, shown, _ = sublim("figure10", "--dataset", "mnist", "--dataset=digits", "--help")
    assert "(default: 64)" in " ".join(shown.replace("│", " ").split())


def test_data_list(sublim):
    code, out, _ = sublim("data", "list")
    assert code == 0
    assert "embedded" in out
    assert "not here: sublim data fetch mnist" in out
    code, found, _ = sublim("data", "list", "--json")
    assert code == 0
    assert [one["name"] for one in json.loads(found)] == [*KNOWN]
    assert all(one["status"] in out for one in json.loads(found))


def test_what_is_listed_can_be_read_by_programs(sublim):
    code, out, _ = sublim("study", "--list", "--json")
    assert code == 0
    found = {one["name"]: one for one in json.loads(out)}
    assert [*found] == grids.names()
    assert found["loss"]["question"] == grids.statement("loss").splitlines()[0]
    assert [*found["loss"]["axes"]] == ["loss"]
    one = json.loads(sublim("cite", "gaetanx21", "--json")[1])
    assert (one["name"], one["year"], one["bibtex"]) == ("gaetanx21", "2025", sim.cite("gaetanx21"))


def test_the_version_is_said(sublim):
    assert sublim("--version") == (0, f"sublim {version('sublim')}\n", "")


def test_installed_command_and_module():
    for command in ([sys.executable, "-m", "sim"], [Path(sys.executable).parent / "sublim"]):
        run = subprocess.run(
            [*command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env=os.environ,
        )
        assert "figure10" in run.stdout


def test_a_reader_that_leaves_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "sim", "--help"]
    run = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, cwd=ROOT, check=False)
    os.close(write)
    assert (run.returncode, run.stderr) == (141, b"")


class Full:
    """A stream that no word can be written on, and that is no file."""

    encoding = "utf-8"

    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    flush = isatty = lambda self: False

    def fileno(self):
        raise UnsupportedOperation


@pytest.mark.parametrize("words", [["--version"], ["cite"], ["--help"], ["data", "list", "--json"]])
@pytest.mark.parametrize("stream", [Full(), None])
def test_output_that_cannot_be_written_is_said(sublim, monkeypatch, words, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    code, _, err = sublim(*words)
    assert code == 1
    assert err.startswith("error: standard output cannot be written: ")
    assert err.count("\n") == 1
    assert sys.stdout is stream


def test_errors_that_cannot_be_written_leave_their_code(sublim, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Full())
    assert sublim("plot", "nowhere") == (2, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="of Linux")
def test_a_full_disk_is_said_in_one_line():
    """What waits to be written does not fail once more as Python ends."""
    command = [sys.executable, "-m", "sim", "--version"]
    environment = {name: word for name, word in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT, env=environment, check=False
        )
    said = b"error: standard output cannot be written: No space left on device\n"
    assert (run.returncode, run.stderr) == (1, said)


@pytest.mark.slow
def test_theorem_prints_verdicts_and_leaves_figures(sublim, tmp_path):
    words = [*THEOREM, "--dataset", "synthetic:12x4"]
    code, out, err = sublim(*words)
    assert (code, err) == (0, "")
    for word in ("Lemma 1", "holds", "degenerate", "48 of 48"):
        assert word in out
    (folder,) = (tmp_path / "runs").glob("[!s]*-*")
    names = ("ladder", "sign_map", "boundary", "lazy")
    assert {f"{name}.{end}" for name in names for end in ("png", "pdf")} < {
        path.name for path in folder.iterdir()
    }
    _, again, _ = sublim(*words)
    assert again in out  # finished: printed at once, with no progress bar


def test_theorem_with_a_bad_setting_says_so_in_one_line(sublim):
    code, out, err = sublim("theorem", "--inputs", "1")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "inputs = 1" in err


def test_sweep_plans_prints_and_leaves_table_and_figure(sublim, tmp_path):
    words = [
        "sweep",
        *SMALL[1:-2],
        "--axis",
        "aux=1,3",
        "--axis",
        "student-lr=1e-3:1e-1:2log",
        "--csv",
    ]
    code, out, err = sublim(*words)
    assert code == 0
    assert "aux = 1" in err  # the trap
    for word in ("To do: 4 points, 24 students and 3 teachers", "TFLOP", "Less control", "n = 3"):
        assert word in out
    (folder,) = (tmp_path / "runs").glob("sweep-*")
    assert {"results.nc", "results.csv", "settings.json", "sweep.png", "sweep.pdf"} < {
        path.name for path in folder.iterdir()
    }
    header, *rows = (folder / "results.csv").read_text().splitlines()
    assert header.startswith("aux,student_lr,seed,model,test_accuracy")
    assert len(rows) == 2 * 2 * 3 * 4
    _, again, _ = sublim(*words)
    assert again in out  # finished: the table at once, without plan or progress


@pytest.mark.parametrize(
    ("many", "says"), [(4, "1, 2, 3, 4"), (12, ", 11, 12"), (13, "1, 2, 3, …, 13 (13 values)")]
)
def test_a_long_axis_is_said_in_short(many, says):
    axes = {"batch": [*range(1, many + 1)]}
    shown, _ = tables.settings({}, {"batch": 64}, axes, "the usual ones")
    (words,) = shown.columns[1].cells
    assert words.endswith(says)


@pytest.mark.parametrize(
    ("axes", "word"),
    [
        ((), "axis"),
        (("--axis", "colour=1,2"), "axis = 'colour'"),
        (("--axis", "aux"), "axis = 'aux'"),
        (("--axis", "aux=1", "--axis", "aux=2"), "one for each name"),
        (("--axis", "student_lr=-1"), "student_lr = -1"),
    ],
)
def test_a_bad_axis_is_named_in_one_line(sublim, axes, word):
    code, out, err = sublim("sweep", *axes)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert word in err
