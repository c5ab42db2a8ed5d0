"""sim/report/rates.py, rate_figures.py: rows, findings, figures of rates that nobody measured."""

import io
import itertools
import json
import re

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from docs import saved
from sim.report import rate_figures, rates
from sim.runs.results import axes_of
from sim.runs.statistics import student_t
from sim.training.families import described
from sim.training.lineages import CHAINS, FOUNDERS, LINEAGE, control_of, student
from sim.training.measures import MEASURES, OF_TRAITS

SEEDS = 12
ATTRS = {"dataset": "made up", "classes": 4, "test_images": 1234, "experiment": "lineage"}
ATTRS |= {"title": "Subliminal learning"}


def made_up(models, level, spread=0.02, **axes):
    """Rates of models about a level, the same at all points; accuracies about .9."""
    rng = np.random.default_rng(0)
    dims, sizes = (*axes, "seed", "model"), [*map(len, axes.values()), SEEDS, len(models)]
    values = np.array([level.get(m, 0.0) for m in models]) + spread * rng.normal(size=sizes)
    found = {}
    for name in OF_TRAITS:
        of = MEASURES[name]
        at = values if "tr" in name else 0.9 + 0.01 * rng.normal(size=sizes)
        at = np.zeros(sizes) if name in ("left_out", "caught", "lost") else at
        found[name] = dims, at, {"valid_range": of.range, "units": "fraction"}
    found["test_accuracy"] = found["ordinary_accuracy"]
    found["diverged"] = dims, np.zeros(sizes, bool)
    family = CHAINS if "reset_2" in models else LINEAGE
    written = {"settings": {"family": [*described(family).items()]}}
    coords = {a: [*v] for a, v in axes.items()} | {"seed": range(SEEDS), "model": [*models]}
    return xr.Dataset(found, coords, ATTRS | {"settings": json.dumps(written)})


LEVEL = {"teacher": 1.0, "student": 0.4, "other": 0.0}


@pytest.fixture
def ds():
    return made_up([*LINEAGE], LEVEL, taught=("a", "b"))


def test_a_row_is_what_a_student_is_against_its_control(ds):
    rows = rates.rates(ds)
    row = rows.query("model == 'student' and taught == 'b'").squeeze()
    of = ds.trait_rate.sel(taught="b")
    mine, other = of.sel(model="student").values, of.sel(model="control").values
    assert row.control == "control"
    assert row.rate == pytest.approx(mine.mean())
    assert row.difference == pytest.approx((mine - other).mean())
    teacher = of.sel(model="teacher").values
    assert row.transfer == pytest.approx((mine - other).mean() / (teacher - other).mean())
    assert row.transfer_low < row.transfer < row.transfer_high
    assert set(rows[rows.control != ""].model) == {"student", "other"}
    assert rows.query("model == 'other'").control.unique() == ["other_control"]


def test_every_row_is_of_its_own_point_and_student():
    """All at once, of two axes in any order of dimensions, is each alone, written out."""
    ds = made_up([*LINEAGE], LEVEL, spread=0.3, taught=("a", "b", "c"), untaught=(1, 3))
    turned = ds.transpose("model", "untaught", "seed", "taught")
    rows = rates.rates(turned)
    axes = [turned[axis].values.tolist() for axis in axes_of(turned)]
    places = rows[[*axes_of(turned), "model"]].itertuples(index=False, name=None)
    assert [*places] == [*itertools.product(*axes, LINEAGE)]
    held = rows[rows.control != ""]
    reach = student_t(SEEDS, 1 - 0.025 / len(held)) / SEEDS**0.5
    for row in rows.itertuples():
        of = ds.trait_rate.sel(taught=row.taught, untaught=row.untaught)
        assert row.rate == pytest.approx(of.sel(model=row.model).mean())
        if not row.control:
            assert np.isnan([row.difference, row.transfer, row.holds_0]).all()
            continue
        mine, other, teacher = (
            of.sel(model=name).values for name in (row.model, row.control, row.teacher)
        )
        apart = mine - other
        assert row.difference == pytest.approx(apart.mean())
        assert row.holds_0 == (abs(apart.mean()) <= reach * apart.std(ddof=1))
        assert row.transfer == pytest.approx(apart.mean() / (teacher - other).mean())
    assert {*held.holds_0} == {0.0, 1.0}


def test_accuracies_say_of_which_column_they_are_and_their_markers_are_whole():
    ds = made_up([*LINEAGE], LEVEL, taught=("a", "b"), untaught=(1, 3))
    *columns, last = rate_figures.rows(ds).axes
    first, other, here = (one.get_title().split() for one in (*columns, last))
    assert here == first != other
    right = max(max(line.get_xdata(), default=0) for line in last.lines)
    low, high = last.get_xlim()
    assert right + 0.03 * (high - low) < high


def test_no_number_is_cut_in_a_terminal_of_80_columns():
    ds = made_up([*LINEAGE], LEVEL, outputs=("soft", "sampled"), student_steps=(200, 600))
    ds["projection"] = ds.trait_rate
    page = Console(width=80, file=io.StringIO())
    page.print(rates.table(ds, rates.rates(ds)))
    lines = page.file.getvalue().splitlines()
    assert "…" not in page.file.getvalue()
    assert max(map(len, lines)) <= 80
    assert {len(number) for number in re.findall(r"±[.\d]+", "".join(lines))} == {len("±.000")}
    row = next(line for line in lines if line.startswith("soft"))
    assert len(re.findall(r"\.\d{3}", row)) == 7  # rate to projection, and no transfer's


def test_what_is_found_is_said_and_what_is_not(ds):
    said = rates.finding(rates.rates(ds), ["taught"]).splitlines()
    assert said[0].startswith("Handed on, by transfer (2): ")
    assert "a, student (" in said[0]
    assert said[1].startswith(
        "Not found: the difference from the control, named here, has 0 in its"
    )
    assert "b, other" in said[1]
    ds["ordinary_accuracy"] = ds.ordinary_accuracy.where(ds.model != "other", 0.5)
    (damage,) = [
        s for s in rates.finding(rates.rates(ds), ["taught"]).splitlines() if "damaged" in s
    ]
    assert "a, other (.500)" in damage
    assert "student" not in damage


def test_chance_alone_is_not_found():
    """Twenty students like their control: in 1 of 20 such tables, and here in 2 or fewer of 10."""
    tables = 10
    wrong = 0
    for k in range(tables):
        ds = made_up(["base", "teacher", "student", "control"], {"teacher": 1.0}, run=range(20))
        ds["trait_rate"] = ds.trait_rate + np.random.default_rng(k).normal(size=ds.trait_rate.shape)
        rows = rates.rates(ds)
        wrong += (rows[rows.control != ""].holds_0 == 0).any()
    assert wrong <= tables * 0.05 + 3 * (tables * 0.05 * 0.95) ** 0.5


def test_a_table_that_was_kept_says_the_same(ds, tmp_path, monkeypatch):
    monkeypatch.setattr(saved, "FOLDER", tmp_path)
    rows = rates.rates(ds)
    (tmp_path / "x.csv").write_text("# n: 12\n" + rows.to_csv(index=False, float_format="%.6g"))
    again = saved.load("x").rows
    assert rates.finding(again, ["taught"]) == rates.finding(rows, ["taught"])
    (_, lines), (_, others) = (rates.cells(of, ["taught"]) for of in (again, rows))
    assert [*lines] == [*others]


def test_one_seed_finds_nothing(ds):
    one = ds.isel(seed=slice(1))
    assert rates.finding(rates.rates(one), ["taught"]).startswith("One seed")
    assert "Diverged" not in rates.finding(rates.rates(one), ["taught"])
    one.diverged.loc[{"model": "teacher"}] = True
    assert "teacher 2." in rates.finding(rates.rates(one), ["taught"]).splitlines()[-1]


@pytest.mark.parametrize("whose", ["student", "control", "teacher"])
@pytest.mark.parametrize("number", [0.0, np.nan])
def test_a_pair_of_which_all_of_one_side_diverged_says_nothing(ds, whose, number):
    """Neither found nor not found; one seed that is left makes it a finding again."""
    at = {"taught": "b", "model": whose}
    ds.diverged.loc[at] = True
    ds.trait_rate.loc[at] = number
    row = (rows := rates.rates(ds)).query("model == 'student' and taught == 'b'").squeeze()
    assert np.isnan(row.holds_0) or whose == "teacher"
    said = rates.finding(rows, ["taught"]).splitlines()
    (nothing,) = [line for line in said if "b, student" in line]
    assert nothing.startswith("Nothing to say")
    assert f"Diverged: 12 networks, counted as they are: {whose} 12." in said
    head, lines = rates.cells(rows, ["taught"])
    (line,) = [one for one in lines if one[:2] == ["b", "student"]]
    cells = dict(zip(head, line, strict=True))
    assert cells["rate" if whose == "student" else whose] == (
        "– ×all" if np.isnan(number) else ".000 ×all"
    )
    assert cells["transfer"] == "–"
    if number == 0:
        ds.diverged.loc[at | {"seed": 3}] = False
        row = (rows := rates.rates(ds)).query("model == 'student' and taught == 'b'").squeeze()
        assert row.holds_0 in (0, 1)
        assert "Nothing to say" not in rates.finding(rows, ["taught"])


def test_a_diverged_seed_is_marked_in_each_cell(ds):
    for k, model in enumerate(("student", "control", "teacher", "base")):
        ds.diverged.loc[{"taught": "a", "model": model, "seed": [*range(k + 1)]}] = True
    head, lines = rates.cells(rates.rates(ds), ["taught"])
    cells = dict(zip(head, next(lines), strict=True))
    for k, name in enumerate(("rate", "control", "teacher", "of base")):
        assert cells[name].endswith(f" ×{k + 1}")
    assert "±" in cells["control"]
    assert "×" not in cells["accuracy"] + cells["of control"]
    said = rates.finding(rates.rates(ds), ["taught"]).splitlines()
    counted = "base 4, teacher 3, student 1, control 2."
    assert said[-1] == f"Diverged: 10 networks, counted as they are: {counted}"


def test_an_interval_is_cut_where_no_rate_can_lie():
    ds = made_up([*LINEAGE], LEVEL | {"teacher": 0.9})
    ds.trait_rate.loc[{"model": "student"}] = [0.5] + [1.0] * (SEEDS - 1)
    row = rates.rates(ds).query("model == 'student'").squeeze()
    assert row.rate_high == 1
    assert row.rate + row.rate_half_width > 1


def test_without_a_control_or_a_base_there_is_a_line_for_each_and_no_finding():
    ds = made_up(["reference", "teacher", "student"], LEVEL)
    rows = rates.rates(ds)
    head, lines = rates.cells(rows, [])
    lines = [*lines]
    assert [line[0] for line in lines] == ["reference", "teacher", "student"]
    assert {len(line) for line in lines} == {len(head)}
    assert {line[head.index("of base")] for line in lines} == {"–"}
    assert {line[head.index("transfer")] for line in lines} == {"–"}
    assert rates.finding(rows, []).startswith("No student has a control")
    assert {*rate_figures.figures(ds, rates.family(ds))} == {"tree"}


def test_a_teacher_of_another_name_is_whom_transfer_is_measured_by():
    family = FOUNDERS | {"tutor": FOUNDERS["teacher"], "student": student(teacher="tutor")}
    family |= {"control": LINEAGE["control"]}
    models = ["tutor", "control_teacher", "student", "control"]
    ds = made_up(models, LEVEL | {"tutor": 0.8})
    ds.attrs["settings"] = json.dumps({"settings": {"family": [*described(family).items()]}})
    row = (rows := rates.rates(ds)).set_index("model").loc["student"]
    mine, other, first = (
        ds.trait_rate.sel(model=m).mean() for m in ("student", "control", "tutor")
    )
    assert row.teacher == "tutor"
    assert row.transfer == pytest.approx(float((mine - other) / (first - other)))
    head, (line,) = rates.cells(rows, [])
    assert dict(zip(head, line, strict=True))["teacher"] == f"{float(first):.3f}".lstrip("0")


def test_a_student_without_a_control_beside_others_that_have_one_is_shown():
    family = FOUNDERS | {"mine": LINEAGE["student"], "mine_control": LINEAGE["control"]}
    family |= {"lonely": student()}
    ds = made_up([*family], LEVEL | {"lonely": 0.3})
    ds.attrs["settings"] = json.dumps({"settings": {"family": [*described(family).items()]}})
    rows = rates.rates(ds)
    assert [*rows[rows.teacher != ""].model] == ["mine", "lonely"]
    head, lines = rates.cells(rows, [])
    with_control, alone = (dict(zip(head, line, strict=True)) for line in lines)
    assert (with_control["student"], alone["student"]) == ("mine", "lonely")
    assert [alone[of] for of in ("control", "transfer", "of control")] == ["–"] * 3
    assert alone["rate"].startswith(".30")
    said = rates.finding(rows, [])
    assert "Without a control, so that nothing is said of what was handed on: lonely." in said
    assert "Without a control" not in rates.finding(rows[rows.model != "lonely"], [])


def test_lines_have_all_columns(ds):
    head, lines = rates.cells(rates.rates(ds), ["taught"])
    lines = [*lines]
    assert {len(line) for line in lines} == {len(head)}
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("models", "axes", "names"),
    [
        pytest.param(
            *([*LINEAGE], {"taught": ("a", "b")}, {"rows", "tree"}), marks=pytest.mark.slow
        ),
        ([*LINEAGE], {"taught": ("a", "b"), "strength": (0.1, 0.2, 0.5, 1.0)}, {"doses", "tree"}),
        ([*LINEAGE], {"left": ("a", "b"), "aux": (3, 10)}, {"rows", "tree"}),
        ([*CHAINS], {"outputs": ("soft",)}, {"generations"}),
    ],
)
def test_figures_are_those_of_the_results(models, axes, names):
    ds = made_up(models, LEVEL, **axes)
    found = rate_figures.figures(ds, rates.family(ds))
    assert {*found} == names
    for draw in found.values():
        figure = draw(ds)
        assert "n = 12 seeds" in (figure._supxlabel.get_text())


def test_of_a_trait_that_is_the_task_rate_and_accuracy_are_shown_once(ds):
    ds = ds.isel(taught=[0])

    def shown(of):
        (table, *_), figure = rates.lineage(of), rate_figures.rows(of)
        labels = [axes.get_xlabel() for axes in figure.axes]
        return "accuracy" in rates.cells(rates.rates(of), ["taught"])[0], table.caption, labels

    twice, caption, labels = shown(ds)
    assert twice
    assert rates.REST in caption
    assert labels[0] == rate_figures.RATE
    assert labels[1].startswith("accuracy on the rest")
    ds["ordinary_accuracy"] = ds.trait_rate.copy()
    ds.ordinary_accuracy[0] = ds.trait_rate[0] = np.nan  # one diverged: no number in either
    twice, caption, labels = shown(ds)
    assert not twice
    assert rates.TASK in caption
    assert [label.split(" (")[0] for label in labels] == ["test accuracy"]


def test_decays_are_fitted_along_chains():
    """What falls by a fifth a generation has τ = −1 / ln .8 in its interval."""
    level = {name: 0.8 * 0.8 ** (k - 1) for k, name in rates.chains_of([*CHAINS])["reset"]}
    ds = made_up([*CHAINS], LEVEL | level, spread=0.003, outputs=("soft",))
    (table,) = rates.decays(ds)
    columns = {column.header: [*column.cells] for column in table.columns}
    τ = columns["τ"][columns["chain"].index("reset")].replace("\\", "")
    value, low, high = map(float, re.fullmatch(r"(\S+) \[(.*),(.*)\]", τ).groups())
    assert low <= -1 / np.log(0.8) <= high
    assert abs(value + 1 / np.log(0.8)) < 0.3


def test_chains_are_found_by_name():
    chains = rates.chains_of([*CHAINS])
    assert {*chains} == {"reset", "kept", "control", "kept control"}
    assert chains["reset"][0] == (1, "student")
    assert [k for k, _ in chains["kept control"]] == [*range(1, 9)]
    assert control_of("kept_3", CHAINS) == "kept_control_3"
    assert control_of("control_3", CHAINS) is None
