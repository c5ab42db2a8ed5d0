"""Shapes in annotations are checked, and silent broadcasting between ranks is an error."""

import atexit
import gc
import importlib
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

# Tests compile many small programs and run each for a moment: compile them fast. (A jax that has
# lost one of these flags says so and stops: take it out here.)
FAST = "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
if version("jax").startswith("0.10."):  # later ones have no such flag
    FAST += " --xla_cpu_use_fusion_emitters=false"
os.environ.setdefault("XLA_FLAGS", FAST)
# And share Python's bytecode, which containers are often told not to write: else every process of
# the tests compiles jax once more, for three seconds. (XLA's own cache costs more than it saves.)
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="bytecode-")
    atexit.register(shutil.rmtree, sys.pycache_prefix, ignore_errors=True)
# Nothing is written to the user's cache: each test has one of its own, what they share has this.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="cache-")
    atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)
# One thread of BLAS: the tests use the cores, and threads that wait for one another would spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# One device, however many cores there are: results hang on it. More are tried in other processes.
os.environ["JAX_NUM_CPU_DEVICES"] = "1"

import jax
import pytest
from jaxtyping import install_import_hook

# The settings and the command line are not checked: they say themselves what is wrong with a value;
# nor are families of networks, which have no arrays, and whose names are asked for very often.
TRAINING = sorted((Path(__file__).parent.parent / "sim" / "training").glob("[!_]*.py"))
NUMERICS = (
    *(f"training.{file.stem}" for file in TRAINING if file.stem not in ("families", "lineages")),
    "engine.programs",
    "model.keys",
    "model.networks",
    "model.noise",
    "model.orders",
    "model.products",
    "model.symmetries",
)
install_import_hook(["theory", *(f"sim.{name}" for name in NUMERICS)], "beartype.beartype")
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_sessionstart(session):
    """Import the tests from their end in every second process: each compiles one half of all then.

    Who comes to a file that the other has compiled finds its bytecode.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    if session.config.args == ["tests"] and int(number) % 2:
        here = Path(__file__).parent
        sys.path.insert(0, str(here))
        for file in sorted(here.glob("test_*.py"), reverse=True):
            with suppress(Exception, pytest.skip.Exception):  # which is said when it is collected
                importlib.import_module(file.stem)


def pytest_collection_finish():
    """Spare the collector what was imported: tracing makes many objects, and few of them last."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


SMALL = {
    "widths": (16, 16),
    "noise_images": 96,
    "batch": 32,
    "teacher_steps": 6,
    "student_steps": 6,
    "points": 2,
}


@pytest.fixture(autouse=True)
def _no_user_folders(monkeypatch, tmp_path_factory, request):
    """A test writes nothing of the user's, and reads their data only if it is marked slow."""
    caches = tmp_path_factory.getbasetemp() / "caches"  # pytest would number them, reading them all
    caches.mkdir(exist_ok=True)
    monkeypatch.setenv("XDG_CACHE_HOME", tempfile.mkdtemp(dir=caches))
    if "slow" not in request.keywords and "SUBLIM_DATA_DIR" in os.environ:
        monkeypatch.delenv("SUBLIM_DATA_DIR")


@pytest.fixture(scope="session")
def small():
    """Settings of the smallest run that has every part: two epochs, a short one at the end."""
    return SMALL


@pytest.fixture
def sublim(capsys, tmp_path, monkeypatch):
    """Runs a command line in an empty folder; gives exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words):
        from sim.__main__ import main  # noqa: PLC0415

        code = 0
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
        except BaseException:
            capsys.readouterr()  # of this command, and not of the next
            raise
        return code, *capsys.readouterr()

    return run
