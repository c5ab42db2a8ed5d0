"""What tells one student of a program from another, beside numbers: masks of logits and layers."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from sim.model.networks import Params, by_unit
from sim.settings.grid import Point
from sim.settings.layers import chosen, student_layers
from sim.training.families import AUX, CLASS, OTHER_INIT, Imitation, Member

ByLayer = dict[str, Float[Array, "*k"]]


class Role(NamedTuple):
    """The masks of a student, or of k that are trained side by side."""

    visible: Bool[Array, "*k n"]  # logits that are distilled
    shared: ByLayer  # how much of θ_0 the start is
    other: ByLayer  # how much of the independent initialisation
    trained: ByLayer  # 1, or 0 where the layer is frozen


def roles(classes: int, students: Sequence[tuple[Point, Member]]) -> Role:
    """Lay out the masks of students, each a member at a point, stacked along k."""
    stacked = [_role(classes, *student) for student in students]
    return jax.tree.map(lambda *rows: _array(np.stack(rows)), *stacked)


def _role(classes: int, point: Point, member: Member) -> Role:
    setup, hyper = point
    logit, layers = np.arange(classes + setup.aux), student_layers(setup)
    elsewhere = member.start == OTHER_INIT
    apart = layers if elsewhere else chosen(setup.independent, layers)
    s = 1.0 if elsewhere else hyper.independence
    frozen = chosen(setup.frozen, layers)
    assert isinstance(member.learns, Imitation)
    seen = member.learns.logits or setup.logits
    first = classes if seen == AUX else 0
    last = classes if seen == CLASS else classes + (hyper.channel or setup.aux)
    return Role(
        visible=(logit >= first) & (logit < last),
        shared={la: (1 - s**2) ** 0.5 if la in apart else 1.0 for la in layers},
        other={la: s if la in apart else 0.0 for la in layers},
        trained={la: float(la not in frozen) for la in layers},
    )


def _array(rows: np.ndarray) -> Array:
    return jnp.asarray(rows if rows.dtype == bool else rows.astype(np.float32))


def start(
    role: Role,
    init_noise: Float[Array, ""],
    starts: tuple[Params, Params],
    key_noise: Key[Array, ""] | None,
) -> Params:
    """Place a student between (θ_0, θ_other): at θ_0 to the last bit where that is shared.

    With a key, N(0, init_noise²) is added to every parameter.
    """
    θ = {
        layer: jax.tree.map(
            lambda one, two, a=role.shared[layer], b=role.other[layer]: a * one + b * two,
            *(of[layer] for of in starts),
        )
        for layer in starts[0]
    }
    if key_noise is None:
        return θ
    leaves, tree = jax.tree.flatten(θ)
    keys = jax.random.split(key_noise, len(leaves))
    drawn = by_unit(keys, [leaf.shape for leaf in leaves])
    moved = [leaf + init_noise * n for leaf, n in zip(leaves, drawn, strict=True)]
    return jax.tree.unflatten(tree, moved)
