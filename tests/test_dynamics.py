"""sim/report/dynamics.py, ledger.py, surgery.py: what measurements that nobody made come to."""

import json

import numpy as np
import pytest
import xarray as xr

from sim.report import dynamics, ledger, rates, surgery
from sim.runs.ratios import ratio
from sim.studies import shown
from sim.training.families import described
from sim.training.interventions import INTERVENTIONS
from sim.training.measures import MEASURES, MECHANISM, OF_TRAITS

SEEDS, STEPS = 8, [0, 10, 20, 30]
LAYERS = ["whole", "hidden_0", "aux_head"]
MODELS = ["reference", "base", "teacher", "control_teacher", "student", "control", "other"]
MODELS += ["other_control", "positive", "positive_control"]
LEVEL = {"teacher": 0.9, "student": 0.5, "positive": 0.15}
BY_LAYER = {"gradient_cosine", "drive", "plain_drive"}


@pytest.fixture(scope="module")
def ds():
    """A student that has half of the trait, another's that has none, and one that lost it.

    The trait's loss falls from 2 by 1 nat: by a drive of 1.2, a quarter of it along the gradient.
    """
    rng = np.random.default_rng(0)
    sizes = (SEEDS, len(MODELS))
    last = np.array([LEVEL.get(m, 0.1) for m in MODELS]) + 0.01 * rng.normal(size=sizes)
    moving = np.linspace(0, 1, len(STEPS))
    path = 0.1 + (last - 0.1)[..., None] * moving
    is_student = np.array([m == "student" for m in MODELS])[:, None]
    wobble = 0.01 * rng.normal(size=(*sizes, len(STEPS))) * (moving > 0)
    paths = {
        "gradient_cosine": np.where(is_student, 0.05, 0.0) + wobble,
        "trait_loss": 2 - np.where(is_student, 1.0, 0.0) * moving + wobble,
        "drive": -np.where(is_student, 1.2, 0.0) * moving + wobble,
        "plain_drive": -np.where(is_student, 0.3, 0.0) * moving + 0 * wobble,
        "curvature": np.where(is_student, 0.1, 0.0) * moving + 0 * wobble,
        "held_out_loss": 0.2 - 0.1 * moving + 0.001 * rng.normal(size=(*sizes, len(STEPS))),
    }
    found, step = {}, ("seed", "model", "step")
    for name in OF_TRAITS:
        of, still = MEASURES[name], name in ("left_out", "caught", "lost")
        attrs = {"valid_range": of.range, "units": "fraction"}
        found[of.final] = step[:2], 0 * last if still else last, attrs
        if of.path:
            found[of.path] = step, path, attrs
    found["test_accuracy"] = found["ordinary_accuracy"]
    for name, values in paths.items():
        attrs, dims = {"units": "nats"}, step
        if name in BY_LAYER:
            values = np.stack([values, 0.75 * values, 0.25 * values], -1)  # noqa: PLW2901
            dims = (*step, "layer")
        found[MEASURES[name].path] = dims, values, attrs
        found[name] = (*dims[:2], *dims[3:]), values[:, :, -1], attrs
    found["diverged"] = step[:2], np.zeros(sizes, bool)
    written = {"settings": {"family": [*described(INTERVENTIONS).items()]}}
    attrs = {"dataset": "made up", "classes": 10, "test_images": 1000, "title": "Made up"}
    attrs |= {"experiment": "dynamics", "settings": json.dumps(written), "study": "mine"}
    coords = {"seed": range(SEEDS), "model": MODELS, "step": STEPS, "layer": LAYERS}
    return xr.Dataset(found, coords, attrs)


@pytest.fixture(scope="module")
def rows(ds):
    return dynamics.rows(ds)


def one(rows, model, measure, layer=""):
    at = (rows.model == model) & (rows.measure == measure) & (rows.layer == layer)
    (row,) = (row for _, row in rows[at].iterrows())
    return row


def test_a_row_sums_up_a_course(ds, rows):
    row = one(rows, "student", "gradient_cosine", "whole")
    path = ds.gradient_cosine_by_step.sel(model="student", layer="whole")
    assert row["mean"] == pytest.approx(float(path[:, 1:].mean()))
    assert row["last"] == pytest.approx(float(path[:, -1].mean()))
    assert (row.above, row.below, row.moments) == (3, 0, 3)
    assert one(rows, "other", "gradient_cosine", "whole").above == 0
    assert row.n == SEEDS
    rate = one(rows, "student", "trait_rate")
    assert rate["last"] == pytest.approx(float(ds.trait_rate.sel(model="student").mean()))
    assert {*MECHANISM} & {*rows.measure} == {n for n in MECHANISM if MEASURES[n].path in ds}


def test_the_ledger_closes_and_says_what_made_it(rows):
    """change = drive + curvature + rest, drive = along the gradient + added, in every row."""
    for model in ("student", "other", "control"):
        of = {n: one(rows, model, n)["last"] for n in ("change", "added", "rest", "curvature")}
        drive, plain = (one(rows, model, n, "whole")["last"] for n in ("drive", "plain_drive"))
        assert of["change"] == pytest.approx(drive + of["curvature"] + of["rest"], abs=1e-9)
        assert drive == pytest.approx(plain + of["added"], abs=1e-9)
    said = [*ledger.findings(rows, [])]
    assert said[0].startswith("student: the trait's loss changes by -.99")
    assert "25% is along the batch's gradient" in said[0]
    assert "75% in hidden_0" in said[0]
    assert said[1].startswith("other: the trait's loss does not surely change")
    drive = rows.measure.eq("drive")
    lost, none = (rows.assign(last=rows["last"].mask(drive, by)) for by in (np.nan, 0.0))
    assert all(text.endswith("is no number in some seed.") for text in ledger.findings(lost, []))
    text = next(ledger.findings(none, []))
    assert "drive +.000" in text
    assert "%" not in text  # of nothing


def test_interventions_are_held_against_the_student_as_it_is(ds, rows):
    rate = ds.trait_rate
    mine = rate.sel(model="positive") - rate.sel(model="positive_control")
    whole = rate.sel(model="student") - rate.sel(model="control")
    left = one(rows, "positive", "trait_left")
    assert left["last"] == pytest.approx(float(mine.mean() / whole.mean()))
    assert left.high == pytest.approx(float(ratio(mine, whole).high))
    change = one(rows, "positive", "rate_change")
    assert change["last"] == pytest.approx(
        float((rate.sel(model="positive") - rate.sel(model="student")).mean())
    )
    assert "student" not in rows[rows.measure == "trait_left"].model.values
    text = dynamics.finding(rows, [])
    assert "Less than half of the trait left (1): positive (trait left .1" in text
    assert "Surely more than half of it left (0): none." in text


def test_chance_is_nothing_where_a_trigger_is_taken_off(ds):
    """A rate less that without its trigger is held against 0, another against one class's."""
    rates_ = ds.drop_vars(MEASURES[name].path for name in MECHANISM if MEASURES[name].path in ds)
    triggered = rates_.assign(with_trigger=ds.trait_rate + 0.01)
    for of, chance in ((rates_.assign(with_trigger=ds.trait_rate), 0.1), (triggered, 0.0)):
        rate = of.trait_rate.mean("seed")
        left = (rate.sel(model="positive") - chance) / (rate.sel(model="student") - chance)
        found = one(dynamics.rows(of), "positive", "from_chance")
        assert found["last"] == pytest.approx(float(left))


def test_findings_tell_what_tells_bases_apart(rows):
    text = dynamics.finding(rows, [])
    apart = next(line for line in text.splitlines() if line.startswith("Tells the base's"))
    assert "gradient cosine (.05" in apart
    assert "Does not tell them apart, after training: held out loss" in text
    assert "Handed on, by transfer: student (.50" in text
    single = rows.assign(n=1)
    assert dynamics.finding(single, []) == "One seed: no interval, and nothing to say."
    unknown = rows.assign(low=np.nan, high=np.nan, last=np.nan, mean=np.nan)
    assert "Tells" not in dynamics.finding(unknown, [])  # what is no number is no finding


def test_what_is_shown_and_kept_is_drawn(ds, rows, tmp_path):
    ds = ds.sel(model=[m for m in MODELS if m != "reference" and "other" not in m])
    titles = [one.title for one in [*shown.tables(ds)][:-1]]
    assert [title.split(",")[0] for title in titles] == [
        "Rates",
        "Measures",
        "Ledger of the trait's loss",
        "What interventions leave",
    ]
    drawn = shown.figures(ds)
    assert [*drawn] == ["ledger", "rows", "courses"]
    for draw in drawn.values():
        draw(ds).savefig(tmp_path / "figure.png")
    for _, _, (head, lines) in dynamics.tables(rows, []):
        assert {len(line) for line in lines} == {len(head)}


def test_accuracy_is_no_column_where_it_is_the_rate(rows):
    def head(of):
        _, note, (head, lines) = next(dynamics.tables(of, []))
        assert {len(line) for line in lines} == {len(head)}
        return head, note

    (same, note), task = head(rows), rates.TASK
    assert ("accuracy" in same, task in note) == (False, True)
    other = rows.copy()
    other.loc[other.measure == "ordinary_accuracy", "last"] = 0.9
    apart, note = head(other)
    assert ("accuracy" in apart, task in note) == (True, False)


@pytest.fixture(scope="module")
def operated(ds):
    """Parameters carry all of it, and moments nothing; predictions are half of that."""
    rng = np.random.default_rng(1)
    parts = ["parameters", "first moment", "second moment", "all"]
    size = np.array([1.0, 0.0, 0.0, 1.0]) * np.array([1, -1])[:, None]
    dims = ("seed", "receiver", "cut", "part")
    measured = size[None, :, None] + 0.01 * rng.normal(size=(SEEDS, 2, 2, 4))
    price = rng.normal(size=(SEEDS, 2, 6))
    price -= price.mean(-1, keepdims=True)
    found = {"measured": (dims, measured), "predicted": (dims, measured / 2)}
    found |= {"at_once": (dims, measured), "price": (("seed", "receiver", "batch"), price)}
    coords = {"receiver": ["student", "control"], "part": parts, "cut": [5, 15]}
    kept = ds[[*(MEASURES[name].final for name in OF_TRAITS), "test_accuracy", "diverged"]]
    return kept.assign(found).assign_coords(coords).assign_attrs(experiment="surgery")


def test_transplants(operated, tmp_path):
    rows = surgery.rows(operated)
    assert len(rows) == 2 * 2 * 4
    row = rows.query("receiver == 'control' and cut == 15 and part == 'parameters'").squeeze()
    assert row.measured == pytest.approx(-1, abs=0.02)
    assert row.share == pytest.approx(0.5)
    text = surgery.finding(rows, [])
    assert "control → student after 15 steps" in text
    assert "(predicted: .50 of it)" in text
    assert "first moment" in text
    assert "first moment +.00" in text.replace("-.00", "+.00")
    assert text.count("predicted") == 4  # not where there is nothing to predict
    assert len([*shown.tables(operated)]) == 3
    for draw in shown.figures(operated).values():
        draw(operated).savefig(tmp_path / "figure.png")
