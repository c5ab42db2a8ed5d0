"""What the other modules measure, laid out by name: a Dataset of one network over some seeds."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from sim.studies.theorem import bases, checks, labels, many_steps, trained
from theory import momentum

if TYPE_CHECKING:
    from sim.studies.theorem.run import Checks  # which these lay out the parts of

Of = Callable[["Checks", str, range], xr.Dataset]  # of a study, a network's name, and seeds
Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]

# Names of fields that are no letters of the alphabet, in a file.
ASCII = {"χ": "chi", "ρ": "rho"}


def laid(prefix: str, value: NamedTuple, *dims: str) -> Variables:
    """Name the fields of a NamedTuple [*dims]."""
    fields = value._asdict().items()
    return {f"{prefix}_{ASCII.get(name, name)}": (dims, field) for name, field in fields}


def of_labels(study: "Checks", network: str, seeds: range) -> xr.Dataset:
    """Lay out channels, draws and filters."""
    theorem = study.theorem
    shape, kind, problems = study.network(network, seeds)
    found = labels.labels(theorem, shape, kind, problems, jnp.asarray(seeds))
    of = jax.device_get(found)
    at = ("seed", "strength")
    law = {
        f"drawn_{name}": (at, value)
        for name, value in of.drawn.law._asdict().items()
        if name in ("mean", "variance", "nats")
    }
    draws = laid("drawn", of.drawn, *at, "draw")
    del draws["drawn_law"]
    return xr.Dataset(
        laid("channel", of.channel, "seed", "channel", "channel_epsilon")
        | {"channel_turned": (("seed", "channel", "channel_epsilon"), of.turned)}
        | laid("quantised", of.quantised, "seed", "quantum")
        | draws
        | law
        | {"drawn_positive": (at, of.positive), "drawn_error": (at, of.error)}
        | {"drawn_bent": (("seed", "draw"), of.bent)}
        | laid("filter", of.filtered, "seed", "loss", "filter", "filter_epsilon")
        | laid("negative", of.negative, "seed", "loss")
        | {"lorenz": (("seed", "loss", "kept"), of.lorenz)}
        | {"inputs_distinct": (("seed",), _distinct(problems.X))}
        | laid("sifted", of.sifted, "seed", "filter_epsilon"),
        {
            "seed": np.asarray(seeds),
            "loss": list(theorem.loss),
            "channel": list(labels.CHANNELS),
            "channel_epsilon": labels.CHANNEL_EPSILONS,
            "quantum": labels.QUANTA,
            "strength": labels.STRENGTHS,
            "draw": range(labels.DRAWS),
            "filter": list(labels.FILTERS),
            "filter_epsilon": labels.FILTER_EPSILONS,
            "kept": range(theorem.inputs + 1),
        },
    )


def _distinct(X: jax.Array) -> np.ndarray:
    """Count the inputs of each seed that are not the same [seed]; X is [seed, N, …]."""
    rows = np.asarray(X).reshape(*X.shape[:2], -1)
    return np.array([len(np.unique(of_seed, axis=0)) for of_seed in rows])


def of_bases(study: "Checks", network: str, seeds: range) -> xr.Dataset:
    """Lay out diagonals, scales, freed steps and heads."""
    theorem = study.theorem
    shape, kind, problems = study.network(network, seeds)
    which = jnp.eye(len(theorem.loss))
    of, log_cosh = jax.device_get(bases.bases(theorem, shape, kind, which, problems))
    heads = jax.tree.map(lambda a, b: np.concatenate([a, b[None]]), of.heads, log_cosh)
    each, ε = ("loss", "seed"), "shared_epsilon"
    return xr.Dataset(
        laid("worst", of.worst, *each, "ratio", ε)
        | laid("plain", of.plain, *each, ε)
        | laid("scaled", of.scaled, *each, "scale", ε)
        | {"scaled_rounding": ((*each, "scale", ε), of.scaled_rounding)}
        | laid("freed", of.freed, *each, "alpha")
        | laid("heads", heads, "head_loss", "seed"),
        {
            "seed": np.asarray(seeds),
            "loss": list(theorem.loss),
            "head_loss": [*theorem.loss, "log_cosh"],
            "ratio": bases.RATIOS,
            "scale": bases.SCALES,
            "alpha": bases.ALPHAS,
            ε: checks.SHARED_EPSILONS,
        },
    )


def of_spectra(study: "Checks", network: str, seeds: range) -> xr.Dataset:
    """Lay out generations, momentum, and what is shown of a trunk."""
    shape, kind, problems = study.network(network, seeds)
    x = np.array([momentum.covered(β) for β in many_steps.MOMENTA])
    of = jax.device_get(many_steps.spectral(shape, kind, jnp.asarray(x), problems))
    variables: Variables = {"powers": (("seed", "generation"), of.chains.powers)}
    for name in ("own", "short", "same"):
        one = laid(name, getattr(of.chains, name), "seed", "generation")
        name_of_whole = f"{name}_displacement2"
        variables |= one | {name_of_whole: (("seed",), one[name_of_whole][1])}
    variables |= laid("swing", of.swings, "seed", "momentum", "swing", "swing_step")
    variables |= _shown(study, network, seeds)
    return xr.Dataset(
        variables,
        {
            "seed": np.asarray(seeds),
            "generation": 1 + np.arange(many_steps.GENERATIONS),
            "momentum": many_steps.MOMENTA,
            "momentum_x": ("momentum", x),
            "way": ("swing", list(many_steps.WAYS)),
            "times_x": ("swing", many_steps.SWINGS),
            "swing_step": 1 + np.arange(many_steps.STEPS),
            "share": many_steps.SHARES,
        },
    )


def _shown(study: "Checks", network: str, seeds: range) -> Variables:
    theorem = replace(study.theorem, aux=max(many_steps.heads()))
    shape = study.shape(theorem, many_steps.UNITS)
    kind, problems = jnp.asarray(shape.kinds.index(network)), study.problems(theorem, shape, seeds)
    each = [many_steps.shown(shape, m, kind, problems) for m in many_steps.heads()]
    return laid("shown", jax.tree.map(lambda *a: np.stack(a, 1), *each), "seed", "share")


def of_walks(study: "Checks", network: str, seeds: range) -> xr.Dataset:
    """Lay out students that near their teacher, and where they end."""
    shape, kind, problems = study.network(network, seeds)
    walks = jax.device_get(trained.walks(shape, kind, problems))
    ends = jax.device_get(trained.ends(shape, kind, problems))
    each = ("lazy_seed", "walk_loss", "choice", "times")
    return xr.Dataset(
        laid("walk", walks.covered, *each, "walk_step")
        | {"walk_far": (each, walks.far)}
        | laid("beyond", walks.beyond, "lazy_seed", "walk_step")
        | laid("limit", ends.limits, "lazy_seed", "walk_loss")
        | laid("pull", ends.pull, "lazy_seed", "look")
        | {
            f"pull_{name}": (("lazy_seed", "look"), getattr(ends, name))
            for name in ("nearer", "size")
        },
        {
            "lazy_seed": np.asarray(seeds),
            "walk_loss": list(trained.SMOOTH),
            "choice": list(trained.CHOICES),
            "times": trained.TIMES,
            "walk_step": 1 + np.arange(trained.STEPS),
            "look": trained.LOOKS,
        },
    )


def of_accounts(study: "Checks", network: str, seeds: range) -> xr.Dataset:
    """Lay out the ledger and other bases."""
    shape, kind, problems = study.network(network, seeds)
    of = jax.device_get(trained.accounts(shape, kind, problems, jnp.asarray(seeds)))
    variables = laid("account", of, "lazy_seed", "optimizer")
    for name, last in (("rest", "step_size"), ("slope", "probe"), ("difference", "probe")):
        variables[f"account_{name}"] = (("lazy_seed", "optimizer", last), getattr(of, name))
    return xr.Dataset(
        variables,
        {
            "lazy_seed": np.asarray(seeds),
            "optimizer": list(trained.OPTIMIZERS),
            "step_size": trained.SIZES,
            "probe": trained.PROBES,
        },
    )


#: Of every network that is asked for, over all seeds, and over those of the trainings alone.
MANY_SEEDS: dict[str, Of] = {
    "labels": of_labels,
    "bases": of_bases,
    "spectra": of_spectra,
}
FEW_SEEDS: dict[str, Of] = {
    "walks": of_walks,
    "accounts": of_accounts,
}
