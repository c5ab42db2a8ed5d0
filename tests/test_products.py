"""sim/products.py: x @ w and its gradients, against products of rounded operands written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sim.model.products import NARROW, product

SHAPES = [((32, 20), NARROW + 5), ((32, 20), 13), ((20,), 13), ((3, 4, 20), 2 * NARROW)]


def operands(shape, units):
    rng = np.random.default_rng(0)
    sizes = shape, (shape[-1], units), (*shape[:-1], units)
    return [jnp.asarray(rng.normal(size=size), jnp.float32) for size in sizes]


def rounded(a, matmul):
    """To 7 bits behind the point, as float64."""
    return np.asarray(a.astype(jnp.bfloat16) if matmul == "bfloat16" else a, np.float64)


@pytest.mark.parametrize("matmul", ["float32", "tf32", "bfloat16"])
@pytest.mark.parametrize(("shape", "units"), SHAPES)
def test_product_and_gradients(matmul, shape, units):
    """Sums of at most 132 products of order 1, in float32: right to 1e-4; operands exactly."""
    x, w, g = operands(shape, units)
    z, back = jax.vjp(product(matmul), x, w)
    dx, dw = back(g)
    assert {a.dtype for a in (z, dx, dw)} == {np.dtype("float32")}
    a, b, c = (rounded(of, matmul) for of in (x, w, g))
    np.testing.assert_allclose(z, a @ b, atol=1e-4)
    np.testing.assert_allclose(dx, c @ b.T, atol=1e-4)
    flat = a.reshape(-1, a.shape[-1]), c.reshape(-1, units)
    np.testing.assert_allclose(dw, flat[0].T @ flat[1], atol=1e-4)


def test_bfloat16_is_another_number():
    x, w, _ = operands((32, 20), 13)
    assert np.abs(product("bfloat16")(x, w) - product("float32")(x, w)).max() > 1e-3


@pytest.mark.parametrize("matmul", ["float32", "bfloat16"])
def test_mapped_over_networks_it_is_the_same(matmul):
    """Students share their inputs: x unmapped, w mapped."""
    x, w, g = operands((32, 20), 13)
    ws = jnp.stack([w, 2 * w, -w])

    def gradient(w):
        return jax.grad(lambda w: jnp.sum(g * product(matmul)(x, w)))(w)

    each = jnp.stack([gradient(w) for w in ws])
    np.testing.assert_allclose(jax.jit(jax.vmap(gradient))(ws), each, atol=1e-5)
