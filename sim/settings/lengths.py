"""How long trainings are, in optimiser steps, when they are measured, and what "all" counts."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from sim.errors import require
from sim.settings.rules import MOST
from sim.settings.setup import Hyper, Setup


@cache
def steps(setup: Setup, examples: int) -> Mapping[str, int]:
    """Count the steps of teacher and students, on so many training images.

    Errors: InputError for more than a program counts.
    """
    found = {}
    for player, count in (("teacher", examples), ("student", setup.noise_images)):
        epochs, given = (getattr(setup, f"{player}_{unit}") for unit in ("epochs", "steps"))
        # Whole numbers of Python's: what is kept for one is given to all who ask for as many.
        found[player] = n = int(given or epochs * -(-count // min(setup.batch, count)))
        require(f"{player}_epochs", epochs, n <= MOST, f"of {MOST:,} steps or fewer, not {n:,}")
    return found


@cache
def moments(setup: Setup, examples: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Steps after which teacher and students are measured, from 0 to the last."""
    import numpy as np  # noqa: PLC0415 (--help knows lengths, and no numbers)

    teacher, student = (
        tuple(np.unique(np.linspace(0, n, setup.points + 1).round().astype(int)).tolist())
        for n in steps(setup, examples).values()
    )
    return teacher, student


def counted(setup: Setup, hyper: Hyper) -> Hyper:
    """Put numbers in the place of counts that mean "all"."""
    return replace(
        hyper,
        channel=hyper.channel or setup.aux,
        distinct=hyper.distinct or setup.noise_images,
        dimensions=hyper.dimensions or MOST,
        pull_steps=hyper.pull_steps or MOST,
    )
