"""Who plays: the reference, the teacher, and the students with their controls."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from sim.config import Hyper
from sim.networks import Params

REFERENCE, TEACHER = "reference", "teacher"
#: name of a student -> (distilled on the auxiliary logits only, starts at the teacher's θ_0)
STUDENTS = {
    "student_aux": (True, True),
    "student_all": (False, True),
    "cross_aux": (True, False),
    "cross_all": (False, False),
}
MODELS = (REFERENCE, TEACHER, *STUDENTS)


class Role(NamedTuple):
    """What tells one student of a program from another; they differ in nothing else."""

    visible: Bool[Array, "*k n"]  # logits that are distilled
    shared: Float[Array, "*k"]  # part of θ_0 in the start: 1 the teacher's, 0 an independent one
    lr: Float[Array, "*k"]
    temperature: Float[Array, "*k"]
    init_noise: Float[Array, "*k"]


def students(
    classes: int, aux: int, hypers: Sequence[Hyper], names: Sequence[str] = tuple(STUDENTS)
) -> Role:
    """The roles of the named students at each of some settings, stacked along k = setting × name.

    Of the settings only the numbers of a Role are read; the others are the program's.
    """
    logit = jnp.arange(classes + aux)

    def role(hyper: Hyper, name: str) -> Role:
        only_aux, same = STUDENTS[name]
        numbers = float(same), hyper.student_lr, hyper.temperature, hyper.init_noise
        return Role(
            (logit >= (classes if only_aux else 0)) & (logit < classes + (hyper.channel or aux)),
            *(jnp.float32(number) for number in numbers),
        )

    roles = [role(hyper, name) for hyper in hypers for name in names]
    return jax.tree.map(lambda *rows: jnp.stack(rows), *roles)


def start(role: Role, starts: Params, key_noise: Key[Array, ""]) -> Params:
    """Where a student starts, of (θ_0, θ_other) [2, …]: θ_0 to the last bit if shared = 1.

    With init_noise, N(0, init_noise²) is added to every parameter.
    """
    θ = jax.tree.map(lambda two: role.shared * two[0] + (1 - role.shared) * two[1], starts)
    leaves, tree = jax.tree.flatten(θ)
    keys = jax.random.split(key_noise, len(leaves))
    moved = [
        leaf + role.init_noise * _by_unit(key, leaf) for leaf, key in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(tree, moved)


def _by_unit(key: Key[Array, ""], leaf: Float[Array, "*d units"]) -> Float[Array, "*d units"]:
    """N(0, 1), unit j from key j: a narrow layer gets what the same units of a wide one get."""
    draws = jax.vmap(lambda j: jax.random.normal(jax.random.fold_in(key, j), leaf.shape[:-1]))
    return jnp.moveaxis(draws(jnp.arange(leaf.shape[-1])), 0, -1)
