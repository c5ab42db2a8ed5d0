"""Plant the faults of `faults.py`, one by one: do the default tests catch them?

    uv run python tests/mutations.py [--only WORD]

Each is planted in a copy of the tree, and the tests that should catch it are run there, each in a
process that is forked off one that has imported what all tests import. A line each; minutes in all.
"""

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from faults import FAULTS, ROOT, Fault

LONGEST = 300  # seconds: what hangs is caught, too


def run(root: Path, nodes: Sequence[str], log: Path, longest: int = 0) -> int:
    """Run tests of a tree in a process that is forked off, and give their exit code.

    longest: the seconds after which it is ended; 0 for never.
    """
    sys.stdout.flush()
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        code = _tested(root, nodes, log, longest)
    except BaseException:
        traceback.print_exc()
        code = 99
    os._exit(code)  # whatever happens, the parent's life is not lived on here


def _tested(root: Path, nodes: Sequence[str], log: Path, longest: int) -> int:
    signal.alarm(longest)
    os.chdir(root)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    import hypothesis  # noqa: PLC0415
    import pytest  # noqa: PLC0415

    plain = [phase for phase in hypothesis.Phase if phase.name in ("explicit", "generate")]
    hypothesis.settings.register_profile("no least example", phases=plain, database=None)
    hypothesis.settings.load_profile("no least example")
    sys.path[:] = [str(root), *(path for path in sys.path if Path(path or ".") != ROOT)]
    os.environ["PYTHONPATH"] = str(root)  # of the processes that tests start
    # What is imported already has its assertions as they are: only plugins of pytest's are.
    quiet = ["-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    code = pytest.main(["-x", "-q", "-n0", "--tb=line", *quiet, *nodes])
    sys.stdout.flush()
    return int(code)


def caught(fault: Fault, root: Path, when: int) -> tuple[bool, str]:
    """Plant a fault, run its tests, and take it out again: whether they failed, and which."""
    file, log = root / fault.file, root / "log"
    kept = file.stat()
    right = file.read_bytes()
    file.write_text(fault.planted(root))
    os.utime(file, (when, when))  # bytecode is known by its second: each fault has one of its own
    code = run(root, fault.nodes, log, LONGEST)
    file.write_bytes(right)
    os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    if code in (1, 2, -signal.SIGALRM):  # tests failed, could not be imported, hang
        by = re.search(r"^(?:FAILED|ERROR) tests/(\S+)", log.read_text(), re.MULTILINE)
        return True, by[1] if by else "by all"
    return False, fault.why or ("" if code == 0 else f"pytest ended with {code}: no such test?")


def warmed(bytecode: Path) -> None:
    """Import what all tests do, but start nothing in it that a fork would lose."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):  # as tests have it, but one for them all
        sys.dont_write_bytecode = False
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(bytecode)
    os.environ["JAX_NUM_CPU_DEVICES"] = "1"  # as tests have it: read when jax is imported
    import beartype  # noqa: F401, PLC0415
    import flax.linen  # noqa: F401, PLC0415
    import hypothesis  # noqa: F401, PLC0415
    import jax.experimental  # noqa: F401, PLC0415
    import matplotlib.figure  # noqa: F401, PLC0415
    import optax  # noqa: F401, PLC0415
    import scipy.special  # noqa: F401, PLC0415
    import xarray  # noqa: F401, PLC0415


def main(words: Sequence[str] | None = None) -> Iterator[str]:
    """Plant all faults, or those of files with a word in their names; a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORD", help="in the name of the file")
    given = parser.parse_args(words)
    faults = [fault for fault in FAULTS if given.only in fault.file]
    if not faults:
        parser.error(f"--only {given.only}: must be in the name of a file that has faults")
    with tempfile.TemporaryDirectory() as folder:
        warmed(Path(folder).resolve() / "bytecode")
        root = Path(folder).resolve() / "tree"
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".*", "__pycache__", "*.png"))
        # First without a fault: what fails anyway would have caught them all.
        nodes = sorted({node for fault in faults for node in fault.nodes})
        if run(root, nodes, root / "log"):
            sys.exit((root / "log").read_text()[-2000:])
        found = unheld = 0
        for when, fault in enumerate(faults, int(time.time())):
            start = time.monotonic()
            is_caught, by = caught(fault, root, when)
            found += is_caught
            unheld += not is_caught and not fault.why
            word = "caught    " if is_caught else "NOT CAUGHT"
            line = f"{word} {time.monotonic() - start:4.0f} s  {fault.file}: {fault.new.strip()!r}"
            yield f"{line}  {by}"
        yield f"{len(faults)} planted, {found} caught"
        if unheld:
            sys.exit(1)


if __name__ == "__main__":
    for line in main():
        print(line, flush=True)
