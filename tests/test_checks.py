"""sim/studies/theorem: what is measured is theory's, and verdicts can turn."""

import itertools
from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import sim
from sim.errors import InputError
from sim.model.networks import mlp
from sim.runs.records import Records
from sim.runs.run import Run
from sim.settings.declare import declared
from sim.settings.experiments import LAZY, ONE_STEP, Theorem
from sim.settings.setup import Setup
from sim.studies.theorem import checks, judged, layouts
from sim.studies.theorem import figures as theorem_plots
from sim.studies.theorem import run as theorem_runs
from sim.studies.theorem import statements as said
from tests.made_up import same
from theory import losses, one_step, preconditioned
from theory.verdict import Verdict

SMALL = {
    "dataset": "synthetic:12x4",
    "seeds": 3,
    "activation": ("tanh",),
    "width": 8,
    "depth": 1,
    "inputs": 8,
    "images": 8,
    "lazy_widths": (4, 8),
    "lazy_aux": 2,
    "lazy_inputs": 6,
    "lazy_seeds": 2,
    "lazy_steps": 5,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module", autouse=True)
def _only_these():
    """Without what tests/test_many_steps.py is about, which takes longer to compile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "MANY_SEEDS", {})
        patch.setattr(layouts, "FEW_SEEDS", {})
        yield


@pytest.fixture(scope="module")
def ds(folder):
    return theorem_runs.theorem(**SMALL, out=folder)


def run(folder=None, **settings):
    return Run(theorem_runs.checks_of(**(SMALL | settings)), folder)


def test_dataset(ds):
    assert dict(ds.dot.sizes) == {"network": 2, "case": 6, "loss": 2, "seed": 3, "epsilon": 7}
    assert list(ds.network.values) == ["tanh", "linear"]
    assert list(ds.loss.values) == ["squared_error", "kl"]
    for name in ("dot", "epsilon_q", "change", "m_error", "shared_measured", "adam_measured"):
        assert np.isfinite(ds[name]).all(), name
    assert np.isfinite(ds.boundary_q.sel(network="tanh")).all()
    assert ds.lazy_exact.notnull().sum() == 2 * 3  # of the narrowest
    assert ds.attrs["experiment"] == "theorem"


def test_initialisations_are_figure_10s():
    of = run().study
    _, _, problems = of.network("tanh", range(3))
    net = mlp(Setup(widths=(8,)), 12, 4)
    from sim.model.keys import Purpose, key  # noqa: PLC0415

    for purpose, found in ((Purpose.INIT, problems.θ_0), (Purpose.OTHER_INIT, problems.θ_other)):
        init = jax.vmap(lambda seed, p=purpose: net.init(key(seed, p)))
        expected = jax.jit(init)(np.arange(3))
        # The same draws; two programs may differ in the last bit of float32.
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=3e-7), expected, found)


@pytest.mark.parametrize(
    "case", [pytest.param("data", marks=pytest.mark.slow), "other data", "random direction"]
)
def test_a_case_is_what_theory_says_of_the_network_written_out(ds, case):
    """Seed 2, KL: L_T and L_S as plain functions, and the library's ladder."""
    of = run().study
    with jax.enable_x64(True):
        problem = jax.tree.map(lambda leaf: leaf[2], of.network("tanh", range(3))[2])
        f = mlp(Setup(widths=(8,), activation="tanh"), 12, 4).apply
        place = 1 if case == "other data" else 0

        def cross_entropy(θ):
            z = jax.vmap(f, (None, 0))(θ, problem.images[place])[:, :4]
            return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(8), problem.labels[place]])

        L_T = {
            "random direction": one_step.towards(problem.r),
        }.get(case, cross_entropy)
        L_S = partial(losses.kl, visible=jnp.arange(7) >= 4)

        @jax.jit
        def measure(θ):
            return one_step.ladder(f, θ, L_T, L_S, problem.X, jnp.asarray(checks.EPSILONS)), [
                preconditioned.adam(f, θ, L_T, L_S, problem.X[:seen], 3e-4, 3e-4).measured
                for seen in (1, 8)
            ]

        ladder, adam = measure(problem.θ_0)
    found = ds.sel(network="tanh", loss="kl", case=case, seed=2)
    np.testing.assert_allclose(found.dot[:5], ladder.dot[:5], rtol=1e-8)
    np.testing.assert_allclose(found.epsilon_q, ladder.ε_q, rtol=1e-10)
    np.testing.assert_allclose(found.change[:4], ladder.change[:4], rtol=1e-6)
    np.testing.assert_allclose(found.adam_measured.sel(seen=[1, 8]), adam, rtol=1e-6)


def test_a_loss_without_a_closed_M_gets_its_own_by_differentiation(monkeypatch):
    """And none gets softmax's by default."""

    def log_cosh(z, y, visible):
        return jnp.sum(jnp.where(visible, jnp.log(jnp.cosh(z - y)), 0.0))

    monkeypatch.setitem(losses.LOSSES, "log_cosh", losses.Loss(log_cosh))
    experiment = SimpleNamespace(loss=("kl", "log_cosh"), aux=3)
    net = mlp(Setup(widths=(8,)), 12, 4)
    y = np.linspace(-1.0, 1.0, 7, dtype=np.float32)

    @jax.jit
    def both(which, y):
        visible = jnp.arange(7) >= 4
        return checks.imitation(experiment, net, which, 0)[1](y), losses.M_softmax(y, visible)

    for_kl, of_softmax = both(np.float32([1, 0]), y)
    np.testing.assert_allclose(for_kl, of_softmax, atol=1e-6)
    np.testing.assert_allclose(
        both(np.float32([0, 1]), y)[0], np.diag(1.0 * (np.arange(7) >= 4)), atol=1e-6
    )


def row_of(rows, beginning):
    (row,) = (row for row in rows if row.statement.startswith(beginning))
    return row


def verdict(ds, beginning):
    return row_of(said.statements(ds), beginning).verdict


def test_statements(ds):
    rows = said.statements(ds)
    assert not [row for row in rows if row.verdict == Verdict.VIOLATED]
    for beginning, expected in (
        ("Δθ_S · Δθ_T > 0", Verdict.HOLDS),
        ("L_T falls", Verdict.HOLDS),
        ("frozen trunk", Verdict.DEGENERATE),
        ("softmax over one logit", Verdict.DEGENERATE),
        ("squared error over one logit", Verdict.HOLDS),
        ("linear with hidden layers", Verdict.HOLDS),
        ("another θ_S⁰: Δθ_S · Δθ_T > 0", Verdict.NOT_APPLICABLE),
        ("Lemma 1 for the loss top_logit", Verdict.NOT_APPLICABLE),
        ("Lemma 1 for the loss softmax_twice", Verdict.NOT_APPLICABLE),
        ("linearised network", Verdict.HOLDS),
        ("one fixed D for both, one input", Verdict.HOLDS),
        ("one fixed D for both, 8 inputs", Verdict.HOLDS),
        ("Adam's first step, one input", Verdict.NOT_APPLICABLE),
    ):
        assert row_of(rows, beginning).verdict == expected, beginning
    hypotheses = {row.statement: row.hypotheses for row in rows}
    top_logit = "fails: null_space, which matters where q = 0 alone"
    assert hypotheses["Lemma 1 for the loss top_logit"] == top_logit
    assert hypotheses["Lemma 1 for the loss softmax_twice"] == "fails: minimum"
    n = 2 * 4 * 2 * 3
    raised = int((ds.adam_measured.sel(case=list(said.GRADIENTS), seen=1) >= 0).sum())
    assert f"in {raised} of {n}" in row_of(rows, "Adam's first step, one input").measured
    assert row_of(rows, "Δθ_S · Δθ_T > 0").measured == f"{n} of {n}"


@pytest.mark.parametrize(
    ("beginning", "spoil", "expected"),
    [
        ("Δθ_S · Δθ_T > 0", {"dot": lambda v: -v}, Verdict.VIOLATED),
        ("L_T falls", {"change": lambda v: -v}, Verdict.VIOLATED),
        ("Δθ_S · Δθ_T > 0", {"dot": lambda v: v * np.nan}, Verdict.NOT_APPLICABLE),
        ("Δθ_S · Δθ_T > 0", {"minimum": lambda v: v + 1}, Verdict.NOT_APPLICABLE),
        ("Δθ_S · Δθ_T > 0", {"null_space": lambda v: v + 1}, Verdict.HOLDS),  # as q > 0
        ("frozen trunk", {"null_space": lambda v: v + 1}, Verdict.NOT_APPLICABLE),
        ("tanh: remainder", {"dot": lambda v: 1.01 * v}, Verdict.VIOLATED),  # slope 1
        ("M in closed form", {"m_error": lambda v: v + 1e-3}, Verdict.VIOLATED),
        ("M in closed form", {"m_error": lambda v: v * np.nan}, Verdict.NOT_APPLICABLE),
        ("frozen trunk", {"dot": lambda v: v + 1.0}, Verdict.NOT_APPLICABLE),
        ("one fixed D for both, one", {"shared_measured": lambda v: -v}, Verdict.VIOLATED),
        (
            "one fixed D for both, one",
            {"shared_measured": lambda v: v * np.nan},
            Verdict.NOT_APPLICABLE,
        ),
        ("one fixed D for both, one", {"change_rounding": lambda v: v + 1}, Verdict.NOT_APPLICABLE),
        ("linearised network", {"lazy_exact": lambda v: v + 1e-7}, Verdict.VIOLATED),
        ("linearised network", {"lazy_exact": lambda v: v * np.nan}, Verdict.NOT_APPLICABLE),
        ("… and Δθ_S", {"lazy_cosine": lambda v: -v}, Verdict.VIOLATED),
        ("… and Δθ_S", {"lazy_cosine": lambda v: v.where(v < v.max())}, Verdict.NOT_APPLICABLE),
    ],
)
def test_a_verdict_turns_when_the_measurement_does(ds, beginning, spoil, expected):
    spoiled = ds.assign({name: change(ds[name]) for name, change in spoil.items()})
    assert verdict(spoiled, beginning) == expected


@pytest.mark.parametrize(
    ("seeds", "law", "expected"),
    [
        (4 * [1], lambda αε, ε: αε, Verdict.HOLDS),
        (4 * [1], lambda αε, ε: αε * ε, Verdict.VIOLATED),
        (4 * [1], lambda αε, ε: αε / ε, Verdict.VIOLATED),
        ([1], lambda αε, ε: αε * ε, "undecided"),
        (4 * [1], lambda αε, ε: αε.where(ε < 0.05, np.inf), Verdict.NOT_APPLICABLE),
    ],
)
def test_the_boundary_as_a_law_of_the_product(ds, seeds, law, expected):
    """Of seed 1, which alone has a boundary, at one of the losses: four are enough."""
    other = ds.assign(boundary_measured=law(ds.boundary_measured, ds.boundary_epsilon))
    assert verdict(other.isel(seed=seeds), "tanh: the boundary") == expected


def test_dimensions_may_come_in_any_order(ds):
    rows = said.statements(ds)
    for dims in (("seed", ...), [*ds.dims][::-1]):
        turned = ds.transpose(*dims)
        assert said.statements(turned) == rows
        assert said.findings(turned).keys() == said.findings(ds).keys()
        slopes = said.orders(turned, "change_order")
        np.testing.assert_array_equal(
            slopes.transpose("network", "case", "loss", "seed"), said.orders(ds, "change_order")
        )
    assert {*ds.dims} <= {*said.ORDER}


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_seeds_violate_nothing(ds, n):
    """Whichever they are: what is true is found true, or undecided."""
    for seeds in itertools.combinations(range(3), n):
        rows = said.statements(ds.isel(seed=list(seeds), lazy_seed=slice(0, n)))
        assert not [row for row in rows if row.verdict == Verdict.VIOLATED]


@pytest.mark.parametrize(
    ("gap", "seeds", "expected"),
    [
        # Of one true slope, −½, with seeds far apart, and noise that turns a mean round.
        (lambda w, s: 10.0**s * w**-0.5 * (1 + 0.05 * np.sin(9 * s * w)), 8, Verdict.HOLDS),
        (lambda w, s: w**-0.5 * (1 + 0.9 * np.sin(9 * (s + 1) * w)), 3, "undecided"),
        (lambda w, s: w**0.5 * (1 + 0.05 * np.sin(9 * s * w)), 8, Verdict.VIOLATED),
        (lambda w, s: w**0.5 * (1 + 0.05 * np.sin(9 * s * w)), 1, "undecided"),
        (lambda w, s: w**0.0 * (1 + 0.05 * np.sin(9 * s * w)), 8, "undecided"),
        (lambda w, s: w * np.nan, 8, "undecided"),
    ],
)
def test_nearing_with_width_is_a_paired_trend(ds, gap, seeds, expected):
    width, seed = np.array([16.0, 64.0, 256.0]), np.arange(seeds)
    values = np.broadcast_to(gap(width[:, None], seed[None, :]), (3, seeds))
    per_network = (("width", "lazy_seed"), values)
    names = ("lazy_gap", "lazy_cosine", "lazy_visible_fraction")
    lazy = xr.Dataset(
        dict.fromkeys(names, per_network) | {"lazy_exact": (("time", "lazy_seed"), [seed])},
        {"width": width, "lazy_seed": seed, "time": [1]},
    )
    (row,) = (row for row in said._lazy(lazy) if row.statement.startswith("real network"))
    assert row.verdict == expected, row


@pytest.mark.parametrize(
    ("slopes", "expected"),
    [
        ([2.0, 2.001, 1.999], Verdict.HOLDS),
        ([2.0, 3.0], Verdict.HOLDS),  # of higher order still
        ([1.4], "undecided"),  # a leading error that crosses 0
        ([1.0, 1.0, 1.0], "undecided"),
        ([1.0, 1.0, 1.0, 1.0], Verdict.VIOLATED),
        ([1.0, 1.0, 1.0, 2.0], "undecided"),
        ([np.nan], Verdict.NOT_APPLICABLE),
    ],
)
def test_an_order_is_refuted_by_many_that_agree(slopes, expected):
    row = judged.order("", "", "f smooth", 2.0, np.array(slopes))
    assert row.verdict == expected
    kinked = judged.order("", "", judged.KINKS, 2.0, np.array(slopes))
    assert kinked.verdict == Verdict.NOT_APPLICABLE


@pytest.mark.slow
def test_a_network_with_kinks_is_smooth_below_the_first():
    """Above it the remainder has no order; and the boundary is not asked to have a limit."""
    kinked = run(activation=("relu",), loss=("kl",), seeds=4, inputs=32, width=16).results()
    slopes, rough = (
        said.orders(ds, "remainder_order").sel(network="relu", case=list(said.GRADIENTS)).values
        for ds in (kinked, kinked.assign(crossed=0 * kinked.crossed))
    )
    assert np.isfinite(slopes).sum() >= 12
    np.testing.assert_allclose(slopes[np.isfinite(slopes)], 2, atol=0.03)
    assert np.abs(rough - 2).max() > 0.1
    assert verdict(kinked, "relu: remainder") == Verdict.HOLDS
    assert verdict(kinked, "relu: the boundary") == Verdict.NOT_APPLICABLE
    assert not [row for row in said.statements(kinked) if row.verdict == Verdict.VIOLATED]


@pytest.mark.slow
def test_boundaries_over_a_setting_are_those_of_its_runs(ds):
    settings = SMALL | {"activation": ("tanh", "relu")}
    assert settings.pop("width") == 8
    study = sim.boundaries("width", (8, 4), **settings)
    assert dict(study.boundary_q.sizes) == {
        "width": 2,
        "network": 2,
        "loss": 2,
        "seed": 3,
        "boundary_epsilon": 3,
    }
    for name in ("boundary_q", "boundary_curvature", "boundary_predicted", "boundary_measured"):
        found = study[name].sel(width=8, network="tanh")
        np.testing.assert_allclose(found, ds[name].sel(network="tanh"), rtol=1e-6)
    figure = theorem_plots.boundaries(study, study)
    assert len(figure.axes) == 4
    assert "n = 3 seeds" in str(figure.get_supxlabel())


@pytest.mark.parametrize("varied", ["activation", "lazy_steps", "color"])
def test_what_a_boundary_cannot_be_varied_by_is_named(varied):
    with pytest.raises(InputError, match=f"varied = '{varied}'"):
        sim.boundaries(varied, (1, 2))


@pytest.mark.slow
def test_where_nothing_passes_nothing_is_said_to_hold():
    """KL over one logit: every case is degenerate, and there is no boundary."""
    lone = run(loss=("kl",), aux=1, seeds=2).results()
    rows = said.statements(lone)
    silent = ("Δθ_S · Δθ_T > 0", "L_T falls", "frozen trunk", "softmax over one logit")
    for row in rows:
        if row.statement in silent or row.statement.startswith("linear with"):
            assert row.verdict == Verdict.DEGENERATE, row
        elif "remainder" in row.statement or "ΔL_T" in row.statement or "bound" in row.statement:
            assert row.verdict in (Verdict.NOT_APPLICABLE, "estimate"), row
    for draw in theorem_plots.FIGURES.values():
        draw(lone)


def test_functions_stay_functions(ds):
    assert callable(sim.theorem)
    assert callable(sim.figure10)


def measured(monkeypatch):
    """The parts that are really measured from here on, by what is measured and of what."""
    made = []
    for name in ("_one_step", "_lazily"):
        usual = getattr(theorem_runs.Checks, name)
        spy = lambda self, *job, usual=usual: made.append(job) or usual(self, *job)  # noqa: E731
        monkeypatch.setattr(theorem_runs.Checks, name, spy)
    return made


def test_its_parts_lie_beside_records_of_networks_and_are_none(ds, folder):
    """In the store of a data set whatever was computed on it is kept."""
    kept = run(folder).store
    assert any("network" in kept.get(name).dims for name in kept)
    records = Records(kept)
    assert not any(network in records for network in ds.network.values)


def test_goes_on_where_it_stopped(ds, folder, monkeypatch):
    again = run(folder)
    xr.testing.assert_identical(again.finished, ds)
    (again.folder / "results.nc").unlink()
    (name,) = (name for name, job in again.study._jobs() if "tanh" in job.args)
    (again.store.folder / f"{name}.nc").unlink()
    made = measured(monkeypatch)
    same(run(folder).results(), ds)
    assert made == [("tanh", range(3))]
    same(run(folder).finished, ds)  # labels too, from the file


@pytest.mark.slow
def test_parts_serve_every_run_that_needs_them(ds, folder, monkeypatch):
    """Another width of the lazy comparison: no one-step part again, and no old width."""
    made = measured(monkeypatch)
    more = run(folder, lazy_widths=(4, 8, 6))
    more.results()
    assert made == [(6,)]


OTHER = {
    "loss": ("kl",),
    "activation": ("gelu",),
    "noise": "gaussian",
    "alpha": 0.5,
    "lazy_activation": "gelu",
    "lazy_widths": (4,),
}


@pytest.mark.parametrize("name", declared(Theorem))
def test_a_setting_names_other_parts_as_far_as_they_are_its_own(tmp_path, name, monkeypatch):
    """By `of`: those of one step, those of many steps, or neither (which are asked for)."""
    for parts in ("MANY_SEEDS", "FEW_SEEDS"):
        monkeypatch.setattr(layouts, parts, {"some": None})
    usual, other = run(tmp_path), run(tmp_path, **{name: OTHER.get(name, 7)})
    assert usual.folder != other.folder
    of = declared(Theorem)[name].of
    parts = [dict(one.study._jobs()) for one in (usual, other)]
    kinds = {"_one_step": ONE_STEP, "_over_seeds": ONE_STEP, "_trained": ONE_STEP, "_lazily": LAZY}
    for kind, flag in kinds.items():
        mine, theirs = (
            {part for part, job in jobs.items() if job.func.__name__ == kind} for jobs in parts
        )
        assert mine
        if of & flag or (kind, name) == ("_trained", "lazy_seeds"):
            assert not mine & theirs
        elif of:
            assert mine == theirs
    if not of:  # only which parts: those that both ask for are the same
        assert {*parts[0]} & {*parts[1]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seeds", 0),
        ("loss", ("hinge",)),
        ("loss", ()),
        ("activation", ("relu", "relu")),
        ("inputs", 1),
        ("alpha", float("nan")),
        ("lazy_widths", (0,)),
        ("noise", "pink"),
    ],
)
def test_bad_settings_are_named(name, value):
    with pytest.raises(InputError, match=name):
        run(**{name: value})


@pytest.mark.parametrize("name", theorem_plots.FIGURES)
def test_figures(ds, name, tmp_path):
    figure = theorem_plots.FIGURES[name](ds)
    for axes in figure.axes:
        assert axes.get_xlabel() or axes.get_subplotspec().is_last_row() is False
    assert "digits" in str(figure.get_supxlabel()) or "synthetic" in str(figure.get_supxlabel())
    figure.savefig(tmp_path / "figure.png", dpi=30)
