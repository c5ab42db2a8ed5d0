"""Whatever is given: it runs, or one line names it, its value and the rule, and nothing is left."""

import gzip
import shutil
import struct
import tracemalloc
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import get_args

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import sim
from sim.errors import InputError
from sim.model import data, idx, sources
from sim.runs.run import Run
from sim.runs.statistics import paired
from sim.settings.declare import declared
from sim.settings.experiments import Common, Networks, Output, Theorem
from sim.settings.grid import SETTINGS
from sim.training.families import FIGURE_10, takes

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

#: What people type, or programs paste: in words, and as Python's values.
WORDS = [
    *("", " ", "0", "-0", "-1", "1", "2", "3", "16", "0.5", "1.5", "1e-3", " 1", "1 2", "1,2"),
    *("nan", "inf", "-inf", "1e400", "-1e400", "1e-50", "5e-324", "9" * 400, "2147483647"),
    *("2147483648", "1048576", "1048577", "10000", "10001", "1000000", "1000001", "1_000", "0x10"),
    *("None", "none", "True", "[1]", "(1,2)", "a", "é", "漢字", "٣", "a b", "a\nb", "\x1b[31m"),
    *("[red]", "[/]", "%s", "{", "~", "~nobody-here/x", "/dev/null", "/dev/null/x", "nowhere/x"),
    *(
        "x" * 300,
        "\udce9",
        "1:2",
        "5:",
        "::",
        "9:3",
        "-1:3",
        "0:1000001",
        "1.0:2",
        "1e3",
        "-",
        "--",
    ),
    *("digits", "synthetic:0x2", "synthetic:5x99999", "synthetic:8x3", "synthetic:8x3x1"),
    *("kl", "sgd", "adamw", "student_aux", "teacher", "hidden_0", "hidden_99", "all", "relu"),
]
VALUES = [
    *(None, True, 0, -0.0, 1, -1, 2, 3, 2.5, 1e-3, 1e-50, 1e39, 5e-324, float("nan"), float("inf")),
    *(10**30, 10**400, -(10**400), 10**5000, 2**20, 2**20 + 1, 2**31 - 1, 2**31, 1j, b"1", int),
    *((), [], [1], [[1]], (1, 2), [None], [True], ["a", "a"], {}, {"a": 1}, {1}, range(1, 3)),
    *(["student_aux", 3], object(), lambda x: x, Path("x"), np.int64(3), np.float64("nan")),
    *(
        np.array([1, 2]),
        np.array([]),
        np.array(1.5),
        np.array("x"),
        np.array([[1]]),
        np.bool_(True),
    ),
    *(np.datetime64("2020-01-01"), "\0", "x" * 5000),
    *WORDS,
]
NETWORKS = declared(Common) | declared(Networks) | SETTINGS
FLAGS = [f"--{name.replace('_', '-')}" for name in (*NETWORKS, *declared(Output))]
THEOREM = declared(Common) | declared(Theorem)
OF_THEOREM = [f"--{name.replace('_', '-')}" for name in THEOREM]
AXES = [*SETTINGS, "width", "depth", "seeds", "dataset", "out", "a b", "", "é"]

#: Each ran into a traceback, more than one line, or left a folder, before there were these tests.
COMMANDS = [
    ["figur10"],
    ["figure10", "--bacth", "3"],
    ["figure10", "--loss", "mse"],
    ["figure10", "--batch", "9" * 5000],
    ["figure10", "--channel", "x"],
    ["figure10", "--out", "~nobody-here/x"],
    ["figure10", "--dataset", "a\nb"],
    ["plot", "x" * 5000],
    ["verify", "nowhere"],
]
#: Others of the same kinds.
MORE = [
    [],
    ["figure10", "x"],
    ["figure10", "--seeds"],
    ["figure10", "--csv", "1"],
    ["figure10", "--batch", ""],
    ["figure10", "--batch", "abc"],
    ["figure10", "--student-lr", "1,5"],
    ["figure10", "--student-lr", "é"],
    ["figure10", "--widths", "a"],
    ["figure10", "--aux", "1", "2"],
    ["figure10", "--measure", "cka"],
    ["figure10", "--data-dir", "~nobody-here/x"],
    ["figure10", "--dataset", "x" * 5000],
    ["figure10", "--config", "~nobody-here/x"],
    ["sweep", "--axis"],
    ["sweep", "--axis", "aux=" + "9" * 5000],
    ["sweep", "--axis", "aux=nan"],
    ["sweep", "--axis", "student_lr=1:2:1e3"],
    ["theorem", "--alpha", "x"],
    ["search", "--trials", "0"],
    ["search", "--over", "x=1:0"],
    ["lineage"],
    ["lineage", "a\nb"],
    ["study", "~nobody-here/x.py"],
    ["data"],
    ["data", "x"],
    ["bench", "--chunk", "a"],
    ["plot"],
    ["show", "x" * 5000],
    ["combine", "~nobody-here/x", "y", "--out", "~nobody-here/x"],
    ["--preset"],
    ["--dataset"],
]
#: The same from Python: what is called, and with what.
CALLS = [
    *((sim.figure10, (), {"out": of}) for of in (True, 3, ["x"], range(3), np.array([1, 2]), "\0")),
    *((sim.figure10, (), {"student_lr": of}) for of in (10**400, -(10**400), 10**5000)),
    (sim.figure10, (), {"out": "~nobody-here/x"}),
    (sim.figure10, ("a\nb",), {}),
    (sim.figure10, (), {"progress": 3}),
    *((sim.sweep, (), {"axes": of}) for of in (True, 3, "aux", {1, 2}, np.array([1]), {None: [1]})),
    *((sim.sweep, (), {"axes": {"aux": [of]}}) for of in ({}, {1}, [1], np.array([1, 2]), 1j)),
    *((sim.sweep, (), {"axes": {"mine": {"a": of}}}) for of in (None, 3, "aux", {1})),
    *((sim.sweep, (), {"axes": {"mine": {of: {"aux": 2}}}}) for of in ("a\0b", "a\udce9", "a\nb")),
    *((sim.study, (of,), {}) for of in (None, 3, b"1", ["width"])),
    *((sim.study, ("width",), {"axes": of}) for of in (3, "width", np.array([1, 2]))),
    *((sim.lineage, (of,), {}) for of in (None, 3, "x\ny", "\0")),
    *((sim.load, (of,), {}) for of in (None, 3, {}, "x" * 5000, "x\ny")),
    *((call, (of,), {}) for call in (sim.preset, sim.cite) for of in ([], {}, None, np.array([1]))),
    *((sim.search, ("digits",), {"out": "x", "over": of}) for of in (None, 3, [3], [None])),
    *((sim.search, ("digits", of), {"out": "x"}) for of in (None, 0, "3", 2.5, True)),
    *((sim.search, ("digits",), {"out": of}) for of in (None, 3, "")),
    *((sim.boundaries, ("width", of), {}) for of in (3, None, "48")),
    *((sim.page, (of,), {}) for of in (3, None, [3], [])),
    *((sim.combine, (xr.Dataset(), of), {}) for of in (3, xr.Dataset())),
    (sim.shown, (3,), {}),
    (paired, ("x", "y", "z"), {}),
    *(
        (call, (of,), {})
        for call in (sim.plots.figure10, sim.plots.trajectories)
        for of in (3, None)
    ),
]


class BegunError(Exception):
    """What was given is taken: training would begin."""


@pytest.fixture
def nothing_is_trained(monkeypatch):
    def stop(run, progress=None):
        raise BegunError

    monkeypatch.setattr(Run, "results", stop)


def left(folder: Path) -> list[str]:
    """Clear a folder, and say what was in it."""
    found = [*folder.iterdir()]
    for one in found:
        shutil.rmtree(one) if one.is_dir() else one.unlink()
    return [one.name for one in found]


def typed(sublim, folder: Path, words: list[str]) -> str:
    """Hold a command to one line, exit code 2 and no folder, unless it ran."""
    try:
        code, out, err = sublim(*words)
    except BegunError:
        code = 0
    made = left(folder)
    if code == 0:
        return "ran"
    lines = [line for line in err.splitlines() if not line.startswith("warning:")]
    assert (code, out, made) == (2, "", [])
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert len(lines[0]) < 2100
    assert "Traceback" not in err
    return "refused"


def called(folder: Path, call, *of, **named) -> str:
    """Hold a call to InputError, one line and no folder, unless it ran."""
    said, found = "", "ran"
    try:
        call(*of, **named)
    except InputError as error:
        said, found = str(error), "refused"
    except BegunError:
        pass
    assert said.isprintable()
    assert left(folder) == []
    return found


@pytest.mark.parametrize(
    "words",
    [*COMMANDS, *(pytest.param(words, marks=pytest.mark.slow) for words in MORE)],
    ids=lambda words: " ".join(words)[:40],
)
@pytest.mark.usefixtures("nothing_is_trained")
def test_words(sublim, tmp_path, words):
    assert typed(sublim, tmp_path, words) == "refused"


@pytest.mark.usefixtures("nothing_is_trained")
def test_values(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for call, of, named in CALLS:
        assert called(tmp_path, call, *of, **named) == "refused", (call, of, named)


@pytest.mark.usefixtures("nothing_is_trained")
def test_numbers_of_numpys_in_cases(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    case = {"aux": np.int64(2), "widths": np.array([4, 4])}
    with pytest.raises(BegunError):
        sim.sweep(axes={"mine": {"a": case}})


@pytest.mark.parametrize("name", ["JAX_ENABLE_X64", "JAX_DEFAULT_MATMUL_PRECISION"])
def test_what_jax_refuses_of_the_environment(sublim, monkeypatch, name):
    def refused(words):
        raise ValueError(f"invalid truth value 'maybe' for environment {name!r}")

    monkeypatch.setattr("sim.commands.parse", refused)
    monkeypatch.setenv(name, "maybe")
    code, _, err = sublim("figure10")
    assert (code, err.count("\n")) == (2, 1)
    assert f"{name} = 'maybe'" in err


def test_a_terminal_of_no_width_shows_all(sublim, monkeypatch):
    monkeypatch.setenv("COLUMNS", "0")
    _, out, _ = sublim("cite")
    assert "@article" in out


HEADERS = [
    b"{'descr':'<f4','fortran_order':False,'shape':(99999999999,28),}",
    b"{'descr':'|S999999999','fortran_order':False,'shape':(999999,),}",
    b"[" * 5000,
]


@pytest.mark.parametrize("header", HEADERS, ids=["values", "letters", "no Python"])
def test_headers_of_npz_files_that_claim_what_is_not_there(tmp_path, header):
    np.savez(file := tmp_path / "mine.npz", x=0, y=0, x_test=0, y_test=0)
    with zipfile.ZipFile(file, "w") as packed:
        for name in ("x", "y", "x_test", "y_test"):
            content = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header) + 1) + header + b"\n"
            packed.writestr(f"{name}.npy", content)
    with pytest.raises(InputError, match=r"mine\.npz: no \.npz file that can be read"):
        data.load(file)


def test_an_npz_file_that_unpacks_to_more_than_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("sim.model.arrays.MOST", 10_000)
    x, y = np.zeros((12, 1000)), np.arange(12) % 2
    np.savez_compressed(file := tmp_path / "mine.npz", x=x, y=y, x_test=x, y_test=y)
    with pytest.raises(InputError, match="bytes unpacked: must be at most 10,000"):
        data.load(file)


# Fuzzing, on many cores or few: what is drawn is the same at every run.


@st.composite
def commands(draw) -> list[str]:
    """Draw a command with one to three things that are odd, or not."""
    word, flag = st.sampled_from(WORDS), st.sampled_from(FLAGS)
    command = draw(st.sampled_from(["figure10", "figure10", "sweep", "sweep", "theorem", "others"]))
    if command == "others":
        other = draw(
            st.sampled_from(["study", "lineage", "show", "plot", "compare", "runs", "cite"])
        )
        return [other, *draw(st.lists(word, max_size=1))]
    words = [command, "--dry-run"] if draw(st.booleans()) else [command]
    if command == "sweep":
        for _ in range(draw(st.integers(1, 2))):
            axis, joint = draw(st.sampled_from(AXES)), draw(st.sampled_from(",:"))
            end = draw(st.sampled_from(["", "", "log"]))
            words += ["--axis", f"{axis}={joint.join(draw(st.lists(word, max_size=4)))}{end}"]
    for _ in range(draw(st.integers(0 if command == "sweep" else 1, 3))):
        name = draw(st.sampled_from(OF_THEOREM) if command == "theorem" else flag)
        name = name if draw(st.integers(0, 29)) else name[:-1]  # a slip
        values = draw(st.lists(word, min_size=1, max_size=1) | st.lists(word, max_size=3))
        joined = values and draw(st.booleans())
        words += [f"{name}={values[0]}", *values[1:]] if joined else [name, *values]
    return words


#: Networks that are trained in a moment.
TINY = {"dataset": "synthetic:8x3", "seeds": 2, "widths": (4, 4), "noise_images": 32, "batch": 16}
TINY |= {"teacher_steps": 2, "student_steps": 2, "points": 1}


@st.composite
def tiny(draw) -> list[str]:
    """Draw a command of tiny networks with one setting or two that are right, or odd."""

    def fitting(s):
        words = [word for kind in (*s.kinds, *s.items) for word in get_args(kind)]
        right = [word for word in words if isinstance(word, str)] or ["1", "2", "3", "0.5"]
        right += [] if s.default is None or s.items else [str(s.default)]
        return st.sampled_from(right) | st.sampled_from(right) | st.sampled_from(WORDS)

    taken = [name for name in SETTINGS if takes(FIGURE_10, name)]
    names = draw(st.lists(st.sampled_from(taken), min_size=1, max_size=2, unique=True))
    named = TINY | {name: draw(fitting(SETTINGS[name])) for name in names}
    words = draw(st.sampled_from([["figure10"], ["sweep", "--axis", "aux=1,2"]]))
    for name, value in named.items():
        each = value if isinstance(value, tuple) else (value,)
        words = [*words, f"--{name.replace('_', '-')}", *map(str, each)]
    return words


@st.composite
def calls(draw):
    """Draw a call with one to three settings that are odd, or not."""
    value = st.sampled_from(VALUES)

    def fitting(s):
        words = [word for kind in (*s.kinds, *s.items) for word in get_args(kind)]
        right = st.sampled_from([s.default, *(word for word in words if isinstance(word, str))])
        return right | right | value

    call = draw(st.sampled_from([sim.figure10, sim.figure10, sim.sweep, sim.theorem]))
    of = THEOREM if call is sim.theorem else NETWORKS
    names = draw(st.lists(st.sampled_from([*of, "out"]), min_size=1, max_size=3, unique=True))
    named = {name: draw(fitting(of[name]) if name in of else value) for name in names}
    if call is sim.sweep:
        values = value | st.lists(value, max_size=3)
        cases = st.dictionaries(st.sampled_from(["a", "[/]"]), value)
        cases |= st.dictionaries(st.sampled_from(["a"]), st.dictionaries(st.just("aux"), value))
        named["axes"] = draw(st.dictionaries(st.sampled_from([*AXES, "mine"]), values | cases))
    return call, named


def fuzzed(examples: int, strategy):
    """Take so many draws, the same at every run, of whatever health."""
    of = settings(
        derandomize=True,
        deadline=None,
        max_examples=examples,
        database=None,
        phases=[Phase.generate],  # what fails is short as it is
        suppress_health_check=[*HealthCheck],
    )
    return lambda test: of(given(strategy)(test))


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_is_trained")
def test_settings_that_are_drawn(sublim, tmp_path):
    """Of 2,000 and more, through the command line and from Python."""
    counts = Counter()

    @fuzzed(80, commands())  # tyro looks long for what is like a slip
    def line(words):
        counts[f"typed {typed(sublim, tmp_path, words)}"] += 1

    @fuzzed(1950, calls())
    def python(of):
        call, named = of
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            counts[f"called {called(tmp_path, call, **named)}"] += 1

    @fuzzed(80, tiny())
    def small(words):
        counts[f"typed {typed(sublim, tmp_path, words)}"] += 1

    line()
    small()
    python()
    ran = sum(n for name, n in counts.items() if name.endswith("ran"))
    print(f"{counts.total()} tried, {ran} ran, {counts.total() - ran} refused: {dict(counts)}")
    assert counts.total() >= 2000
    assert counts["called ran"] > 50
    assert counts["typed ran"] > 20


@pytest.mark.slow
def test_commands_of_tiny_networks_run_to_their_end(sublim, tmp_path):
    """Trained, shown and drawn, or refused in a line: of 20 some of either."""
    counts = Counter()

    @fuzzed(20, tiny())
    def line(words):
        counts[typed(sublim, tmp_path, words)] += 1

    line()
    print(f"{counts.total()} tried: {dict(counts)}")
    assert min(counts["ran"], counts["refused"]) > 3


def idx_file(array: np.ndarray, code: int = 8) -> bytes:
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(idx.TYPES[code][0]).tobytes()


def damaged(content: bytes, rng: Random) -> bytes:
    """Damage a file in one of the ways that files are."""

    def flipped(of: bytes, most: int) -> bytes:
        of = bytearray(of)
        for _ in range(rng.choice([1, 1, 5])):
            of[rng.randrange(min(most, len(of)))] ^= 1 << rng.randrange(8)
        return bytes(of)

    def sized() -> bytes:
        odd = (0, 1, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1, rng.randrange(2**32))
        sizes = (struct.pack(">I", rng.choice(odd)) for _ in range(content[3]))
        return content[:4] + b"".join(sizes) + content[4 + 4 * content[3] :]

    packed, junk = gzip.compress(content, 1), rng.randbytes(rng.randrange(1, 200))
    labels = np.array([rng.choice([0, 1, 9, 255]) for _ in range(rng.choice([1, 12, 23, 24, 99]))])
    floats = np.array([rng.choice([0, 0.5, -1, 2, np.nan, np.inf]) for _ in range(24 * 12)])
    return rng.choice(
        [
            lambda: content[: rng.randrange(len(content))],
            lambda: flipped(content, len(content)),
            lambda: flipped(content, 16),
            lambda: junk + content[4:],
            sized,
            lambda: gzip.compress(sized() + bytes(2**22), 1),  # a bomb
            lambda: content + junk,
            lambda: junk,
            lambda: b"",
            lambda: content,
            lambda: packed,
            lambda: packed[: rng.randrange(len(packed))],
            lambda: flipped(packed, len(packed)),
            lambda: packed + junk,
            lambda: packed + packed,
            lambda: gzip.compress(packed),
            lambda: idx_file(labels),
            lambda: idx_file(labels - 5, 0x0C),
            lambda: idx_file(floats.reshape(24, 3, 4), 0x0D),
        ]
    )()


def read(folder: Path, seed: int, counts: Counter) -> None:
    """Write the four files of a set, one of them damaged, and hold the reader to what it says.

    That is: sound data, or one line that names a file, in memory that goes by the files' size.
    """
    rng = Random(seed)
    x, y = np.arange(24 * 12).reshape(24, 3, 4) % 256, np.arange(24) % 4
    four = [idx_file(array) for array in (x, y, x[:12], y[:12])]
    hurt = rng.randrange(4)
    four[hurt] = damaged(four[hurt], rng)
    folder.mkdir()
    for name, content in zip(idx.FILES, four, strict=True):
        (folder / name).write_bytes(content)
    said = str(folder)
    tracemalloc.start()
    try:
        task = data.load(str(folder))
        parts = (task.x_train, task.x_test)
        assert all(np.isfinite(part).all() and np.abs(part).max() <= 1 for part in parts)
        assert [len(part) for part in parts] == [len(task.y_train), len(task.y_test)]
        assert {*task.y_train.tolist()} == {*range(task.classes)}
        assert task.classes > 1
        assert sources.verify(str(folder))
        counts["ran"] += 1
    except InputError as error:
        said = str(error)
        counts["refused"] += 1
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        shutil.rmtree(folder)
    assert said.isprintable()
    assert str(folder) in said
    # A buffer or two of a megabyte; gzip's content may be a thousand times the file.
    unpacked = max(map(len, four)) * (1030 if four[hurt][:2] == b"\x1f\x8b" else 1)
    assert most < 2**22 + 40 * unpacked


def test_idx_files_that_are_damaged(tmp_path):
    counts = Counter()
    for seed in range(60):
        read(tmp_path / "set", seed, counts)
    assert min(counts["ran"], counts["refused"]) > 2


@pytest.mark.slow
def test_many_idx_files_that_are_damaged(tmp_path):
    counts = Counter()
    for seed in range(1000):
        read(tmp_path / "set", seed, counts)
    print(f"{counts.total()} tried, {counts['ran']} ran, {counts['refused']} refused")
    assert counts.total() >= 500
