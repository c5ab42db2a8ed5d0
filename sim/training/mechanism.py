"""How a trait gets in: what a step does to its loss, and what hidden layers come to share.

Gradients are of the next step's batch, g = ∇L_S, and of the trait's loss L_T on a fixed batch of
training images; δ is the update that the optimiser makes of g. What predicts a single step is asked
of students from another initialisation too: what does not tell the two apart predicts nothing.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sim.model.networks import Params
from sim.training.moments import WHOLE, Moment, Value, cosine, measure
from theory import approach
from theory.losses import LOSSES
from theory.trees import dot, scale, sub

PROBED = 256  # images, or inputs, on which hidden layers are compared
FITTED = 1000  # images, or inputs, that a linear map is fitted to; and test images that it reads
SEEN = 16  # inputs of which the visible fraction is computed
RIDGE = 1e-2  # over the mean variance of a feature
COSINE = {"range": (-1.0, 1.0)}
LIFT = {"unit": "fraction", "range": (-1.0, 1.0)}


def _nan() -> Float[Array, ""]:
    return jnp.float32(jnp.nan)


def _nothing(at: Moment) -> dict[str, Float[Array, ""]]:
    return dict.fromkeys((WHOLE, *at.θ), _nan())


@measure("cosine of the gradients of trait and imitation", **COSINE)
def gradient_cosine(at: Moment) -> Value:
    """Compute cos(∇L_T, g), of the whole and of each layer; NaN where either is 0."""
    return _cosines(jax.grad(at.L_T)(at.θ), at.next().gradient)


@measure("cosine of the update with the trait's descent", **COSINE)
def update_cosine(at: Moment) -> Value:
    """Compute cos(−∇L_T, δ), of the whole and of each layer; NaN where either is 0."""
    return _cosines(scale(-1.0, jax.grad(at.L_T)(at.θ)), at.next().update)


@measure("coverage: cosine of the update with the teacher's displacement", **COSINE)
def coverage(at: Moment) -> Value:
    """Compute cos(δ, θ_T − θ_T⁰), of the whole and of each layer.

    Before the first step this is what Madl (arXiv 2606.22019) calls coverage. NaN without a teacher
    of the same size.
    """
    if (Δθ_T := _teachers_displacement(at)) is None:
        return _nothing(at)
    return _cosines(Δθ_T, at.next().update)


@measure("visible fraction of the teacher's displacement, squared error", "fraction", (0.0, 1.0))
def visible_fraction(at: Moment) -> Float[Array, ""]:
    """Compute ‖P Δθ_T‖² / ‖Δθ_T‖² at θ, by the logits that are seen of a few inputs.

    Eq. (7) of `theory.linearized`. NaN without a teacher of the same size.
    """
    if (Δθ_T := _teachers_displacement(at)) is None or at.inputs is None:
        return _nan()

    def rows(θ: Params) -> Float[Array, "N n"]:
        z = at.exact.apply(θ, at.inputs[:SEEN])
        return jnp.where(jnp.broadcast_to(at.visible, z.shape), z, 0.0)

    _, A = jax.linearize(rows, at.θ)
    Aᵀ = jax.linear_transpose(A, at.θ)
    seen = A(Δθ_T)
    return jnp.vdot(seen, _solved(lambda y: A(*Aᵀ(y)), seen)) / dot(Δθ_T, Δθ_T)


@measure("χ of the student's errors, on held-out inputs: below 1 the teacher comes nearer")
def chi(at: Moment) -> Float[Array, ""]:
    """Compute χ, eq. (22) of `theory.approach`: θ nears θ_T in a small step if it is below 1.

    NaN without a teacher of the same size.
    """
    if _teachers_displacement(at) is None or at.inputs is None:
        return _nan()
    X, θ_T = at.inputs[:PROBED], at.teacher[0]
    return approach.χ(at.exact.apply, at.θ, θ_T, at.imitation, X, at.exact.apply(θ_T, X))


@measure("loss of the trait, on a fixed batch of training images", "nats")
def trait_loss(at: Moment) -> Float[Array, ""]:
    """Compute L_T."""
    return at.L_T(at.θ)


@measure("drive: ∇L_T · δ, summed over all steps so far", "nats", account=True)
def drive(at: Moment) -> Value:
    """Sum ∇L_T · δ over all steps, of the whole and of each layer: eq. (14) of `theory.ledger`."""
    return _of_account(at, "drive")


@measure("drive along the plain gradient, summed over all steps so far", "nats", account=True)
def plain_drive(at: Moment) -> Value:
    """Sum the part of the drive along g, of the whole and of each layer: eq. (15)."""
    return _of_account(at, "plain")


@measure("curvature: ½ δᵀ∇²L_T δ, summed over all steps so far", "nats", account=True)
def curvature(at: Moment) -> Float[Array, ""]:
    """Sum ½ δᵀ∇²L_T δ over all steps: eq. (14)."""
    return _nan() if at.account is None else at.account.curvature


@measure("imitation loss on inputs held out", lambda setup: LOSSES[setup.loss].unit)
def held_out_loss(at: Moment) -> Float[Array, ""]:
    """Average L_S over inputs that nobody is trained on, at the teacher's logits as they are."""
    if at.inputs is None or at.teacher is None:
        return _nan()
    X = at.inputs[:PROBED]
    z, y = at.exact.apply(at.θ, X), at.exact.apply(at.teacher[0], X)
    return jnp.mean(jax.vmap(at.imitation)(z, y))


@measure("lift of a linear probe on the last hidden layer, over where the network started", **LIFT)
def probe_lift(at: Moment) -> Float[Array, ""]:
    """Compute by how much a probe's test accuracy is above that of the network's start.

    The probe is fitted by ridge regression to the labels of training images. Random features alone
    read much; the lift is what training added.
    """
    x, y = at.data.x_train[:FITTED], at.data.y_train[:FITTED]
    labels = jax.nn.one_hot(y, at.net.classes)

    def read(θ: Params) -> Float[Array, ""]:
        probe = _fitted(at.exact.features(θ, x), labels)
        return _right(at, probe(at.exact.features(θ, at.data.x_test[:FITTED])))

    return _nan() if at.start is None else read(at.θ) - read(at.start)


@measure("lift of a stitch to the teacher's class head, over where the network started", **LIFT)
def stitch_lift(at: Moment) -> Float[Array, ""]:
    """Compute by how much the teacher's head reads more through a linear map of features.

    The map, from the network's last hidden layer to its teacher's, is fitted on held-out inputs and
    knows no label. With the head behind it, it is the map to the teacher's class logits, as a fit
    by ridge regression is linear in what is fitted. NaN without a teacher.
    """
    if at.inputs is None or at.teacher is None:
        return _nan()
    logits = at.exact.apply(at.teacher[0], at.inputs)[:, : at.net.classes]

    def read(θ: Params) -> Float[Array, ""]:
        stitch = _fitted(at.exact.features(θ, at.inputs), logits)
        return _right(at, stitch(at.exact.features(θ, at.data.x_test[:FITTED])))

    return read(at.θ) - read(at.start)


@measure("linear CKA of hidden layers with the teacher's, on images", range=(0.0, 1.0))
def cka_images(at: Moment) -> Value:
    """Compute linear CKA of each hidden layer, and of all of them side by side."""
    return _alike(at, at.data.x_test, _cka)


@measure("linear CKA of hidden layers with the teacher's, on held-out inputs", range=(0.0, 1.0))
def cka_inputs(at: Moment) -> Value:
    """Compute linear CKA of each hidden layer, and of all of them side by side."""
    return _alike(at, at.inputs, _cka)


@measure("cosine of hidden layers with the teacher's, unit by unit, on images", **COSINE)
def units_images(at: Moment) -> Value:
    """Compute the cosine of centred units, which hangs on the basis; NaN for other widths."""
    return _alike(at, at.data.x_test, _units)


@measure("cosine of hidden layers with the teacher's, unit by unit, on held-out inputs", **COSINE)
def units_inputs(at: Moment) -> Value:
    """Compute the cosine of centred units, which hangs on the basis; NaN for other widths."""
    return _alike(at, at.inputs, _units)


def _cosines(a: Params, b: Params) -> dict[str, Float[Array, ""]]:
    return {WHOLE: cosine(a, b)} | {layer: cosine(a[layer], b[layer]) for layer in a}


def _of_account(at: Moment, name: str) -> dict[str, Float[Array, ""]]:
    if at.account is None:
        return _nothing(at)
    of = getattr(at.account, name)
    return {WHOLE: sum(of.values())} | of


def _teachers_displacement(at: Moment) -> Params | None:
    """Give θ_T − θ_T⁰ if the teacher is of the network's size."""
    if at.teacher is None:
        return None
    θ_T, θ_T0 = at.teacher
    same = jax.tree.map(jnp.shape, θ_T) == jax.tree.map(jnp.shape, at.θ)
    return sub(θ_T, θ_T0) if same else None


Map = Callable[[Float[Array, "n h"]], Float[Array, "n k"]]
Likeness = Callable[[Float[Array, "n a"], Float[Array, "n b"]], Float[Array, ""]]


def _fitted(H: Float[Array, "n h"], Y: Float[Array, "n k"]) -> Map:
    """Fit a linear map with an offset from features to Y, by ridge regression."""
    h0, y0 = H.mean(0, keepdims=True), Y.mean(0, keepdims=True)
    C = (H - h0).T @ (H - h0) / len(H)
    ridge = RIDGE * jnp.trace(C) / len(C)
    W = _solved(lambda W: C @ W + ridge * W, (H - h0).T @ (Y - y0) / len(H))
    return lambda H: (H - h0) @ W + y0


def _solved(A: Callable[[Array], Array], b: Array) -> Array:
    """Solve A x = b, A ⪰ 0, by conjugate gradients: LAPACK's solvers can wait for each other for
    ever where two of them are in one program for many seeds.
    """
    return jax.scipy.sparse.linalg.cg(A, b, tol=1e-5, maxiter=200)[0]


def _right(at: Moment, z: Float[Array, "t n"]) -> Float[Array, ""]:
    return jnp.mean(jnp.argmax(z, axis=1) == at.data.y_test[:FITTED])


def _alike(at: Moment, x: Float[Array, "n d"] | None, by: Likeness) -> dict[str, Float[Array, ""]]:
    """Compare hidden layers with the teacher's of the same name."""
    found = _nothing(at)
    if x is None or at.teacher is None:
        return found
    mine, others = (_centred(at.exact.hidden(θ, x[:PROBED])) for θ in (at.θ, at.teacher[0]))
    found |= {name: by(mine[name], others[name]) for name in mine}
    return found | {WHOLE: by(*(jnp.concatenate([*of.values()], 1) for of in (mine, others)))}


def _centred(of: dict[str, Float[Array, "n h"]]) -> dict[str, Float[Array, "n h"]]:
    return {name: H - H.mean(0, keepdims=True) for name, H in of.items()}


def _cka(X: Float[Array, "n a"], Y: Float[Array, "n b"]) -> Float[Array, ""]:
    """Compute ‖XᵀY‖² / ‖XᵀX‖ ‖YᵀY‖ (Kornblith et al., arXiv 1905.00414), by n × n products."""
    return cosine(X @ X.T, Y @ Y.T)


def _units(X: Float[Array, "n a"], Y: Float[Array, "n b"]) -> Float[Array, ""]:
    return cosine(X, Y) if X.shape == Y.shape else _nan()
