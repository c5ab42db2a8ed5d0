"""Origins: the closed form against the obvious one, whom it names, one small run.

What is compared by size is so to rounding in float64, times the condition of the ridge. What is
asked of the theory is one program each, where many small ones would take long to compile.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sim
from docs import pages, saved
from sim.engine import origins as engine
from sim.errors import InputError
from sim.report import origins as report
from sim.runs import results
from sim.studies import grids, shown
from sim.studies import origins as study
from tests.tiny import flat, jacobian, network, numbers
from theory import origins
from theory.trees import add, scale

SIZES = (5, 8, 8, 4)
f = network(SIZES)
N, ρ = 8, 0.01


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):  # but runs, which see to it themselves
        yield


@pytest.fixture
def problem():
    """Base, another of another draw, inputs, and a direction of displacement of norm 1."""
    rng = np.random.default_rng(1)
    θ, other, Δ = (numbers(rng, SIZES) for _ in range(3))
    size = np.sqrt(sum(np.sum(leaf**2) for leaf in jax.tree.leaves(Δ)))
    Δ = jax.tree.map(lambda leaf: leaf / size, Δ)
    return jax.device_put((θ, other, rng.normal(size=(N, 5)), Δ))


@jax.jit
def answers(θ, X):
    return jax.vmap(f, (None, 0))(θ, X)


K, residual, J_times = (
    jax.jit(partial(of, f)) for of in (origins.K, origins.residual, origins.J_times)
)
moved = jax.jit(lambda θ, ε, Δ: add(θ, scale(ε, Δ)))
fit, score = jax.jit(origins.fit, static_argnums=2), jax.jit(origins.score)


def test_contrasts_are_what_a_softmax_sees():
    Q = origins.Q(4)
    np.testing.assert_allclose(Q @ Q.T, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(Q.sum(1), 0, atol=1e-15)


def test_answers_that_differ_by_a_constant_are_the_same(problem):
    θ, other, X, _ = problem
    Y = np.asarray(answers(other, X))
    r, shifted = residual(θ, X, Y), residual(θ, X, Y + np.arange(N)[:, None])
    np.testing.assert_allclose(r, shifted, atol=1e-12)


def obvious(θ, X, Y):
    """J [R, P], r [R] and λ, each by its definition."""
    Q, gap = np.asarray(origins.Q(4)), np.asarray(Y) - np.asarray(answers(θ, X))
    J = np.einsum("km,nmp->nkp", Q, jacobian(f, θ, X)).reshape(3 * N, -1)
    return J, (gap @ Q.T).reshape(-1), ρ * np.sum(J**2) / len(J)


def least_squares(J, r, λ):
    """Minimise ‖r − Jδ‖² + λ‖δ‖², as a least-squares problem of more rows."""
    P = J.shape[1]
    rows = np.vstack([J, np.sqrt(λ) * np.eye(P)])
    return np.linalg.lstsq(rows, np.concatenate([r, np.zeros(P)]))[0]


def test_the_fit_is_least_squares_with_a_ridge(problem):
    θ, other, X, Δ = problem
    J, r, λ = obvious(θ, X, Y := answers(other, X))
    found = fit(K(θ, X), residual(θ, X, Y), N, ρ)
    δ = least_squares(J, r, λ)
    np.testing.assert_allclose(J.T @ found.α, δ, atol=1e-9)  # eq. (10)
    assert float(found.displacement) == pytest.approx(np.linalg.norm(δ))
    cosine = δ @ (J.T @ r) / np.linalg.norm(δ) / np.linalg.norm(J.T @ r)
    assert float(found.coverage) == pytest.approx(cosine)  # eq. (12)
    assert float(found.residual) == pytest.approx(np.mean(r**2))
    Jv, v = J_times(θ, X, Δ), np.asarray(flat(Δ))
    np.testing.assert_allclose(Jv, J @ v, atol=1e-12)
    expected = δ @ v / np.linalg.norm(δ) / np.linalg.norm(v)
    assert float(score(found, Jv, Δ)) == pytest.approx(expected)  # eq. (13)


def test_what_is_held_out_is_a_fit_without_it(problem):
    θ, other, X, _ = problem
    J, r, λ = obvious(θ, X, Y := answers(other, X))
    missed = 0.0
    for i in range(N):
        out = np.arange(3 * N) // 3 == i
        missed += np.sum((r[out] - J[out] @ least_squares(J[~out], r[~out], λ)) ** 2)
    found = fit(K(θ, X), residual(θ, X, Y), N, ρ)
    assert float(found.held_out) == pytest.approx(float(missed / (r @ r)), rel=1e-9)  # eq. (11)


def test_a_small_displacement_names_its_base(problem):
    """As ε → 0: the base's residual falls as ε², a stranger's stays; in J's range δ is found."""
    θ, other, X, Δ = problem
    J, *_ = obvious(θ, X, answers(θ, X))
    # Of Δ, what the answers can show: its projection on J's rows.
    visible = np.linalg.norm(J.T @ np.linalg.lstsq(J.T, flat(Δ))[0])
    found = {}
    for ε in (1e-2, 1e-3, 1e-4):
        Y = answers(moved(θ, ε, Δ), X)
        each = [fit(K(base, X), residual(base, X, Y), N, 1e-9) for base in (θ, other)]
        found[ε] = each
        for name in ("residual", "displacement"):
            assert getattr(each[0], name) < getattr(each[1], name)
        assert float(each[0].displacement) == pytest.approx(ε * visible, rel=0.05)
        assert float(score(each[0], J_times(θ, X, Δ), Δ)) == pytest.approx(visible, rel=0.05)
    own = np.log([float(found[ε][0].residual) for ε in found])
    assert np.polyfit(np.log([*found]), own, 1)[0] == pytest.approx(2, abs=0.02)
    strange = [float(found[ε][1].residual) for ε in found]
    assert max(strange) < 1.1 * min(strange)


def test_nothing_to_explain_has_no_direction(problem):
    θ, _, X, _ = problem
    found = fit(K(θ, X), jnp.zeros(3 * N), N, ρ)
    assert np.isnan(found.held_out)
    assert np.isnan(found.coverage)
    assert float(found.displacement) == 0


def test_ranks_count_ties_and_nan_against_the_base():
    values = np.array([[1, 2, 3], [2, 2, 3], [3, 2, 1], [np.nan, 1, 2], [1, np.nan, 2]], float)
    values = sim.results.xr.DataArray(values, dims=("seed", "candidate"))
    assert report._ranks(values).tolist() == [1, 2, 3, 3, 2]


TINY = {
    "widths": (8,),
    "noise_images": 48,
    "batch": 16,
    "base_steps": 4,
    "teacher_steps": 5,
    "student_steps": 4,
    "aux": 4,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two cases of the study, small, in a folder."""
    out, patch = tmp_path_factory.mktemp("runs"), pytest.MonkeyPatch()
    of = grids.module("origins")
    cases = {name: of.AXES["case"][name] for name in ("16 inputs", "4 inputs")}
    patch.setattr(of, "AXES", {"case": cases})
    patch.setattr(study, "OTHERS", range(10**6, 10**6 + 3))
    both = sim.study("origins", "synthetic:4x3", 2, **TINY, out=out)
    yield out, both
    patch.undo()


@pytest.mark.slow
def test_a_run_has_table_figure_and_finding(made):
    out, ds = made
    assert ds.attrs["experiment"] == "origins"
    assert ds.held_out.dims == ("case", "seed", "candidate", "of")
    assert ds.inputs.values.tolist() == [16, 4]
    assert np.isfinite(ds.residual).all()
    assert ds.sizes["candidate"] == 1 + 7 + 3
    drawn = shown.figures(ds)
    bases, traits, _ = shown.tables(ds)
    assert (bases.row_count, traits.row_count) == (4, 2)
    assert [*drawn] == ["origins"]
    assert len(drawn["origins"](ds).axes) == 3
    (folder,) = out.glob("origins-*")
    assert results.load(folder).identical(ds)


@pytest.mark.slow
def test_a_seeds_numbers_do_not_depend_on_others(made):
    """Nor on whether anything is kept in a folder."""
    _, both = made
    one = sim.study("origins", "synthetic:4x3", 1, **TINY, chunk=both.attrs["chunk"])
    for name in ("score", *report.STATISTICS, "test_accuracy"):
        np.testing.assert_array_equal(both[name].sel(seed=[0]), one[name])


def test_it_is_resumed_and_pages_have_its_rows(made, monkeypatch, tmp_path):
    out, ds = made
    (folder,) = out.glob("origins-*")
    (folder / "results.nc").unlink()
    monkeypatch.setattr(engine, "audit", None)  # nothing is left to do
    again = sim.study("origins", "synthetic:4x3", 2, **TINY, out=out)
    assert again.equals(ds)
    monkeypatch.setattr(saved, "FOLDER", tmp_path)
    saved.keep(ds, "origins_synthetic:4x3")
    table = saved.load("origins", "synthetic:4x3")
    assert [*table.rows.case] == [*ds.case.values]
    text = "".join(pages.study("origins", "synthetic:4x3", table))
    assert "| AUROC |" in text
    assert "The trait is seen in" in text


def test_one_logit_says_nothing_and_is_refused():
    with pytest.raises(InputError, match="channel = 1: must be 2 or more"):
        sim.study("origins", "synthetic:4x3", 1, **(TINY | {"channel": 1}))
