"""sim/pages: a report says all that a run's tables say, whatever its user named it, in one file."""

import json
import re
import shlex
from html.parser import HTMLParser

import numpy as np
import pytest

from sim.errors import InputError
from sim.pages import charts, content, plainly, script, tables, trees, write
from sim.published import to_cite
from sim.runs import results
from sim.runs.statistics import paired, summary
from sim.settings.setup import Hyper, Setup
from sim.studies import shown
from sim.training.families import FIGURE_10, described
from sim.training.lineages import LINEAGE
from tests import made_up

HOSTILE = """</script><script>alert(1)</script>'"&<img src=x onerror=alert(1)>"""
VOID = {"meta", "link", "img", "br", "input", "path", "rect"}


class Page(HTMLParser):
    """Reads a page: its tags with attributes, its headings, its words; holds it to be well nested.

    What stands in scripts and styles is no word of it.
    """

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words, self.headings = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & {*self.open}:
            self.words.append(" ".join(data.split()))

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def attrs(aux=5, **own):
    of = {"setup": vars(Setup()) | {"aux": aux}, "hyper": vars(Hyper()), "axes": []}
    kept = {"validation": 0.0, "settings": of | {"family": [*described(FIGURE_10).items()]}}
    found = {"study": "figure10", "settings": json.dumps(kept), "device": "cpu", "seeds": "5"}
    found |= {
        "command": shlex.join(["sublim", "figure10", "--dataset", HOSTILE]),
        "revision": "abc",
    }
    return found | {"versions": '{"jax": "1.2.3", "sublim": "0.1.0"}'} | own


def run(seeds=5, **own):
    rng = np.random.default_rng(0)

    def draw(_, shape):
        return [*rng.uniform(0.1, 0.9, (3, *shape)), np.zeros(shape)]  # none diverged

    return made_up.figure10(range(seeds), draw).assign_attrs(attrs(**own))


@pytest.fixture
def quick(monkeypatch):
    """Puts a word in the place of Vega-Lite, which takes seconds."""
    monkeypatch.setattr(write, "vega", lambda: "/* Vega-Lite */")


def saved(ds, folder):
    folder.mkdir(parents=True)
    results.save(ds, folder / results.RESULTS)
    return folder


def read(*runs, tmp_path):
    file = write.page(runs, tmp_path / "report.html")
    return Page(file.read_text("utf-8"))


def test_a_page_has_each_number_of_the_tables_and_all_that_belongs_to_a_run(tmp_path, quick):
    ds = run()
    page = read(saved(ds, tmp_path / "run"), tmp_path=tmp_path)
    found, _ = tables.parts(shown.tables(ds))
    cells = {cell for one in found for row in one.rows for cell in row}
    assert len(cells) > 25
    assert cells - {""} <= {*page.words}
    words = "|".join(word for word in page.words if word)
    for model in ds.model.values:  # written anew: its row, in order
        of = summary(ds.test_accuracy.sel(model=model))
        low, high = of.interval
        row = [model, f"{of.mean:.4f}", f"[{low:.4f}, {high:.4f}]", f"{of.sd:.4f}", "5"]
        assert "|".join(row) in words
    assert {"aux", "5", "3"} <= {*page.words}  # a setting that is not the paper's, and the paper's
    assert {ds.attrs["command"], "abc", "cpu", "jax 1.2.3, sublim 0.1.0"} <= {*page.words}
    assert any("@article{cloud_2025" in word for word in page.words)


def test_its_parts_are_in_order_and_its_tables_are_tables(tmp_path, quick):
    one = saved(run(), tmp_path / "a")
    for runs in ([one], [one, saved(run(seeds=3), tmp_path / "b")]):
        page = read(*runs, tmp_path=tmp_path)
        assert page.of("html") == [{"lang": "en"}]
        assert len(page.of("h1")) == len(page.of("main")) == 1
        assert page.headings[0] == 1
        assert all(b <= a + 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
        assert len(page.of("caption")) == len(page.of("table")) > 2
        assert all("scope" in one for one in page.of("th"))
        assert all(one.get("alt") for one in page.of("img"))
        ids = [of["id"] for _, of in page.tags if "id" in of]
        assert len(ids) == len({*ids})


def test_what_users_name_is_words(tmp_path, quick):
    ds = run(dataset=HOSTILE, title=HOSTILE, device=HOSTILE, study=HOSTILE)
    page = read(saved(ds, tmp_path / "run"), tmp_path=tmp_path)
    assert any(HOSTILE in word for word in page.words)
    assert not page.of("img")
    assert len(page.of("script")) == 3  # data, Vega-Lite, ours
    assert "onerror" not in {name for _, of in page.tags for name in of}
    folder = tmp_path / "runs" / "a & <b>"
    saved(ds, folder)
    listed = Page(write.index(folder.parent).read_text("utf-8"))
    assert "a & <b>" in listed.words
    assert {"href": "a%20%26%20%3Cb%3E/report.html"} in listed.of("a")


def test_nothing_is_asked_of_a_network_and_a_page_is_small(tmp_path):
    file = write.page(saved(run(), tmp_path / "run"), tmp_path / "report.html")
    page = Page(text := file.read_text("utf-8"))
    assert file.stat().st_size < 3 * 2**20
    sources = [of.get(name, "") for _, of in page.tags for name in ("src", "href")]
    assert all(one.startswith(("data:", "#")) for one in sources if one)
    assert "default-src 'none'" in text
    assert "vegaEmbed" in text
    assert "@import" not in text


def test_charts_have_the_numbers_of_the_statistics():
    ds = run()
    of = charts.charts(ds)
    (measure,) = (m for m in of["measures"] if m["name"] == "test_accuracy")
    names = [model["name"] for model in of["models"]]
    mine, pair = names.index("student_aux"), names.index("student_aux − cross_aux")
    plain, apart = summary(ds.test_accuracy), paired(ds, "student_aux", "cross_aux")
    for place, ours in ((mine, plain.isel(model=3 - 1)), (pair, apart)):
        low, high = ours.interval
        found = [measure[name][place] for name in ("mean", "low", "high")]
        np.testing.assert_allclose(found, [ours.mean, low, high], rtol=1e-3)
    seeds = measure["seeds"][mine * 5 : (mine + 1) * 5]
    np.testing.assert_allclose(seeds, ds.test_accuracy.sel(model="student_aux"), rtol=1e-3)


def test_a_grid_is_laid_out_with_its_axes_and_what_has_no_room_is_named(monkeypatch):
    ds = made_up.sweep(aux=[1, 3, 30], noise_images=[64, 256]).assign_attrs(attrs())
    of = charts.charts(ds)
    first = of["measures"][0]
    assert first["dims"] == ["aux", "noise_images"]
    assert of["axes"]["aux"]["kind"] == "log"
    assert of["axes"]["noise_images"]["kind"] == "linear"
    mean = np.reshape(first["mean"], (3, 2, -1))
    ours = ds.test_accuracy.mean("seed").sel(aux=30, noise_images=64, model="student_aux")
    assert mean[2, 0, [*ds.model].index("student_aux")] == pytest.approx(float(ours), rel=1e-3)
    assert of["starts"][0]["y"] == "aux"
    monkeypatch.setattr(charts, "CELLS", 10)
    more = ds.assign(trait_loss=ds.test_accuracy * 2)
    assert charts.charts(more)["left_out"] == ["trait loss"]


def test_what_is_badly_said_is_said():
    ds = run()
    ds["diverged"][0, 2] = True
    said = "\n".join(plainly.plainly(ds.assign_attrs(revision="abc-dirty")))
    assert "Diverged: 1 of 30 networks" in said
    assert "Not told apart from its control, student, aux logits" in said
    assert "no revision has" in said
    clear = ds.copy(deep=True)
    clear["diverged"][:] = False
    clear["test_accuracy"].loc[{"model": ["student_aux", "student_all", "teacher"]}] += 2.0
    assert not plainly.plainly(clear)
    assert "One seed" in plainly.plainly(run(seeds=1))[0]


def test_a_statement_is_named_with_its_equation():
    one = content.Verdict("the pull is that of the logits", "(27)", "", "", "undecided", "bad")
    assert "statements: the pull is that of the logits, (27)." in plainly.plainly(run(), [one])[0]


def test_published_values_that_differ_are_said():
    clear = run(dataset="mnist", aux=3)
    clear["test_accuracy"].loc[{"model": "student_aux"}] = 0.2
    found = [one for one in plainly.plainly(clear) if one.startswith("Published, and not so here")]
    assert "Published, and not so here: student_aux, > .50 (the paper); here .200 ± .000." in found
    assert not any("Gaussian" in one for one in found)  # of other settings: counted, not named


def test_a_tree_has_each_member_right_of_those_it_descends_from():
    of = trees.tree(LINEAGE, ["student", "other_control"])
    names = [row[0] for row in of.rows]
    place = dict(zip(names, of.boxes, strict=True))
    assert place["base"].x < place["teacher"].x < place["student"].x
    assert ("student", "base", "logits of teacher") in of.rows
    assert ("teacher", "base", "labels, some with the trait") in of.rows
    assert ("teacher without the trait", "base", "labels, none with the trait") in of.rows
    kinds = [edge.kind for edge in of.edges]
    assert kinds.count("learns") == 2
    assert kinds.count("starts") == 6


def test_whom_to_cite():
    assert to_cite("figure10") == ["cloud_2025"]
    assert to_cite("figure10", "gaetanx21") == ["cloud_2025", "gaetanx21"]
    assert content._preset(run(command="sublim sweep --preset gaetanx21 --seeds 3")) == "gaetanx21"


def test_what_is_wrong_is_said_in_a_line(tmp_path, monkeypatch, quick):
    with pytest.raises(InputError, match="no results"):
        write.page(tmp_path, tmp_path / "x.html")
    with pytest.raises(InputError, match="one or more folders"):
        write.page([], tmp_path / "x.html")
    folder = saved(run(), tmp_path / "run")
    with pytest.raises(InputError, match="must be a file's name"):
        write.page(folder, tmp_path)
    monkeypatch.setattr("sim.errors.importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match="uv run --extra report"):
        script.vega.__wrapped__()


def test_an_index_names_what_it_cannot_read(tmp_path, quick):
    saved(run(), tmp_path / "good")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / results.RESULTS).write_bytes(b"no results")
    page = Page(write.index(tmp_path).read_text("utf-8"))
    assert (tmp_path / "good" / "report.html").is_file()
    assert [of["href"] for of in page.of("a")] == ["#main", "good/report.html"]
    assert any("not a results file" in word for word in page.words)
