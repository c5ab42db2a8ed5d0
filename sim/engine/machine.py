"""The machine: its devices and memory, and jax held to its own defaults there."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import jax

from sim.errors import InputError


@contextmanager
def pinned() -> Iterator[None]:
    """Hold jax to its own defaults, whatever the user has set, where that changes draws or bits.

    What cannot be held, `settings` names. Shapes may still be checked (jax_numpy_rank_promotion).
    """
    with (
        jax.enable_x64(False),
        jax.default_prng_impl("threefry2x32"),
        jax.threefry_partitionable(True),
        jax.numpy_dtype_promotion("standard"),
        jax.default_matmul_precision(None),
        jax.disable_jit(False),
        jax.debug_nans(False),  # a seed that diverges is flagged and kept
        jax.debug_infs(False),
    ):
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Have LAPACK, which factorises matrices on CPUs, use one thread: bits hang on how many."""
    import scipy.linalg  # noqa: F401, PLC0415 (what is not there yet cannot be held)
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    with threadpool_limits(1, user_api="blas"):
        yield


# Of jax's settings, those that say where programs run, how long they are kept and what is said of
# them; and one that moves keys made of numbers, as ours are not. Of any other it is not known that
# it changes no bits.
_HARMLESS = re.compile(
    "cache|check|compiler_detailed|debug|device|distributed|dump|explain|export|guard|hlo_source|"
    "include_|log|mock|num_cpu|pallas|platform|pprint|preemption|profile|raise_|recoverability|"
    "rank_promotion|seed_offset|source_url|thread|timeout|topology|trace|transfer"
)
_ENVIRONMENT = ("CUBLAS_WORKSPACE_CONFIG", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE", "XLA_FLAGS")


def settings() -> dict[str, str]:
    """Name what else numbers may depend on: jax's settings and flags of XLA, as they are."""
    with pinned():
        found = {
            name: str(getattr(jax.config, name, value))
            for name, value in jax.config.values.items()
            if not _HARMLESS.search(name)
        }
    for name in _ENVIRONMENT:
        words = sorted(word for word in os.environ.get(name, "").split() if "dump" not in word)
        if words:
            found[name] = " ".join(words)
    return found


@cache
def devices() -> list[jax.Device]:
    """List what computes here: on a CPU a device per core, unless jax has started or was told.

    Much of a small network's step keeps a single core busy: another then works on another seed.
    Errors: InputError where jax is told to use what is not there.
    """
    told = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    config: Any = jax.config  # whose attributes are made as it is imported
    if not told and config.jax_num_cpu_devices < 0:
        with suppress(RuntimeError):  # jax has started, with the devices that it has
            config.update("jax_num_cpu_devices", _cores())
    try:
        return jax.local_devices()
    except (RuntimeError, AssertionError) as error:  # the latter for what was not compiled in
        asked, reason = config.jax_platforms, str(error).partition("\n")[0] or "none here"
        raise InputError(
            f"JAX_PLATFORMS = {asked!r}: must name devices of this machine: {reason}"
        ) from None


def _cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def device() -> str:
    """Name kind and number of the devices that compute: part of what results depend on."""
    return f"{devices()[0].platform}: {len(devices())} × {devices()[0].device_kind}"


def budget(memory: float) -> float:
    """Count the bytes to plan for: `memory` GiB, on a GPU at least half of its own."""
    first, *_ = devices()
    limit = 0 if first.platform == "cpu" else (first.memory_stats() or {}).get("bytes_limit", 0)
    return max(memory * 2**30, len(devices()) * limit / 2)


def used(chunk: int) -> int:
    """Count the devices that work on a chunk of so many seeds: as many as divide it."""
    return max(k for k in range(1, len(devices()) + 1) if chunk % k == 0)


def resident_gib() -> float:
    """Measure the memory of this process at its peak so far; NaN where nobody counts it."""
    try:
        import resource  # noqa: PLC0415 (not on Windows)
    except ImportError:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def installed() -> float:
    """Count the bytes of memory that this machine, or its container, has; infinite if unknown."""
    found = float("inf")
    with suppress(AttributeError, ValueError, OSError):
        found = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):
        found = min(found, float(Path("/sys/fs/cgroup/memory.max").read_text()))
    return found
