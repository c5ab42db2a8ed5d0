"""Who plays: the reference, the teacher, and the students with their controls."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

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
    """What tells one student from another; students of a seed differ in nothing else."""

    visible: Bool[Array, "*k n"]  # logits that are distilled
    shared: Float[Array, "*k"]  # part of θ_0 in the start: 1 the teacher's, 0 an independent one


def students(classes: int, aux: int) -> Role:
    """The roles of STUDENTS, stacked: visible [4, classes + aux], shared [4]."""
    n = classes + aux
    return Role(
        visible=jnp.stack(
            [jnp.arange(n) >= (classes if only_aux else 0) for only_aux, _ in STUDENTS.values()]
        ),
        shared=jnp.asarray([float(same) for _, same in STUDENTS.values()]),
    )


def start(role: Role, starts: Params) -> Params:
    """Where a student starts, of (θ_0, θ_other) [2, …]: θ_0 to the last bit if shared = 1."""
    return jax.tree.map(lambda two: role.shared * two[0] + (1 - role.shared) * two[1], starts)
