"""Published rows and their changes: which settings are run, and what is said of them."""

import numpy as np
import pytest

from sim import commands, published
from sim.published import changes
from sim.published.changes import PAPER, cases, label, replicable, settings, subsets, supposed
from sim.published.entries import Value
from sim.report import replications as report
from sim.report.published import catalogue
from sim.report.replications import needed, rows, sentence, smallest, verdict
from sim.settings.recipes import recipe
from tests import made_up
from tests.test_sweep_figures import page

A, B, C = "one hidden layer", "rate 1e-3", "the library's initialisation"


def test_the_same_words_are_the_same_settings():
    """A label names one setting, whichever rows share it."""
    known = {}
    for name in replicable():
        row = published.row(name)
        for of in [*subsets(row), supposed(row)]:
            assert known.setdefault(label(of), settings(row, of)) == settings(row, of), label(of)
    assert cases(replicable()) == known
    assert known[PAPER] == {}
    for of in known.values():
        recipe("mnist", **of)  # no rule broken by a part of the changes


def test_subsets():
    assert subsets(published.row("reruns")) == [()]
    assert [label(of) for of in subsets(published.row("comments_extensions"))] == [
        PAPER,
        "squared error on raw logits",
    ]
    assert len(subsets(published.row("gaetanx21"))) == 2**3
    assert len(subsets(published.row("course_deck"))) == 2**4
    six = published.row("subliminal_networks_he")
    assert len(six.changes) > changes.MOST
    assert {len(of) for of in subsets(six)} == {0, 1, len(six.changes) - 1, len(six.changes)}
    best = published.row("public_study_best")  # not beside figure 10
    assert [len(of) for of in subsets(best)] == [0, *4 * [1], *4 * [3], 4]


def a_run(of, seeds=6, names=("gaetanx21",), models=("student_aux", "cross_aux")):
    """Results in which a setting has the mean that a function of its changes gives."""
    ds = made_up.sweep(seeds, models=models, setting=[*cases(names)])
    noise = np.random.default_rng(0).normal(0, 0.01, (seeds, len(models)))
    values = [np.full_like(noise, of({*at.split(" + ")} - {PAPER})) for at in ds.setting.values]
    wobble = np.random.default_rng(1).normal(0, 0.004, (len(values), *noise.shape))
    ds.test_accuracy[:] = np.stack(values) + noise + wobble
    return ds.assign_attrs(experiment="replications", dataset="mnist")


@pytest.fixture(scope="module")
def by_one():
    """A run in which one change makes all the difference, and its rows: none is changed below."""
    ds = a_run(lambda changed: 0.76 if A in changed else 0.54)
    return ds, rows(ds)


def test_the_one_change_that_matters_is_found(by_one):
    _, of = by_one
    assert [*of.what].count("alone") == [*of.what].count("without") == 3
    assert needed(of[of.row == "gaetanx21"]) == [A]
    assert smallest("gaetanx21", of) == (A,)
    assert verdict("gaetanx21", of) == "agrees"
    told = sentence("gaetanx21", of)
    assert f"most by one alone: {A}, +.2" in told
    assert f"enough: {A};" in told
    assert f"these move it: {A}" in told


def test_a_change_that_does_nothing_is_none_taken_back_too():
    """0, and not −0, which is written with its sign."""
    ds = a_run(lambda _: 0.5)
    ds.test_accuracy[:] = 0.5
    assert {*map(str, rows(ds).effect)} == {"0.0"}


def test_two_changes_that_only_work_together():
    ds = a_run(lambda changed: 0.9 if {A, B} <= changed else 0.54)
    of = rows(ds)
    assert sorted(needed(of[of.row == "gaetanx21"])) == sorted([A, B])
    assert {*smallest("gaetanx21", of)} == {A, B}
    assert verdict("gaetanx21", of) == "differs"
    effects = of[of.what == "alone"]
    assert (effects.effect.abs() < 0.02).all()


def test_none_but_all():
    of = rows(a_run(lambda changed: 0.2 * len(changed)))
    assert smallest("gaetanx21", of) is None
    assert "enough: nothing less than all" in sentence("gaetanx21", of)


def test_where_the_papers_own_setting_is_enough_no_change_is_named():
    """Its interval reaches the row's; from .1 below it does not."""
    for far, expected in ((0.0, ()), (0.1, (A,))):
        of = rows(a_run(lambda changed, far=far: 0.54 + far * (A in changed)))
        assert smallest("gaetanx21", of) == expected
        told = sentence("gaetanx21", of)
        assert ("enough: none of them, the paper's own setting" in told) == (far == 0)


def test_one_seed_has_no_interval_and_makes_no_finding():
    of = rows(a_run(lambda changed: 0.76 if A in changed else 0.54, seeds=1))
    told = sentence("gaetanx21", of)
    assert told.endswith("one seed: no interval")
    for word in ("enough", "move it", "±", "clear"):
        assert word not in told
    assert report.finding(of).startswith("One seed: no interval")
    for _, lines in (report.cells(of), report.changes(of)):
        assert "±" not in "".join(map("".join, (line[2:] for line in lines)))
    single = rows(a_run(lambda _: 0.1, seeds=1, names=("comments_extensions",)))
    told = sentence("comments_extensions", single)
    assert told.endswith(", one seed: no interval")
    two = rows(a_run(lambda _: 0.1, seeds=2, names=("comments_extensions",)))
    assert report.finding(two).count("One seed") == 0


def test_what_is_supposed_is_held_against_the_published_value_too(monkeypatch):
    """With what a row does not say it agrees, or does not; said beside the row's own verdict."""
    more = "another thing, not said"
    row = published.row("gaetanx21")._replace(supposed={more: {"batch": 512}})
    rows_of = {**published.rows(), "gaetanx21": row}
    monkeypatch.setattr(published, "rows", lambda: rows_of)
    assert label(supposed(row)) in cases(["gaetanx21"])
    for then, word in ((0.76, "agrees"), (0.9, "differs")):
        of = rows(a_run(lambda changed, then=then: then if more in changed else 0.54))
        assert verdict("gaetanx21", of) == "differs"
        assert verdict("gaetanx21", of, "supposed") == word
        told = sentence("gaetanx21", of).split("; ")[-1]
        assert told.startswith(f"with {more}, of which it says nothing: .")
        assert told.endswith(f"({word})")
        text = report.finding(of)
        assert ("1 more would with something" in text) == (word == "agrees")
        assert ("differ: gaetanx21" in text) == (word == "differs")
        kept = report.kept(of, "").set_index("row")
        assert kept.verdict["gaetanx21"] == "differs", "the catalogue has what was said"


def test_effects_are_of_pairs():
    """What seeds have in common drops out: intervals of effects are those of the wobble alone."""
    ds = a_run(lambda changed: 0.1 + 0.1 * len(changed), seeds=40)
    of = rows(ds)
    alone = of[of.what == "alone"].iloc[0]
    a = ds.test_accuracy.sel(setting=alone.change, model="student_aux")
    b = ds.test_accuracy.sel(setting=PAPER, model="student_aux")
    assert alone.effect == pytest.approx(float((a - b).mean()), rel=1e-9)
    back = of[of.what == "without"].set_index("change")
    rest = label({A, B, C} - {A})
    whole = ds.test_accuracy.sel(setting=label([A, B, C]), model="student_aux")
    left = ds.test_accuracy.sel(setting=rest, model="student_aux")
    assert back.effect[A] == pytest.approx(float((whole - left).mean()), rel=1e-9)
    assert back["mean"][A] == pytest.approx(float(left.mean()))


def test_only_rows_of_which_all_settings_were_run_are_shown():
    ds = a_run(lambda changed: 0.5)
    names = {*rows(ds).row}
    assert names >= {"gaetanx21", "reruns", "cloud_2025"}
    assert "course_deck" not in names
    some = rows(ds.isel(setting=slice(0, 3)))
    assert "gaetanx21" not in {*some.row}
    whole = label(published.row("gaetanx21").changes)
    alone = rows(ds.sel(setting=[PAPER, whole]))
    assert [*alone[alone.row == "gaetanx21"].what] == ["row", "control"]


def test_tables_and_figure(by_one):
    ds, of = by_one
    text = "".join(map(str, report.finding(of)))
    assert "published values agree" in text
    head, lines = report.cells(of)
    lines = list(lines)
    assert all(len(line) == len(head) for line in lines)
    assert next(line for line in lines if line[0] == "gaetanx21")[4] == "agrees"
    head, lines = report.changes(of)
    assert [line[1] for line in lines] == [*published.row("gaetanx21").changes]
    figure = report.figure(ds)
    assert any("gaetanX21" in t.get_text() for t in figure.axes[0].get_yticklabels())


def test_the_spread_that_settings_explain():
    """All of it where ours are theirs, none where ours are their mean everywhere."""
    names = [n for n in replicable() if "figure10" in published.row(n).at]
    values = {
        label(published.row(n).changes): next(
            v.value for v in published.row(n).values if v.model == "student_aux"
        )
        for n in names
        if published.row(n).changes
    }
    own = (0.548 + 0.551) / 2  # of the recipe, the middle of a range
    ds = made_up.sweep(3, models=("student_aux",), setting=[PAPER, *values])
    for at in ds.setting.values:
        ds.test_accuracy.loc[{"setting": at}] = values.get(at, own)
    of = rows(ds)
    share, many = report.explained(of)
    assert many == len([*values]) + 1
    assert share == pytest.approx(1)
    same = of.assign(mean=np.mean([*values.values(), own]))
    assert report.explained(same)[0] == pytest.approx(0, abs=1e-9)


def test_a_range_with_an_interval_is_drawn_from_its_lower_to_its_upper_end():
    middle, reach = report._published(Value(0.4, 0.05, to=0.6))
    assert (middle, reach) == pytest.approx((0.5, 0.15))


def test_without_controls_chance_is_not_judged():
    ds = a_run(lambda _: 0.1, names=("gaetanx21_aux_1",), models=("student_aux",))
    assert verdict("gaetanx21_aux_1", rows(ds)) == "–"


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("study", "batch", "--row", "course_deck"), "of the study replications"),
        (("study", "replications", "--row", "nobody"), "row = 'nobody': must be of cloud_2025"),
        (("study", "replications", "--preset", "gaetanx21"), "must be no preset here: --row"),
    ],
)
def test_a_row_that_is_none(words, rule, sublim):
    code, _, err = sublim(*words)
    assert code == 2
    assert rule in err


def test_rows_as_a_command():
    of = commands._of_rows("replications", ("gaetanx21", "ghosttrace"))
    assert of == {"setting": cases(["gaetanx21", "ghosttrace"])}
    assert len(of["setting"]) == 2**3 + 1


def test_ours_are_kept_for_the_catalogue(by_one, tmp_path, monkeypatch):
    monkeypatch.setattr(published, "OURS", tmp_path / "ours.csv")
    published.ours.cache_clear()
    assert published.ours() == {}
    _, of = by_one
    report.kept(of, "f" * 40).to_csv(published.OURS, index=False)
    published.ours.cache_clear()
    found = published.ours()["gaetanx21"]
    (line,) = (r for r in of.itertuples() if (r.row, r.what) == ("gaetanx21", "row"))
    assert found.mean == pytest.approx(line.mean, abs=1e-4)
    assert (found.n, found.verdict) == (6, "agrees")
    published.ours.cache_clear()
    shown = "".join(page(table) for table in catalogue() if "gaetanX21" in table.title)
    assert "agrees" in shown
    published.ours.cache_clear()
