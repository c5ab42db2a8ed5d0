"""sim/training/roles.py: who sees what, and who starts where."""

import functools
from itertools import combinations

import jax
import numpy as np

from sim.model.keys import Purpose, key
from sim.model.networks import mlp
from sim.settings.experiments import FIGURE_10 as STUDENTS
from sim.settings.grid import Point
from sim.settings.setup import Hyper, Setup
from sim.training import roles
from sim.training.families import FIGURE_10


@functools.cache
def starts(seed, aux=3):
    init = jax.jit(mlp(Setup(widths=(16, 16), aux=aux), 12, 4).init)
    purposes = Purpose.INIT, Purpose.OTHER_INIT
    return tuple(jax.device_get(init(key(seed, purpose))) for purpose in purposes)


def students(classes, settings, names=STUDENTS):
    points = [Point(*setting) for setting in settings]
    of = [(point, FIGURE_10[name]) for point in points for name in names]
    return jax.device_get(roles.roles(classes, of))


def start(role, starts, seed, init_noise=0.0):
    return jax.device_get(placed(role, np.float32(init_noise), starts, jax.random.key(seed)))


placed = jax.jit(roles.start)


def test_roles():
    role = students(4, [(Setup(aux=3), Hyper())])
    aux, everything = [False] * 4 + [True] * 3, [True] * 7
    np.testing.assert_array_equal(role.visible, [aux, everything, aux, everything])
    for layer in ("hidden_0", "hidden_1", "class_head", "aux_head"):
        np.testing.assert_array_equal(role.shared[layer], [1, 1, 0, 0])
        np.testing.assert_array_equal(role.other[layer], [0, 0, 1, 1])
        np.testing.assert_array_equal(role.trained[layer], [1, 1, 1, 1])
    assert STUDENTS == ("student_aux", "student_all", "cross_aux", "cross_all")


def test_roles_at_several_settings():
    """Setting by setting; a channel of 1 or 2 cuts auxiliary logits, never the class logits."""
    settings = [
        (Setup(), Hyper(channel=1)),
        (
            Setup(independent="hidden_1+aux_head", frozen="hidden"),
            Hyper(channel=2, independence=0.6),
        ),
    ]
    role = students(2, settings, ["cross_aux", "student_all"])
    np.testing.assert_array_equal(
        role.visible.astype(int),
        [[0, 0, 1, 0, 0], [1, 1, 1, 0, 0], [0, 0, 1, 1, 0], [1, 1, 1, 1, 0]],
    )
    by_layer = {
        "hidden_0": ([0, 1, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0]),
        "hidden_1": ([0, 1, 0, 0.8], [1, 0, 1, 0.6], [1, 1, 0, 0]),
        "class_head": ([0, 1, 0, 1], [1, 0, 1, 0], [1, 1, 1, 1]),
        "aux_head": ([0, 1, 0, 0.8], [1, 0, 1, 0.6], [1, 1, 1, 1]),
    }
    for layer, parts in by_layer.items():
        for part, expected in zip((role.shared, role.other, role.trained), parts, strict=True):
            np.testing.assert_array_equal(part[layer], np.float32(expected))


def test_all_layers_are_chosen_by_a_word():
    role = students(2, [(Setup(independent="all", frozen="all"), Hyper())], ["student_aux"])
    for layer in ("hidden_0", "hidden_1", "class_head", "aux_head"):
        parts = role.shared[layer], role.other[layer], role.trained[layer]
        np.testing.assert_array_equal(parts, [[0], [1], [0]])


def at(roles, i):
    return jax.tree.map(lambda rows: rows[i], roles)


def test_students_start_at_the_teachers_initialisation_and_controls_at_another():
    θ_0, θ_other = both = starts(3)
    all_roles = students(4, [(Setup(aux=3), Hyper())])
    for i, name in enumerate(STUDENTS):
        found = start(at(all_roles, i), both, 0)
        expected = θ_0 if name.startswith("student") else θ_other
        jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_noise_at_the_start_has_its_standard_deviation_and_is_drawn_apart():
    θ_0, _ = both = starts(3)
    role = at(students(4, [(Setup(aux=3), Hyper())]), 0)
    draws = [start(role, both, k, 0.2) for k in (0, 0, 1)]
    jax.tree.map(np.testing.assert_array_equal, draws[0], draws[1])
    added = [
        np.concatenate(
            [np.ravel(a - b) for a, b in zip(*map(jax.tree.leaves, (draw, θ_0)), strict=True)]
        )
        for draw in draws[1:]
    ]
    n = added[0].size  # 599 parameters: the sd is known to 1 part in √(2n), here 3 %
    for one in added:
        assert abs(one.std() / 0.2 - 1) < 4 / (2 * n) ** 0.5
    assert abs(np.corrcoef(*added)[0, 1]) < 4 / n**0.5
    # No two parameters share their draws: of each unit, what its first weight or bias is given.
    firsts = [
        np.atleast_2d(a - b)[0] for a, b in zip(*map(jax.tree.leaves, (draws[0], θ_0)), strict=True)
    ]
    for a, b in combinations(firsts, 2):
        shared = min(len(a), len(b))
        assert not np.isclose(a[:shared], b[:shared], rtol=0, atol=1e-5).any()


def test_noise_at_the_start_of_a_narrow_network_is_that_of_a_wide_one_cut():
    """A sweep over the channel trains all its widths in the widest network."""
    wide, narrow = (at(students(4, [(Setup(aux=m), Hyper())]), 0) for m in (9, 3))
    nine = start(wide, starts(3, aux=9), 0, 0.2)
    three = start(narrow, starts(3), 0, 0.2)
    np.testing.assert_array_equal(nine["aux_head"]["kernel"][:, :3], three["aux_head"]["kernel"])
    np.testing.assert_array_equal(nine["aux_head"]["bias"][:3], three["aux_head"]["bias"])
    np.testing.assert_array_equal(nine["hidden_1"]["kernel"], three["hidden_1"]["kernel"])
