"""sim/cast.py: who sees what, and who starts where."""

import jax
import jax.numpy as jnp
import numpy as np

from sim import cast
from sim.config import Setup
from sim.keys import Purpose, key
from sim.networks import mlp

NET = mlp(Setup(widths=(16, 16)), 12, 4)


def starts(seed):
    two = [NET.init(key(seed, purpose)) for purpose in (Purpose.INIT, Purpose.OTHER_INIT)]
    return two, jax.tree.map(lambda a, b: jnp.stack([a, b]), *two)


def test_roles():
    role = cast.students(classes=4, aux=3)
    aux, everything = [False] * 4 + [True] * 3, [True] * 7
    np.testing.assert_array_equal(role.visible, [aux, everything, aux, everything])
    np.testing.assert_array_equal(role.shared, [1, 1, 0, 0])
    assert list(cast.STUDENTS) == ["student_aux", "student_all", "cross_aux", "cross_all"]


def test_students_start_at_the_teachers_initialisation_and_controls_at_another():
    (θ_0, θ_other), both = starts(seed=3)
    roles = cast.students(4, 3)
    for i, name in enumerate(cast.STUDENTS):
        start = cast.start(jax.tree.map(lambda rows, i=i: rows[i], roles), both)
        expected = θ_0 if name.startswith("student") else θ_other
        jax.tree.map(np.testing.assert_array_equal, start, expected)
