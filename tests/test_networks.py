"""sim/networks.py: the initialisation law, prefixes, and the network written out in numpy."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sim.model import networks
from sim.model.arrays import image_sides
from sim.model.networks import ACTIVATIONS, mlp
from sim.settings.layers import student_layers
from sim.settings.setup import Setup


def network(d_in=20, classes=4, **settings):
    return mlp(Setup(**{"widths": (8, 6)} | settings), d_in, classes)


def initial(seed, *nets):
    """Parameters of each network as numpy's: one program, of many when each draw is called."""
    drawn = jax.jit(lambda key: [net.init(key) for net in nets])(jax.random.key(seed))
    return jax.tree.map(np.asarray, drawn)


def test_initialisation_law():
    """Weights N(0, 1/d_in), biases 0: mean and variance within 4 standard errors, by layer."""
    (θ,) = initial(3, network(d_in=784, classes=10, widths=(256, 256)))
    assert {name: layer["kernel"].shape for name, layer in θ.items()} == {
        "hidden_0": (784, 256),
        "hidden_1": (256, 256),
        "class_head": (256, 10),
        "aux_head": (256, 3),
    }
    for layer in θ.values():
        w = np.asarray(layer["kernel"], float) * layer["kernel"].shape[0] ** 0.5
        assert abs(w.mean()) < 4 / w.size**0.5
        assert abs(w.var() - 1) < 4 * (2 / w.size) ** 0.5
        assert abs((w**4).mean() - 3) < 4 * (96 / w.size) ** 0.5  # normal, not uniform
        assert not layer["bias"].any()


@pytest.mark.parametrize(
    ("law", "sd", "widest"),
    [
        ("lecun_normal", 1 / 20, None),
        ("he_normal", 2**0.5 / 20, None),
        ("small_normal", 0.02, None),
        ("uniform", 1 / 20 / 3**0.5, 1 / 20),
    ],
)
def test_laws_of_initial_weights(law, sd, widest):
    """By their moments, within four standard errors; the uniform one by its ends too, with biases.

    That is torch's default: U(±1/√d) of weights and biases (its kaiming_uniform with a = √5).
    """
    d, units = 400, 500
    net = networks.mlp(Setup(widths=(units,), aux=7, init=law), d, 10)
    for name, layer in initial(3, net)[0].items():
        w, b = np.asarray(layer["kernel"], float), np.asarray(layer["bias"], float)
        here = sd if w.shape[0] == d or law == "small_normal" else sd * (d / units) ** 0.5
        kurtosis = 1.8 if widest else 3.0
        assert w.mean() == pytest.approx(0, abs=4 * here / w.size**0.5)
        assert w.std() == pytest.approx(here, rel=4 * ((kurtosis - 1) / 4 / w.size) ** 0.5), name
        if widest:
            most = 1 / w.shape[0] ** 0.5
            assert max(abs(w).max(), abs(b).max()) <= most
            assert abs(w).max() > 0.99 * most
            assert b.std() == pytest.approx(most / 3**0.5, rel=4 * (0.2 / b.size) ** 0.5)
            assert abs(np.corrcoef(w[0], b)[0, 1]) < 4 / b.size**0.5
        else:
            assert (b == 0).all()


def test_layers_and_units_are_independent():
    (θ,) = initial(0, network(d_in=256, widths=(256, 256), aux=256, classes=256))
    kernels = [np.asarray(layer["kernel"]).ravel() for layer in θ.values()]
    across = np.corrcoef(kernels)[np.triu_indices(4, 1)]
    assert np.abs(across).max() < 5 / 256  # standard error of a correlation: 1/√(256²)
    units = np.corrcoef(np.asarray(θ["hidden_0"]["kernel"]).T)[np.triu_indices(256, 1)]
    assert np.abs(units).max() < 6 / 16  # 32,640 pairs of units, standard error 1/√256


def test_fewer_auxiliary_logits_are_a_prefix_of_more():
    (few,), (many,) = (initial(1, network(aux=m)) for m in (3, 300))
    np.testing.assert_array_equal(few["aux_head"]["kernel"], many["aux_head"]["kernel"][:, :3])
    for name in ("hidden_0", "hidden_1", "class_head"):
        np.testing.assert_array_equal(few[name]["kernel"], many[name]["kernel"])


@functools.cache
def lifted(widths):
    """Of any activation; lifted so that biases count."""
    return jax.tree.map(lambda leaf: leaf + np.float32(0.1), initial(2, network(widths=widths))[0])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(8,), (8, 6, 5)])
def test_forward_written_out(activation, widths):
    net = network(activation=activation, widths=widths)
    θ = lifted(widths)
    x = np.linspace(-1, 1, 20, dtype=np.float32)
    h = x
    for i in range(len(widths)):
        layer = θ[f"hidden_{i}"]
        h = np.asarray(ACTIVATIONS[activation](jnp.asarray(h @ layer["kernel"] + layer["bias"])))
    z = [h @ θ[head]["kernel"] + θ[head]["bias"] for head in ("class_head", "aux_head")]
    np.testing.assert_allclose(jax.jit(net.apply)(θ, x), np.concatenate(z), rtol=2e-5, atol=2e-5)


def test_float64_inputs_give_a_float64_network():
    with jax.enable_x64(True):
        net = network()
        θ = jax.jit(net.init)(jax.random.key(0))
        assert {leaf.dtype for leaf in jax.tree.leaves(θ)} == {np.dtype("float64")}
        assert jax.jit(net.apply)(θ, jnp.ones(20)).dtype == np.float64


def test_students_network_is_the_teachers_unless_told():
    same, wide = Setup(widths=(8, 6)), Setup(widths=(8, 6), student_widths=(12, 6))
    θ_T, θ_same, θ_wide = initial(
        4,
        networks.mlp(same, 20, 4),
        networks.student(same, 20, 4),
        networks.student(wide, 20, 4),
    )
    jax.tree.map(np.testing.assert_array_equal, θ_T, θ_same)
    for head in ("class_head", "aux_head"):  # as wide: the same
        np.testing.assert_array_equal(θ_wide[head]["kernel"], θ_T[head]["kernel"])
    # As far as their units are the same.
    np.testing.assert_array_equal(θ_wide["hidden_0"]["kernel"][:, :8], θ_T["hidden_0"]["kernel"])
    assert θ_wide["hidden_1"]["kernel"].shape == (12, 6)


def test_cnn_written_out():
    """Two 3 × 3 convolutions at every other pixel, zeros beyond the edge; a dense layer; heads."""
    setup = Setup(widths=(9, 6), student_network="cnn", student_widths=(3, 5))
    net = networks.student(setup, 64, 4)
    θ = jax.tree.map(lambda leaf: leaf + np.float32(0.1), initial(0, net)[0])
    x = np.random.default_rng(0).normal(size=(2, 64)).astype(np.float32)
    h = x.reshape(2, 8, 8, 1)
    for name in ("hidden_0", "hidden_1"):
        kernel, bias = (θ[name][part] for part in ("kernel", "bias"))
        padded = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)))
        side = h.shape[1] // 2
        out = np.zeros((2, side, side, len(bias)))
        for i in range(side):
            for j in range(side):
                window = padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].reshape(2, -1)
                out[:, i, j] = np.maximum(window @ kernel + bias, 0)
        h = out
    h = np.maximum(h.reshape(2, -1) @ θ["hidden_2"]["kernel"] + θ["hidden_2"]["bias"], 0)
    z = [h @ θ[head]["kernel"] + θ[head]["bias"] for head in ("class_head", "aux_head")]
    both, one = jax.jit(lambda θ, x: (net.apply(θ, x), net.apply(θ, x[0])))(θ, x)
    np.testing.assert_allclose(both, np.concatenate(z, axis=-1), rtol=1e-4)
    np.testing.assert_allclose(one, np.asarray(both)[0], rtol=1e-4)
    assert {*θ} == {*student_layers(setup)}


def test_products_of_a_pass():
    setup = Setup(widths=(9, 6), aux=3)
    assert networks.product_shapes(networks.mlp, setup, 64, 4) == ((1, 64, 9), (1, 9, 6), (1, 6, 7))
    cnn = Setup(widths=(9, 6), student_network="cnn", student_widths=(3, 5))
    assert networks.product_shapes(networks.student, cnn, 64, 4) == (
        (16, 9, 3),
        (4, 27, 5),
        (1, 20, 6),
        (1, 6, 7),
    )
    found = networks._shapes.cache_info().misses
    networks.product_shapes(networks.student, replace(cnn, points=3, batch=7), 64, 4)
    assert networks._shapes.cache_info().misses == found  # a plan of many points asks once


@pytest.mark.parametrize(("d", "sides"), [(784, (28, 28)), (64, (8, 8)), (12, (3, 4)), (7, (1, 7))])
def test_image_sides(d, sides):
    """What knows neighbours takes images for these."""
    assert image_sides(d) == sides


@pytest.mark.parametrize("init", ["lecun_normal", pytest.param("uniform", marks=pytest.mark.slow)])
def test_initial_weights_are_the_same_bits_in_any_program_and_a_narrow_network_is_a_wide_one_cut(
    init,
):
    def θ(aux, seeds=(1,)):
        draw = jax.jit(jax.vmap(mlp(Setup(widths=(5,), aux=aux, init=init), 28, 3).init))
        keys = jax.vmap(jax.random.key)(np.asarray(seeds))
        return jax.tree.map(lambda leaf: leaf[0], jax.device_get(draw(keys)))

    alone, within, wide = θ(2), θ(2, seeds=(1, 2, 3)), θ(40)
    for layer, parts in alone.items():
        for part, values in parts.items():
            assert jnp.array_equal(values, within[layer][part])
            assert jnp.array_equal(values, wide[layer][part][..., : values.shape[-1]])
