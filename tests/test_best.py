"""Presets `best`: chosen on validation images, by searches that are kept."""

import pytest

from docs import pages, saved
from sim import published
from sim.settings.experiments import SWEEP
from sim.studies import grids

SEARCHES = saved.searches()
BEST = [name for name in published.rows() if published.publication(name) == "best"]


def settings(about, best):
    """Name the settings of a search's best trial, as words."""
    given = dict(one.split("=") for one in about["given"].split())
    tried = {name: pages.word(v) for name, v in best.iloc[2:].dropna().items()}
    width, depth = tried.pop("width", None), tried.pop("depth", None)
    if width or depth:
        tried["widths"] = ",".join([width or "256"] * int(depth or 2))
    return {n: v for n, v in (given | tried).items() if n not in ("validation", "points")}


def words(of):
    if isinstance(of, tuple):
        return ",".join(map(str, of))
    return pages.word(of)


@pytest.mark.parametrize("name", BEST)
def test_a_best_preset_is_the_best_trial_of_a_search(name):
    """Of one that nothing but validation images has chosen in."""
    found = [settings(about, rows.iloc[0]) for about, rows in SEARCHES.values()]
    mine = {setting: words(value) for setting, value in published.preset(name).items()}
    usual = {"teacher_epochs": "5", "widths": "256,256"}
    assert mine in [{n: v for n, v in of.items() if usual.get(n) != v} for of in found]


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_is_on_images_held_out_and_its_best_is_first(name):
    about, rows = SEARCHES[name]
    assert "validation=0.1" in about["given"].split()
    assert rows.validation_accuracy.is_monotonic_decreasing
    assert len(about["revision"].split()) == 1


def test_the_study_has_all_presets_and_the_test_images_have_no_part_in_them():
    assert [*grids.module("best").AXES["setting"]] == ["the recipe", *BEST]
    assert grids.settings("best", "mnist").get("validation", SWEEP.get("validation", 0)) == 0
