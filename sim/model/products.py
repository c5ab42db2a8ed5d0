"""The matrix product of a layer in training: x @ w and its gradients, in a chosen precision."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental.layout import Layout, with_layout_constraint
from jaxtyping import Array, Float

from sim.settings.setup import Matmul

Product = Callable[[Float[Array, "*b d"], Float[Array, "d u"]], Float[Array, "*b u"]]
NARROW = 64  # units of a layer whose weights' gradient is computed transposed


def product(matmul: Matmul) -> Product:
    """Multiply x [*b, d] @ w [d, u], operands rounded to `matmul`, sums in float32.

    float32: as they are; tf32: to 10 bits behind the point, by GPUs that can; bfloat16: to 7. What
    comes out is float32, in any case. Only reverse-mode derivatives.
    """
    return partial(_product, matmul)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _product(
    matmul: Matmul, x: Float[Array, "*b d"], w: Float[Array, "d u"]
) -> Float[Array, "*b u"]:
    return _forward(matmul, x, w)[0]


def _forward(matmul: Matmul, x: Array, w: Array) -> tuple[Array, tuple[Array, Array]]:
    x, w = _rounded(matmul, x), _rounded(matmul, w)
    return _contract(matmul, x, w, x.ndim - 1, 0), (x, w)


def _backward(matmul: Matmul, kept: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, w = kept
    g = _rounded(matmul, g)
    dx = _contract(matmul, g, w, g.ndim - 1, 1)
    x, g = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
    # dw = xᵀ g. XLA's fast products on a CPU want the summed axis last in the first operand: with
    # an operand transposed in memory, a narrow layer's is six times as fast, and so are bfloat16's.
    if w.shape[1] < NARROW:
        return dx, _in_order(_contract(matmul, _in_order(g.T), x, 1, 0)).T
    if matmul == "bfloat16":
        return dx, _contract(matmul, _in_order(x.T), g, 1, 0)
    return dx, _contract(matmul, x, g, 0, 0)


_product.defvjp(_forward, _backward)


def _rounded(matmul: Matmul, x: Array) -> Array:
    return x.astype(jnp.bfloat16) if matmul == "bfloat16" else x


def _contract(matmul: Matmul, a: Array, b: Array, axis_a: int, axis_b: int) -> Array:
    return lax.dot_general(
        a,
        b,
        (((axis_a,), (axis_b,)), ((), ())),
        precision=lax.Precision.HIGHEST if matmul == "float32" else lax.Precision.DEFAULT,
        preferred_element_type=jnp.float32,
    )


def _in_order(x: Float[Array, "a b"]) -> Float[Array, "a b"]:
    """Row by row in memory, on a CPU; a GPU's products take any order."""
    if jax.default_backend() != "cpu":
        return x
    return with_layout_constraint(x, Layout((0, 1)))
