"""Reports in a browser: nothing is asked of a network, nothing fails, and a keyboard does all.

It takes Chromium on the PATH, playwright (`uv pip install playwright`: of its own browsers none is
needed), and for accessibility axe-core: AXE names its axe.min.js (`npm install axe-core`).
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.pages import write
from sim.runs import results

pytestmark = pytest.mark.slow
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 400)]
NAMES = ("figure10", "grid", "lineage", "theorem", "index")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Makes small runs of all kinds, and their pages."""
    place = tmp_path_factory.mktemp("runs")
    few = {"seeds": 3, "widths": (16,), "teacher_steps": 20, "student_steps": 20, "out": place}
    sim.figure10("digits", **few)
    sim.sweep("digits", {"aux": [2, 8], "noise_images": [64, 256]}, **few)
    sim.study("bases", "digits", **few)
    sim.theorem("digits", 4, width=8, lazy_widths=(8, 16), lazy_seeds=3, lazy_steps=20, out=place)
    found = {"index": write.index(place)}
    for file in place.glob("*/report.html"):
        kind = file.parent.name.partition("-")[0]
        found[{"sweep": "grid", "bases": "lineage"}.get(kind, kind)] = file
    assert {*found} == {*NAMES}
    return found


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="uv pip install playwright")
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture
def see(browser):
    """Opens a page with no network; says what it asked for and what failed at the end."""
    wrong, contexts = [], []

    def opened(file, scheme="light", width=1280):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: m.type in ("error", "warning") and wrong.append(m.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: r.url.startswith("http") and wrong.append(r.url))
        page.goto(Path(file).as_uri())
        page.wait_for_function(
            "document.querySelectorAll('.picture svg').length"
            " === document.querySelectorAll('.chart').length"
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_it_opens_without_a_network_and_never_scrolls_sideways(pages, see, name, scheme, width):
    assert pages[name].stat().st_size < 3 * 2**20
    page = see(pages[name], scheme, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = """[...document.querySelectorAll('.picture')].filter((one) =>
        one.querySelector('svg').getBoundingClientRect().right
            > one.getBoundingClientRect().right + 1).length"""
    assert page.evaluate(cut) == 0
    flat = """[...document.querySelectorAll('.picture svg')].filter((one) =>
        Math.max(...[...one.querySelectorAll('path.background')].map(
            (of) => of.getBoundingClientRect().height)) < 60).length"""
    assert page.evaluate(flat) == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_no_rule_of_accessibility_is_seriously_broken(pages, see, name, scheme, width):
    script = Path(os.environ.get("AXE", "axe.min.js"))
    if not script.is_file():
        pytest.skip("AXE names no axe.min.js: npm install axe-core")
    page = see(pages[name], scheme, width)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.evaluate(script.read_text("utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not bad, json.dumps(bad)[:2000]


def test_a_keyboard_alone_reaches_and_works_every_control(pages, see):
    page = see(pages["grid"])
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.evaluate("document.body.focus()")
    controls = "a[href], select, input, summary, [tabindex='0']"
    reached = set()
    place = f'[...document.querySelectorAll("{controls}")].indexOf(document.activeElement)'
    for _ in range(page.evaluate(f'document.querySelectorAll("{controls}").length')):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(place))
    assert reached >= {*range(page.evaluate(f'document.querySelectorAll("{controls}").length'))}


def test_what_is_chosen_is_drawn_and_told_and_the_focus_stays(pages, see):
    page = see(pages["grid"])
    first = page.locator(".chart").first
    table = first.locator("table")
    assert "distinct distillation inputs N and auxiliary logits m" in table.text_content()
    over = first.get_by_label("And over", exact=True)
    over.focus()
    page.keyboard.press("ArrowUp")  # to curves
    page.wait_for_function("!document.querySelector('.chart .picture').innerText.includes('×')")
    assert over.evaluate("(one) => one === document.activeElement")
    assert "and auxiliary logits m" not in table.locator("caption").text_content()
    at = first.get_by_label("auxiliary logits m", exact=True)
    cells = table.locator("tbody").text_content()
    at.focus()
    page.keyboard.press("ArrowUp")
    assert table.locator("tbody").text_content() != cells
    seeds = first.get_by_label("each seed a point")
    marks = first.locator(
        ".picture svg path[aria-roledescription=point], .picture .mark-symbol path"
    )
    page.wait_for_timeout(300)
    before = marks.count()
    seeds.focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    assert marks.count() != before


def test_values_are_shown_on_hover_and_are_those_of_the_table(pages, see):
    page = see(pages["figure10"])
    chart = page.locator(".chart").first
    chart.locator(".mark-symbol.role-mark path").last.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    told = page.locator("#vg-tooltip-element").inner_text()
    mean = told.split("mean")[1].split()[0]
    chart.locator("details summary").last.click()
    assert mean in chart.locator("table").inner_text()


def test_a_model_with_a_seed_that_is_no_number_is_told_and_its_other_seeds_are_drawn(
    pages, see, tmp_path
):
    ds = results.load(pages["figure10"].parent)
    ds = ds.assign(training_loss=ds.training_loss.copy())
    ds.training_loss.loc[{"seed": 0, "model": "student_aux"}] = np.inf
    results.save(ds, tmp_path / results.RESULTS)
    page = see(write.page([tmp_path], tmp_path / "report.html"))
    first = page.locator(".chart").first
    first.get_by_label("Measure", exact=True).select_option("training_loss")
    row = first.locator("tbody tr", has_text="student, aux logits").text_content()
    assert row == "student, aux logits–none3"
    assert "Without a mean: 1" in first.locator(".note").text_content()
    drawn = first.locator('.picture svg path[aria-label*="one seed"]')
    labels = drawn.evaluate_all("(all) => all.map((one) => one.getAttribute('aria-label'))")
    assert sum("student, aux" in one for one in labels) == ds.sizes["seed"] - 1
