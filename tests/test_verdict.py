"""theory/verdict.py: four answers, each where it belongs; the exact degenerate cases."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.test_one_step import problem
from tests.tiny import flat, init, network
from theory import conditions, losses, one_step
from theory.one_step import Ladder
from theory.verdict import LADDER, Verdict, check, judge

FINE = conditions.Conditions(0.0, 0.0, 0.0, 1e-8)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def verdicts(finding):
    return finding.lemma_1, finding.theorem_1


def separate(seed=0, loss="kl", m=3, hidden=()):
    """A linear network with 2 class logits and m auxiliary ones; L_T is of the class logits."""
    sizes = (5, *hidden, 2 + m)
    f, θ_0 = network(sizes, lambda x: x), init(jax.random.key(seed), sizes)
    X = jax.random.normal(jax.random.key(seed + 100), (6, 5))
    L_S = partial(getattr(losses, loss), visible=jnp.arange(2 + m) >= 2)
    return f, θ_0, lambda θ: jnp.sum(f(θ, jnp.ones(5))[:2] ** 2), L_S, X


def test_holds():
    f, θ_0, L_T, L_S, X, _ = problem(0, (4, 8, 8, 6))
    finding = check(f, θ_0, L_T, L_S, X)
    assert verdicts(finding) == (Verdict.HOLDS, Verdict.HOLDS)


def exact_zero(f, θ_0, L_T, L_S, X):
    """The student's step along the teacher's direction, at every ε: zero to rounding."""
    finding = check(f, θ_0, L_T, L_S, X)
    rungs = finding.ladder
    assert (np.abs(rungs.dot) <= 4 * rungs.dot_rounding).all()
    assert (np.abs(rungs.ε_q) <= 4 * rungs.dot_rounding).all()
    return finding


@pytest.mark.parametrize("loss", ["kl", "squared_error"])
def test_degenerate_separate_outputs(loss):
    f, θ_0, L_T, L_S, X = separate(loss=loss)
    finding = exact_zero(f, θ_0, L_T, L_S, X)
    assert verdicts(finding) == (Verdict.DEGENERATE,) * 2
    moved, step = jax.jit(lambda θ: (g := jax.grad(L_T)(θ), one_step.Δθ_S(f, θ, g, L_S, X, 0.1)))(
        θ_0
    )
    moved = flat(moved) != 0
    assert not flat(step)[moved].any()  # exactly: not one parameter of L_T's is moved


def test_degenerate_softmax_over_one_logit():
    finding = exact_zero(*separate(loss="kl", m=1, hidden=(4,)))
    assert verdicts(finding) == (Verdict.DEGENERATE,) * 2
    assert "constant" in finding.reason


def test_degenerate_frozen_trunk():
    f, θ_0, L_T, L_S, X = separate(hidden=(4,))

    def frozen(θ):
        return L_T([jax.lax.stop_gradient(θ[0]), θ[1]])

    finding = exact_zero(f, θ_0, frozen, L_S, X)
    assert verdicts(finding) == (Verdict.DEGENERATE,) * 2
    assert "[1][0]" in finding.reason
    assert "[0][0]" not in finding.reason


def test_degenerate_reasons_that_are_no_parameters():
    f, θ_0, _, L_S, X = separate()
    at_rest = check(f, θ_0, lambda θ: jnp.zeros(()), L_S, X)
    assert at_rest.lemma_1 == Verdict.DEGENERATE
    assert "stationary" in at_rest.reason
    # A shift of all logits is invisible to a softmax: seen by J, and in the null space of M.
    shift = {"W": jnp.ones((3, 5)), "b": jnp.zeros(())}
    kl = partial(losses.kl, visible=jnp.ones(3, bool))
    finding = check(lambda θ, x: θ["W"] @ x + θ["b"], shift, lambda θ: θ["b"], kl, X)
    assert finding.lemma_1 == Verdict.DEGENERATE
    assert "sees no effect" in finding.reason


@pytest.mark.parametrize("case", [{"loss": "squared_error", "m": 1}, {"m": 3}], ids=str)
def test_not_degenerate(case):
    """Squared error over one logit, and a two-layer linear network, pass the trait on."""
    finding = check(*separate(hidden=(4,), **case))
    assert verdicts(finding) == (Verdict.HOLDS, Verdict.HOLDS)


def test_not_applicable_names_the_hypothesis():
    f, θ_0, L_T, L_S, X, _ = problem(0, (4, 8, 8, 6))
    for finding, word in (
        (check(f, θ_0, L_T, L_S, X, θ_S0=init(jax.random.key(8), (4, 8, 8, 6))), "initialisation"),
        (check(f, θ_0, L_T, conditions.BROKEN["top_logit"], X), "null_space"),
        (check(f, θ_0, lambda θ: jnp.nan * L_T(θ), L_S, X), "finite"),
    ):
        assert verdicts(finding) == (Verdict.NOT_APPLICABLE,) * 2
        assert word in finding.reason


def ladder(sign=1.0, noise=0.0):
    """A made-up one: dot = sign ε + ε² + noise."""
    ε = np.asarray(LADDER)
    return Ladder(ε, sign * ε + ε**2, ε, -sign * ε, -ε, noise + 0 * ε, noise + 0 * ε)


def test_violated_and_undecided():
    """No network violates the lemma; a ladder that does is called so, unless rounding hides it."""
    assert verdicts(judge(ladder(), FINE)) == (Verdict.HOLDS,) * 2
    assert verdicts(judge(ladder(sign=-1.0), FINE)) == (Verdict.VIOLATED,) * 2
    assert verdicts(judge(ladder(sign=0.0), FINE)) == (Verdict.NOT_APPLICABLE, Verdict.VIOLATED)
    assert verdicts(judge(ladder(sign=-1.0, noise=1e-2), FINE)) == (Verdict.NOT_APPLICABLE,) * 2
    assert verdicts(judge(ladder(sign=3.0), FINE)) == (Verdict.NOT_APPLICABLE,) * 2  # not ε q
    broken = FINE._replace(null_space=1.0)
    assert verdicts(judge(ladder(), broken)) == (Verdict.NOT_APPLICABLE,) * 2
    assert verdicts(judge(ladder(sign=np.nan), FINE)) == (Verdict.NOT_APPLICABLE,) * 2


def test_lemma_1_has_no_violation_in_a_thousand_small_cases():
    """Two losses × three activations × 170 seeds; each with a positive q to be seen."""
    ε, cases, wrong = jnp.asarray(LADDER), 0, 0
    for activation in ("tanh", "gelu", "relu"):

        def one(seed, squared, activation=activation):
            f, θ_0, L_T, _, X, visible = problem(seed, (4, 8, 8, 6), activation)

            def L_S(z, y):
                both = losses.squared_error(z, y, visible), losses.kl(z, y, visible)
                return squared * both[0] + (1 - squared) * both[1]

            return one_step.ladder(f, θ_0, L_T, L_S, X, ε)

        of_seeds = jax.jit(jax.vmap(jax.vmap(one, (0, None)), (None, 0)))
        rungs = jax.device_get(of_seeds(jnp.arange(170), jnp.array([0.0, 1.0])))
        for at in np.ndindex(2, 170):
            finding = judge(jax.tree.map(lambda leaf, at=at: leaf[at], rungs), FINE)
            cases += finding.lemma_1 in (Verdict.HOLDS, Verdict.VIOLATED)
            wrong += Verdict.VIOLATED in verdicts(finding)
    assert wrong == 0
    assert cases >= 1000
