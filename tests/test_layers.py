"""The house: folders in the order of the data, and what of their source counts as identity."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sim.runs import identity

ROOT = Path(__file__).parent.parent
# Each imports itself and those before it; `errors` is everybody's, `theory` knows nothing of sim.
ORDER = (
    "settings",
    "published",
    "model",
    "training",
    "engine",
    "runs",
    "report",
    "studies",
    "pages",
)
FILES = sorted([*(ROOT / "sim").glob("*/**/*.py"), *(ROOT / "theory").glob("*.py")])


def imported(file):
    """Modules of ours that a file names, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_folder_imports_only_those_before_it(file):
    folder = file.relative_to(ROOT).parts[:2]
    known = {"theory"}
    if folder[0] == "sim":
        known |= {"sim.errors"} | {f"sim.{name}" for name in ORDER[: ORDER.index(folder[1]) + 1]}
    for name in imported(file):
        package, *rest = name.split(".")
        if package in ("sim", "theory"):
            assert package in known or f"{package}.{rest[0]}" in known, f"{file} imports {name}"


def test_every_folder_is_in_the_order():
    assert {path.name for path in (ROOT / "sim").iterdir() if path.is_dir()} - {"__pycache__"} == {
        *ORDER
    }


def test_figures_need_no_display():
    """Which pyplot would choose as it is imported, wherever that is."""
    for file in (ROOT / "sim").rglob("*.py"):
        assert not [name for name in imported(file) if name.endswith("pyplot")], file


def test_settings_know_nothing_of_jax():
    for file in (ROOT / "sim" / "settings").glob("*.py"):
        assert not [name for name in imported(file) if name.partition(".")[0] == "jax"], file


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_is_imported_that_other_systems_lack(file):
    """At the top of a file, where nothing stands in for it."""
    found = [n for n in ast.parse(file.read_text()).body if isinstance(n, ast.Import)]
    assert not {"resource", "fcntl", "pwd", "grp"} & {a.name for n in found for a in n.names}


@pytest.fixture
def copy(tmp_path):
    """A tree with the folders that count, and a few of their files: all take long to read."""
    for folder in identity.FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
    for file in ("theory/losses.py", "sim/training/measures.py", "sim/settings/setup.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def changed(copy, file, old, new):
    """Tell whether the identity of code is another once a file says `new` for `old`."""
    before, place = identity.code.__wrapped__(copy), copy / file
    text = place.read_text()
    assert text.count(old) == 1
    place.write_text(text.replace(old, new))
    return identity.code.__wrapped__(copy) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("theory/losses.py", "import jax\n", "import jax  # a comment\n"),
        ("sim/training/measures.py", "Accuracy with θ_T's class head", "Some other words"),
        ("sim/settings/setup.py", "Nonlinearity of the hidden layers.", "What is between them."),
        ("sim/settings/setup.py", 'setting(\n        "relu",\n    )', 'setting("relu")'),
    ],
)
def test_words_and_format_are_no_part_of_the_identity(copy, file, old, new):
    assert not changed(copy, file, old, new)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("theory/losses.py", "import jax\n", "import jax\nimport jax\n"),
        ("sim/settings/setup.py", 'setting(\n        "relu",\n    )', 'setting("tanh")'),
        ("sim/training/measures.py", "at.diverged |", "at.diverged &"),
    ],
)
def test_statements_are(copy, file, old, new):
    assert changed(copy, file, old, new)


def test_a_file_more_or_of_another_name_counts(copy):
    before = identity.code.__wrapped__(copy)
    (copy / "theory" / "more.py").write_text("")
    more = identity.code.__wrapped__(copy)
    (copy / "theory" / "more.py").rename(copy / "theory" / "other.py")
    assert len({before, more, identity.code.__wrapped__(copy)}) == 3


def test_what_the_same_files_came_to_is_remembered_and_nothing_else(copy, monkeypatch, tmp_path):
    """For these very files alone, and as long as what is kept of it is whole."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(identity, "_as_read", lambda files: f"{len(files):016x}")
    found = identity.code.__wrapped__(copy)
    (kept,) = (tmp_path / "cache").rglob("code")
    monkeypatch.setattr(identity, "_as_read", lambda files: "read anew")
    assert identity.code.__wrapped__(copy) == found
    whole = kept.read_text()
    flipped = whole.replace(found, f"{0x10 ^ int(found, 16):016x}")  # a bit of what they came to
    for damaged in (whole[:-1], whole + "0", whole.replace(" ", "\n"), flipped, "é", ""):
        kept.write_text(damaged)
        assert identity.code.__wrapped__(copy) == "read anew"
    kept.write_text(whole)
    with (copy / "theory" / "losses.py").open("a") as file:
        file.write("#")
    assert identity.code.__wrapped__(copy) == "read anew"
    shutil.rmtree(kept.parent)
    kept.parent.write_text("no folder")
    assert identity.code.__wrapped__(copy) == "read anew"


def test_no_array_is_made_by_importing():
    """Which devices there are is said after the imports: an array would choose them before."""
    code = (
        "import importlib, pkgutil, sim, theory\n"
        "from jax._src import xla_bridge\n"
        "for package in (theory, sim):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if not module.name.endswith('__main__'):\n"
        "            importlib.import_module(module.name)\n"
        "            assert not xla_bridge.backends_are_initialized(), module.name\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
