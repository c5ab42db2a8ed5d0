"""Who plays: the reference, the teacher, and the students with their controls."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from sim.model.networks import Params
from sim.settings.config import Hyper, Setup, chosen, student_layers

REFERENCE, TEACHER = "reference", "teacher"
#: name of a student -> (distilled on the auxiliary logits only, starts at the teacher's θ_0)
STUDENTS = {
    "student_aux": (True, True),
    "student_all": (False, True),
    "cross_aux": (True, False),
    "cross_all": (False, False),
}
MODELS = (REFERENCE, TEACHER, *STUDENTS)
ByLayer = dict[str, Float[Array, "*k"]]


class Role(NamedTuple):
    """What tells one student of a program from another; they differ in nothing else."""

    visible: Bool[Array, "*k n"]  # logits that are distilled
    shared: ByLayer  # how much of θ_0 the start is
    other: ByLayer  # how much of the independent initialisation
    trained: ByLayer  # 1, or 0 where the layer is frozen
    lr: Float[Array, "*k"]
    temperature: Float[Array, "*k"]
    init_noise: Float[Array, "*k"]


def students(
    classes: int,
    settings: Sequence[tuple[Setup, Hyper]],
    names: Sequence[str] = tuple(STUDENTS),
) -> Role:
    """The roles of the named students at each of some settings, stacked along k = setting × name.

    Of the settings only what a Role holds is read; the rest is the program's.
    """

    def role(setup: Setup, hyper: Hyper, name: str) -> Role:
        only_aux, same = STUDENTS[name]
        logit, layers = np.arange(classes + setup.aux), student_layers(setup)
        apart = chosen(setup.independent, layers) if same else layers
        s = hyper.independence if same else 1.0
        frozen = chosen(setup.frozen, layers)
        first = classes if only_aux else 0
        return Role(
            visible=(logit >= first) & (logit < classes + (hyper.channel or setup.aux)),
            shared={la: (1 - s**2) ** 0.5 if la in apart else 1.0 for la in layers},
            other={la: s if la in apart else 0.0 for la in layers},
            trained={la: float(la not in frozen) for la in layers},
            lr=hyper.student_lr,
            temperature=hyper.temperature,
            init_noise=hyper.init_noise,
        )

    roles = [role(*setting, name) for setting in settings for name in names]

    def stacked(*rows: object) -> Array:  # by numpy, which compiles nothing
        of = np.stack(rows)
        return jnp.asarray(of if of.dtype == bool else of.astype(np.float32))

    return jax.tree.map(stacked, *roles)


def start(role: Role, starts: Params, key_noise: Key[Array, ""]) -> Params:
    """Where a student starts, of (θ_0, θ_other) [2, …]: θ_0 to the last bit where that is shared.

    With init_noise, N(0, init_noise²) is added to every parameter.
    """
    θ = {
        layer: jax.tree.map(
            lambda two, a=role.shared[layer], b=role.other[layer]: a * two[0] + b * two[1], both
        )
        for layer, both in starts.items()
    }
    leaves, tree = jax.tree.flatten(θ)
    moved = [
        leaf + role.init_noise * n
        for leaf, n in zip(leaves, _noise(key_noise, leaves), strict=True)
    ]
    return jax.tree.unflatten(tree, moved)


def _noise(key: Key[Array, ""], leaves: list[Array]) -> list[Array]:
    """N(0, 1) for leaves [*d, units], a key a unit: a narrow layer's get what a wide one's do.

    All in one draw, of which short columns use the beginning: each draw costs much compilation.
    """
    units = [leaf.shape[-1] for leaf in leaves]
    of_leaf = jax.random.split(key, len(leaves))[np.repeat(np.arange(len(leaves)), units)]
    keys = jax.vmap(jax.random.fold_in)(of_leaf, np.concatenate([np.arange(u) for u in units]))
    longest = max(math.prod(leaf.shape[:-1]) for leaf in leaves)
    columns = jax.vmap(lambda key: jax.random.normal(key, (longest,)))(keys)
    parts = jnp.split(columns, np.cumsum(units)[:-1])
    return [
        part[:, : math.prod(leaf.shape[:-1])].T.reshape(leaf.shape)
        for part, leaf in zip(parts, leaves, strict=True)
    ]
