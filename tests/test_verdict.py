"""theory/verdict.py: four answers, each where it belongs; the exact degenerate cases."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.test_one_step import ACTIVATIONS, draw, problem
from tests.tiny import flat, many, network, numbers, squares
from theory import conditions, losses, one_step, verdict
from theory.one_step import Ladder
from theory.rounding import tends_to
from theory.verdict import LADDER, Verdict, check, judge

FINE = conditions.Conditions(0.0, 0.0, 0.0, 1e-8)
unchecked = inspect.unwrap(check)  # as a user calls it: types are looked at in tests alone


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def simple(seed=0):
    """A problem that is quick to compile, where nothing hangs on depth or loss."""
    return problem(seed, (4, 6, 6), loss="squared_error")[:5]


def verdicts(finding):
    return finding.lemma_1, finding.theorem_1


def separate(seed=0, loss="kl", m=3, hidden=()):
    """A linear network with 2 class logits and m auxiliary ones; L_T is of the class logits."""
    sizes = (5, *hidden, 2 + m)
    f, rng = network(sizes, ACTIVATIONS["linear"]), np.random.default_rng(seed)
    θ_0, X = jax.device_put((numbers(rng, sizes), rng.normal(size=(6, 5))))
    L_S = partial(getattr(losses, loss), visible=jax.device_put(np.arange(2 + m) >= 2))
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


@pytest.mark.parametrize("loss", ["kl", pytest.param("squared_error", marks=pytest.mark.slow)])
def test_degenerate_separate_outputs(loss):
    f, θ_0, L_T, L_S, X = separate(loss=loss)
    finding = exact_zero(f, θ_0, L_T, L_S, X)
    assert verdicts(finding) == (Verdict.DEGENERATE,) * 2
    both = lambda θ: (flat(g := jax.grad(L_T)(θ)), flat(one_step.Δθ_S(f, θ, g, L_S, X, 0.1)))  # noqa: E731
    moved, step = map(np.asarray, jax.jit(both)(θ_0))
    assert not step[moved != 0].any()  # exactly: not one parameter of L_T's is moved


def test_degenerate_softmax_over_one_logit():
    finding = exact_zero(*separate(loss="kl", m=1, hidden=(4,)))
    assert verdicts(finding) == (Verdict.DEGENERATE,) * 2
    assert "constant" in finding.reason


def test_degenerate_frozen_trunk():
    f, θ_0, L_T, L_S, X = separate(loss="squared_error", hidden=(4,))

    def frozen(θ):
        return L_T([jax.lax.stop_gradient(θ[0]), θ[1]])

    finding = exact_zero(f, θ_0, frozen, L_S, X)
    assert verdicts(finding) == (Verdict.DEGENERATE,) * 2
    assert "[1][0]" in finding.reason
    assert "[0][0]" not in finding.reason


def test_degenerate_reasons_that_are_no_parameters():
    f, θ_0, _, L_S, X = separate(loss="squared_error")
    at_rest = check(f, θ_0, lambda θ: jnp.zeros(()), L_S, X)
    assert at_rest.lemma_1 == Verdict.DEGENERATE
    assert "stationary" in at_rest.reason
    # A shift of all logits is invisible to a softmax: seen by J, and in the null space of M.
    shift = {"W": jnp.ones((3, 5)), "b": jnp.zeros(())}
    kl = partial(losses.kl, visible=jnp.ones(3, bool))
    finding = check(lambda θ, x: θ["W"] @ x + θ["b"], shift, lambda θ: θ["b"], kl, X)
    assert finding.lemma_1 == Verdict.DEGENERATE
    assert "sees no effect" in finding.reason


@pytest.mark.parametrize(
    "case",
    [{"loss": "squared_error", "m": 1}, pytest.param({"m": 3}, marks=pytest.mark.slow)],
    ids=str,
)
def test_not_degenerate(case):
    """Squared error over one logit, and a two-layer linear network, pass the trait on."""
    finding = check(*separate(hidden=(4,), **case))
    assert verdicts(finding) == (Verdict.HOLDS, Verdict.HOLDS)


def test_not_applicable_names_the_hypothesis():
    f, θ_0, L_T, L_S, X = simple()
    for finding, word in (
        (check(f, θ_0, L_T, L_S, X, θ_S0=simple(8)[1]), "initialisation"),
        (check(f, θ_0, L_T, conditions.BROKEN["softmax_twice"], X), "minimum"),
        (check(f, θ_0, L_T, lambda z, y: jnp.sum((z - y) ** 4), X), "null_space"),
    ):
        assert verdicts(finding) == (Verdict.NOT_APPLICABLE,) * 2
        assert word in finding.reason


NOT_FINITE = "f, L_S or L_T is not finite"


def test_parameters_that_are_no_numbers_are_no_other_initialisation():
    f, θ_0, L_T, L_S, X = simple()
    lost = jax.tree.map(lambda a: np.nan * np.asarray(a), θ_0)  # none is equal to itself there
    finding = check(f, lost, L_T, L_S, X, θ_S0=lost)
    assert verdicts(finding) == (Verdict.NOT_APPLICABLE,) * 2
    assert NOT_FINITE in finding.reason


def test_an_L_T_or_an_input_that_is_no_number():
    f, θ_0, L_T, L_S, X = simple()
    for finding in (
        check(f, θ_0, lambda θ: jnp.nan * L_T(θ), L_S, X),
        check(f, θ_0, L_T, L_S, X.at[0].set(jnp.nan)),
    ):
        assert verdicts(finding) == (Verdict.NOT_APPLICABLE,) * 2
        assert NOT_FINITE in finding.reason


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
    for condition in ("minimum", "semi_definite"):
        broken = FINE._replace(**{condition: 1.0})
        assert verdicts(judge(ladder(), broken)) == (Verdict.NOT_APPLICABLE,) * 2
    assert verdicts(judge(ladder(sign=np.nan), FINE)) == (Verdict.NOT_APPLICABLE,) * 2


@pytest.mark.slow
def test_the_null_space_matters_where_q_is_0():
    """Eq. (2) is proved without it: of the loss on the teacher's largest logit it is true."""
    moved = FINE._replace(null_space=1.0)
    assert verdicts(judge(ladder(), moved)) == (Verdict.HOLDS,) * 2
    nothing = Ladder(*(0 * np.asarray(field) for field in ladder()))
    assert verdicts(judge(nothing, FINE)) == (Verdict.DEGENERATE,) * 2
    assert judge(nothing, moved).reason == "L_S fails: null_space"
    f, θ_0, L_T, _, X, _ = problem(0, (4, 8, 8, 6))
    finding = check(f, θ_0, L_T, conditions.top_logit, X)
    assert verdicts(finding) == (Verdict.HOLDS,) * 2
    assert abs(finding.ladder.dot / finding.ladder.ε_q - 1)[-3:].max() < 1e-3
    # The trait is seen by nobody: q = 0, and what that means hangs on the null space.
    hidden = check(*separate()[:3], lambda z, y: conditions.top_logit(z[2:], y[2:]), separate()[4])
    assert hidden.reason == "L_S fails: null_space"


@pytest.mark.parametrize(
    ("measured", "limit"),
    [
        (lambda ε: ε * (1 + 3 * ε), 1.0),
        (lambda ε: ε * (1 + ε**0.5), 1.0),  # differentiable and no more: o(ε)
        (lambda ε: 0.85 * ε, 0.85),
        (lambda ε: 0.9999 * ε + ε**2, 0.9999),
        (lambda ε: -0.2 * ε, -0.2),
        (lambda ε: 0 * ε, 0.0),
        (lambda ε: -100 * ε**2 + ε, 1.0),
        (lambda ε: np.where(ε > 1e-4, 0.7 * ε, ε), 1.0),  # a kink that is left behind
        (lambda ε: ε + 1e-3, np.nan),  # a jump
        (lambda ε: -1 + 0 * ε, np.nan),  # too large a step at every ε
        (lambda ε: ε + 1e-4 * ε**0.5, np.nan),  # a cusp: within ½ so far, and leaving
    ],
)
def test_what_a_ratio_tends_to(measured, limit):
    """In whatever order the ε are; from three that lie close together no less than from seven."""
    for ε in (np.asarray(LADDER), np.asarray(LADDER)[::-1]):
        np.testing.assert_allclose(tends_to(measured(ε), ε, 1e-14 + 0 * ε), limit, rtol=1e-6)
    assert tends_to(measured(ε), ε, 0.1 + 0 * ε) is None
    close = 1e-3 * np.array([1.0, 0.9, 0.8])
    assert tends_to(close + close**2, close, 0 * close) == 1
    assert tends_to(0.85 * close, close, 0 * close) == pytest.approx(0.85)


def scaled(case, L_T=1.0, logits=1.0):
    """A case whose trait loss and whose network are multiplied by numbers."""
    f, θ_0, trait, L_S, X = case
    return lambda θ, x: logits * f(θ, x), θ_0, lambda θ: L_T * trait(θ), L_S, X


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "loss"), [("tanh", "kl"), ("relu", "squared_error")])
def test_the_scale_of_L_T_has_no_meaning(activation, loss):
    case = problem(0, (4, 8, 8, 6), activation, loss)[:5]
    found = [check(*scaled(case, c)) for c in (1e-14, 1.0, 1e10)]
    for finding in found:
        assert verdicts(finding) == (Verdict.HOLDS,) * 2, finding.reason
    q = [float(finding.reason.removeprefix("q = ")) for finding in found]
    np.testing.assert_allclose(q, q[1] * np.array([1e-28, 1.0, 1e20]), rtol=1e-2)
    nothing = check(*scaled(separate(hidden=(4,), m=1), 1e10))
    assert verdicts(nothing) == (Verdict.DEGENERATE,) * 2


@pytest.mark.parametrize(
    "c", [*(pytest.param(c, marks=pytest.mark.slow) for c in (1e-14, 1e-3)), 1e9]
)
def test_float32_is_said_to_be_coarse(c):
    with jax.enable_x64(False):
        finding = check(*scaled(simple(1), c))
        assert verdicts(finding) == (Verdict.HOLDS,) * 2
        assert "float64" in finding.reason


@pytest.mark.slow
def test_rounding_that_hides_the_answer_is_not_the_answer():
    """In float32 a trained reference, or saturated softmax, is neither degenerate nor violated."""
    f, θ_0, L_T, L_S, X, _ = problem(0, (4, 8, 8, 6))
    descend = lambda _, θ: jax.tree.map(lambda a, g: a - 0.1 * g, θ, jax.grad(L_T)(θ))  # noqa: E731
    trained = jax.jit(lambda θ: jax.lax.fori_loop(0, 500, descend, θ))(θ_0)
    assert float(jnp.linalg.norm(flat(jax.grad(L_T)(trained)))) < 2e-3
    assert verdicts(check(f, trained, L_T, L_S, X)) == (Verdict.HOLDS,) * 2
    with jax.enable_x64(False):
        case = problem(0, (4, 8, 8, 6))[:5]
        coarse = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), trained)
        for finding in (
            check(case[0], coarse, *case[2:]),
            *(check(*scaled(case, logits=c)) for c in (1e-6, 100.0)),
        ):
            assert set(verdicts(finding)) <= {Verdict.HOLDS, Verdict.NOT_APPLICABLE}, finding
            assert "float64" in finding.reason
        assert "rounding hides" in finding.reason
    saturated = check(*scaled(case, logits=1e6))
    assert verdicts(saturated) == (Verdict.NOT_APPLICABLE,) * 2
    assert "rounding hides" in saturated.reason


def straight_through(f, quantum):
    """f rounded, with the gradient of f."""

    def rounded(θ, x):
        z = f(θ, x)
        return z + jax.lax.stop_gradient(quantum * jnp.round(z / quantum) - z)

    return rounded


def squared(z, y):
    return jnp.sum((z - y) ** 2)


@pytest.mark.parametrize("quantum", [1.0, pytest.param(1e-3, marks=pytest.mark.slow)])
def test_a_gradient_that_is_not_the_derivative_is_noticed(quantum):
    f, θ_0, L_T, L_S, X = simple()
    finding = check(straight_through(f, quantum), θ_0, L_T, L_S, X)
    assert verdicts(finding) == (Verdict.NOT_APPLICABLE,) * 2
    assert "kink" in finding.reason
    assert "rounded" in finding.reason


def maximum(a):  # whose derivative at 0 is ½; that of jax.nn.relu is 0
    return jnp.maximum(a, 0)


@pytest.mark.parametrize(
    ("activation", "x"),
    [
        (maximum, [1.0, 2.0, -1.0]),
        (jax.nn.relu, [1.0, -1.0]),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                (maximum, [1.0, -1.0]),
                (maximum, [1.0, 1.0]),
                (jax.nn.relu, [1.0, 2.0, -1.0]),
                (jax.nn.relu, [1.0, 1.0]),
            )
        ),
    ],
)
def test_a_kink_of_f_at_θ_0(activation, x):
    finding = check(
        lambda θ, x: activation(θ * x)[None],
        jnp.zeros(()),
        lambda θ: (θ - 1) ** 2,
        squared,
        jnp.array(x),
    )
    assert verdicts(finding) == (Verdict.NOT_APPLICABLE,) * 2
    assert "f(θ_0 + ε Δθ_T)" in finding.reason


@pytest.mark.parametrize(
    ("weight", "power", "holds"),
    [
        pytest.param(1e-3, 1.0, False, marks=pytest.mark.slow),
        pytest.param(0.1, 1.0, False, marks=pytest.mark.slow),
        (1.0, 1.0, False),
        pytest.param(1.0, 1.5, True, marks=pytest.mark.slow),
    ],
)
def test_a_kink_of_L_T_at_θ_0(weight, power, holds):
    """Of ‖b‖₁ at zero biases, however small; |b|^1.5 is differentiable, and no more."""
    f, θ_0, L_T, L_S, X = simple()
    θ_0 = [(W, 0 * b) for W, b in θ_0]
    finding = check(
        f, θ_0, lambda θ: L_T(θ) + weight * sum(jnp.sum(jnp.abs(b) ** power) for _, b in θ), L_S, X
    )
    assert finding.lemma_1 == Verdict.HOLDS
    assert finding.theorem_1 == (Verdict.HOLDS if holds else Verdict.NOT_APPLICABLE)
    assert holds or "L_T has a kink" in finding.reason


@pytest.mark.parametrize("c", [pytest.param(1.0, marks=pytest.mark.slow), 1e10])
def test_terms_that_cancel_are_not_taken_for_a_signal(c):
    """Δθ_T orthogonal to all inputs: u = 0 but for rounding, at any scale."""
    rng = np.random.default_rng(0)
    X, part, W = (rng.normal(size=shape) for shape in ((3, 6), (4, 3), (4, 6)))
    unseen = np.linalg.qr(X.T, mode="complete")[0][:, 3:]
    r, X, θ_0 = jax.device_put((part @ unseen.T, X, {"W": W}))
    case = lambda θ, x: θ["W"] @ x, θ_0, lambda θ: jnp.vdot(r, θ["W"]), squared, X
    finding = check(*scaled(case, c))
    assert verdicts(finding) == (Verdict.DEGENERATE,) * 2
    assert "sees no effect" in finding.reason


def hidden_by_c(c, passed_on):
    """Of b tanh(a x / c), a as large as c: q falls as c⁻², beside what logit 0 itself moves."""
    rng = np.random.default_rng(0)
    a, b, X = (rng.normal(size=shape) for shape in ((4, 5), (3, 4), (6, 5)))
    a, b, X = jax.device_put((c * a, b, X))

    def f(θ, x):
        return θ["b"] @ jnp.tanh(θ["a"] @ x / c)

    def L_T(θ):
        read = θ if passed_on else θ | {"a": jax.lax.stop_gradient(θ["a"])}
        return (f(read, jnp.ones(5))[0] - 1) ** 2

    L_S = partial(losses.squared_error, visible=jnp.arange(3) > 0)
    return check(f, {"a": a, "b": b}, L_T, L_S, X)


@pytest.mark.parametrize("c", [*(pytest.param(c, marks=pytest.mark.slow) for c in (1.0, 1e4)), 1e8])
def test_a_q_that_another_logits_movement_hides_is_not_0(c):
    finding = hidden_by_c(c, passed_on=True)
    if c == 1:
        assert verdicts(finding) == (Verdict.HOLDS,) * 2
    else:
        assert verdicts(finding) == (Verdict.NOT_APPLICABLE,) * 2
        assert finding.reason == "rounding hides q"


@pytest.mark.slow
@pytest.mark.parametrize("c", [1.0, 1e4, 1e8])
def test_where_nothing_is_passed_on_that_is_said_at_any_scale(c):
    assert verdicts(hidden_by_c(c, passed_on=False)) == (Verdict.DEGENERATE,) * 2


@pytest.mark.slow
def test_inputs_that_repeat_change_no_verdict():
    """Between equal logits L_S has no gradient but rounding: no condition is broken by it."""
    for hidden, word in (((), Verdict.DEGENERATE), ((4,), Verdict.HOLDS)):
        f, θ_0, L_T, L_S, X = separate(hidden=hidden)
        repeated = X.at[1].set(X[0])
        assert verdicts(check(f, θ_0, L_T, L_S, repeated)) == (word,) * 2
        assert verdicts(check(f, θ_0, L_T, L_S, jnp.tile(X[:1], (6, 1)))) == (word,) * 2


@pytest.mark.slow
def test_inputs_of_several_parts_and_parameters_of_several_precisions():
    """N is that of the leaves; θ's widest precision is all θ's, or X's if that is wider."""
    f, θ_0, L_T, L_S, X, _ = problem(0, (4, 8, 8, 6))
    usual = check(f, θ_0, L_T, L_S, X)
    two = check(
        lambda θ, x: f(θ, x["a"] * x["b"][0]), θ_0, L_T, L_S, {"a": X, "b": jnp.ones((len(X), 2))}
    )
    coarse = [(W, b.astype(jnp.float32)) for W, b in θ_0]
    mixed = check(f, coarse, L_T, L_S, X)
    assert usual.reason == two.reason
    for finding in (two, mixed, check(f, jax.tree.map(jnp.float32, θ_0), L_T, L_S, X)):
        assert verdicts(finding) == (Verdict.HOLDS,) * 2
        np.testing.assert_allclose(finding.ladder.ε_q, usual.ladder.ε_q, rtol=1e-5)
        # In float64: the ratio nears 1 down to where float32 has nothing left.
        assert abs(finding.ladder.dot / finding.ladder.ε_q - 1)[-3:].max() < 1e-4
    rungs = one_step.ladder(f, coarse, L_T, L_S, X, jnp.asarray(LADDER))
    assert (rungs.dot_rounding >= 1e-7 * abs(rungs.dot)).all()  # of the coarsest


def test_every_order_of_ε_and_only_what_is_one():
    *case, X = simple()
    case = (*case, X[:1])  # of one input it holds too
    falling, rising = check(*case), check(*case, ε=LADDER[::-1])
    assert verdicts(falling) == (Verdict.HOLDS,) * 2
    for a, b in zip(falling.ladder, rising.ladder, strict=True):
        np.testing.assert_array_equal(a, b)
    assert rising[:3] == falling[:3]
    for ε in (
        (1e-2, 0.0, 1e-3),
        (1e-2, -1e-3, 1e-4),
        (1e-2, np.nan, 1e-3),
        (np.inf, 1e-2, 1e-3),
        (1e-2, 1e-2, 1e-3),
        (1e-2, 1e-3),
        "abc",
        ((1e-2,), (1e-3, 1e-4)),
        1j * np.array([1e-2, 1e-3, 1e-4]),
    ):
        with pytest.raises(ValueError, match=r"ε = .*: must be three or more different positive"):
            unchecked(*case, ε=ε)
    for α in (-1.0, 0.0, np.nan, np.inf, "a", None, 1j, (1.0, 2.0), ((1,), (2, 3))):
        with pytest.raises(ValueError, match=r"α = .*: must be a positive number"):
            unchecked(*case, α=α)


def wrong(**changes):
    """The arguments of `check` with some of them wrong, and what is to be said of it."""
    names = ("f", "θ_0", "L_T", "L_S", "X")
    return dict(zip(names, simple(), strict=True)) | changes


f = simple()[0]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"θ_0": {"a": 1j * jnp.ones(2)}}, TypeError, r"θ_0\['a'\] is of type complex\d+: must be"),
        ({"θ_0": [jnp.ones(2), jnp.arange(3)]}, TypeError, r"θ_0\[1\] is of type int\d+: must be"),
        ({"θ_0": {"a": "tanh"}}, TypeError, r"θ_0\['a'\] is of type str: must be"),
        ({"θ_0": {}}, ValueError, "θ_0 has no leaves: must"),
        ({"X": None}, ValueError, r"X has shapes \[\]: must"),
        ({"X": ["a", "b"]}, TypeError, r"X\[0\] is of type str\d*: must be numbers"),
        ({"f": 3}, TypeError, "f = 3: must be a function"),
        ({"L_T": None}, TypeError, "L_T = None: must be a function"),
        ({"L_S": "kl"}, TypeError, "L_S = 'kl': must be a function"),
        ({"X": jnp.ones(())}, ValueError, r"X has shapes \[\(\)\]: must"),
        ({"X": jnp.ones((0, 4))}, ValueError, r"X has shapes \[\(0, 4\)\]: must"),
        ({"X": (jnp.ones((3, 4)), jnp.ones((2, 4)))}, ValueError, r"\(2, 4\)\]: must .* in each"),
        ({"f": lambda θ, x: f(θ, x)[0]}, ValueError, r"f\(θ_0, x\) has shape \(\): must be \[n\]"),
        ({"f": lambda θ, x: f(θ, x)[None]}, ValueError, r"has shape \(1, 6\): must be \[n\]"),
        ({"f": lambda θ, x: (f(θ, x), {})}, TypeError, r"\(θ_0, x\) is of type tuple: must be one"),
        ({"f": lambda θ, x: f(θ, x) + 0j}, TypeError, r"f\(θ_0, x\) is of type complex128: must"),
        ({"L_T": flat}, ValueError, r"L_T\(θ_0\) has shape .*: must be a number"),
        ({"L_S": lambda z, y: z - y}, ValueError, r"L_S\(z, y\) has shape \(6,\): must be"),
    ],
)
def test_what_is_wrong_with_an_argument_is_named(changes, error, message):
    with pytest.raises(error, match=message) as raised:
        unchecked(**wrong(**changes))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("half", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_too_coarse(half):
    f, θ_0, L_T, L_S, X = simple()
    of_half = jax.tree.map(lambda leaf: np.asarray(leaf, half), θ_0)
    for coarse in (of_half, [*θ_0[:-1], of_half[-1]]):
        finding = check(f, coarse, L_T, L_S, X)
        assert verdicts(finding) == (Verdict.NOT_APPLICABLE,) * 2
        assert "float64" in finding.reason
    assert "float16" in check(lambda θ, x: half(f(θ, x)), θ_0, L_T, L_S, X).reason


def test_many_logits_and_no_matrix_of_them():
    n = 300
    f, rng = network((3, 4, n)), np.random.default_rng(0)
    θ_0, X = jax.device_put((numbers(rng, (3, 4, n)), rng.normal(size=(4, 3))))
    L_S = partial(losses.kl, visible=jnp.arange(n) > 99)
    L_T = lambda θ: jnp.sum(f(θ, X[0])[:100] ** 2)  # noqa: E731

    def computed(θ):
        *_, known = verdict.units(f, θ, L_T, L_S, X)
        quotient = verdict.quotient(f, θ, L_T, L_S, X, X[0], known)
        return quotient, one_step.ladder(f, θ, L_T, L_S, X, X[0], known=known)

    assert not squares(n, computed, θ_0)
    assert verdicts(check(f, θ_0, L_T, L_S, X)) == (Verdict.HOLDS,) * 2


def test_lemma_1_has_no_violation_in_a_thousand_small_cases():
    """Two losses × three activations × 170 seeds; each with a positive q to be seen."""
    ε, cases, wrong = jnp.asarray(LADDER), 0, 0
    drawn = many(draw, range(170), (4, 8, 8, 6))

    def one(drawn, squared, which):
        def activation(x):  # by number, so that one program takes them all
            return jax.lax.select_n(which, *(ACTIVATIONS[a](x) for a in ("tanh", "gelu", "relu")))

        f, θ_0, L_T, _, X, visible = problem(drawn, (4, 8, 8, 6), activation)

        def L_S(z, y):
            both = losses.squared_error(z, y, visible), losses.kl(z, y, visible)
            return squared * both[0] + (1 - squared) * both[1]

        return one_step.ladder(f, θ_0, L_T, L_S, X, ε)

    of_seeds = jax.vmap(jax.vmap(one, (0, None, None)), (None, 0, 0))
    loss, activation = np.repeat([0.0, 1.0], 3), np.tile(np.arange(3), 2)
    rungs = jax.device_get(jax.jit(of_seeds)(drawn, loss, activation))
    for at in np.ndindex(6, 170):
        finding = judge(jax.tree.map(lambda leaf, at=at: leaf[at], rungs), FINE)
        cases += finding.lemma_1 in (Verdict.HOLDS, Verdict.VIOLATED)
        wrong += Verdict.VIOLATED in verdicts(finding)
    assert wrong == 0
    assert cases >= 1000
