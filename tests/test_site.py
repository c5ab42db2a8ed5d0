"""The site: it builds and needs no network; its blocks run; its numbers are those that are kept."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import theory
from docs import pages, saved, site
from sim.errors import InputError

OWN = {str(page.relative_to(site.FOLDER)): page.read_text() for page in site.own()}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RUN = {name for name, text in OWN.items() if {"sh", "python"} & {*dict(BLOCK.findall(text))}}

#: What is in blocks that cannot run yet, and what they wait for.
AWAITED: dict[str, str] = {}
#: What stands in for commands: the checkout's own environment, in which nothing is installed.
STAND_INS = {
    "uv": 'shift; while [ "$1" = --extra ]; do shift 2; done; exec "$@"',
    "pip": "exit 0",
}


def blocks(text):
    """The blocks of a page that can run, each with what is said to be printed, if that is said."""
    found = BLOCK.findall(text)
    for (kind, block), (after, printed) in zip(found, [*found[1:], ("", "")], strict=True):
        if kind in ("sh", "python") and not any(what in block for what in AWAITED):
            yield kind, block, printed if after == "text" else None


def program(text):
    """A page as one program: shell blocks are run by bash, each; Python's follow one another."""
    yield "import subprocess"
    for i, (kind, block, _) in enumerate(blocks(text)):
        yield f"print('\\x1e{i}', flush=True)"
        bash = ["bash", "-euc", block.replace("<this repository>", str(pages.ROOT))]
        yield block if kind == "python" else f"subprocess.run({bash!r}, check=True)"


def alike(said):
    """Make a pattern of what is said to be printed: … stands for anything."""
    return r".*?".join(map(re.escape, said.strip().split("…")))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RUN))
def test_blocks_run_and_print_what_stands_below_them(name, tmp_path):
    for command, does in STAND_INS.items():
        (file := tmp_path / "bin" / command).parent.mkdir(exist_ok=True)
        file.write_text(f"#!/usr/bin/env bash\n{does}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "page.py").write_text("\n".join(program(OWN[name])))
    path = os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent)])
    usual = {key: value for key, value in os.environ.items() if not key.startswith(("JAX", "XLA"))}
    done = subprocess.run(
        [sys.executable, "-u", "page.py"],
        cwd=tmp_path,
        env=usual | {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}", "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _, *printed = re.split(r"\x1e\d+\n", done.stdout)
    for (_, block, said), out in zip(blocks(OWN[name]), printed, strict=True):
        assert said is None or re.fullmatch(alike(said), out.strip(), re.DOTALL), (block, out)


@pytest.mark.parametrize("name", sorted(RUN))
def test_python_blocks_can_be_read(name):
    for kind, block in BLOCK.findall(OWN[name]):
        if kind == "python":
            compile(block, name, "exec")


def test_nothing_is_awaited_that_is_on_no_page():
    assert not [what for what in AWAITED if not any(what in text for text in OWN.values())]


@pytest.mark.parametrize("name", sorted(OWN))
def test_no_result_is_written_by_hand(name):
    """Outside of code, and of places that are filled, no number has a decimal point."""
    text = site.PLACE.sub("", OWN[name])
    text = re.sub(r"`[^`\n]*`|\$[^$]*\$|\]\([^)]*\)", "", BLOCK.sub("", text))
    versions = text.replace("Python 3.11", "").replace("arXiv 2507.14805", "")
    assert not re.findall(r"\d*\.\d+", versions)


def test_what_is_said_to_be_printed_has_no_result_either():
    said = [text for kind, text in BLOCK.findall("".join(OWN.values())) if kind == "text"]
    assert said
    assert not [text for text in said if re.search(r"\.\d", text)]


def test_places_are_filled_one_by_one():
    """Also where two follow each other and are still empty."""
    empty = "<!-- table: {} -->\n<!-- end -->\n"
    text = site.filled(empty.format("traps") + "between\n" + empty.format("sources"))
    assert text.count("<!-- end -->") == 2
    assert "between" in text
    assert site.of_traps().strip() in text
    assert site.filled(text) == text


def test_a_place_for_nothing_is_refused():
    with pytest.raises(InputError, match=r"table = 'trapz': must be one of .*Did you mean"):
        site.filled("<!-- table: trapz -->\n<!-- end -->")


def test_the_time_of_the_first_figure_says_of_which_machine(monkeypatch, tmp_path):
    about, rows = saved.read(site.START)
    assert re.fullmatch(r"[0-9a-f]{40}", about["revision"])
    assert all(about[what] in site.of_start() for what in ("machine", "where", "disk", "of"))
    assert f"| all | {rows.seconds.sum():.0f} s |" in site.of_start()
    before, other = site.of_start(), tmp_path / "start.csv"
    other.write_text(site.START.read_text().replace("git clone,", "git clone,7"))
    monkeypatch.setattr(site, "START", other)
    assert site.of_start() != before


def test_a_page_has_every_trap():
    of_study = {f"trap: {trap}" for trap in saved.load("traps").rows.trap} - {"trap: none"}
    assert {place[2] for place in site.PLACE.finditer(OWN["sharp_bits.md"])} == of_study | {"traps"}


def test_a_changed_number_changes_what_a_trap_costs(monkeypatch):
    before, (about, rows) = site.of_trap("noise on [0, 1]"), saved.load("traps")
    assert "not clear" not in before
    assert "not clear of 0" in site.of_trap("loss averaged over 100 models")
    for change in ({"mean": 0.123}, {"less_first": 0.0123}):
        other = saved.Saved(about, rows.assign(**change))
        monkeypatch.setattr(saved, "load", lambda study, other=other: other)
        assert site.of_trap("noise on [0, 1]") != before


def test_theory_has_every_module_once_in_the_order_of_reading():
    modules = [
        module
        for name in re.findall(r"theory/(\w+)\.md", (pages.ROOT / "mkdocs.yml").read_text())
        for module in re.findall(r"^::: theory\.(\w+)$", OWN[f"theory/{name}.md"], re.MULTILINE)
    ]
    there = {file.stem for file in Path(theory.__path__[0]).glob("*.py")} - {"__init__"}
    assert sorted(modules) == sorted(there)
    order = [theory.__doc__.index(f"`{module}`") for module in modules]
    helpers = {"rounding", "differing", "preconditioned"}  # named within the sentence of another
    assert [m for m in modules if m not in helpers] == [
        m for _, m in sorted(zip(order, modules, strict=True)) if m not in helpers
    ]


def test_equations_have_the_numbers_that_they_have_in_theory():
    """Each stands in a module that the same section of the page names."""
    sections = OWN["theory/index.md"].split("\n## ")[1:]
    numbers = [re.findall(r"\\qquad \((\d+)\)|leading order \((\d+)\)", s) for s in sections]
    assert sum(map(len, numbers)) == 11
    for section, found in zip(sections, numbers, strict=True):
        named = {*re.findall(r"\w+", " ".join(re.findall(r"`(.*?)`", section)))}
        text = "".join(
            file.read_text() for file in Path(theory.__path__[0]).glob("*.py") if file.stem in named
        )
        for number in map("".join, found):
            assert re.search(rf"\({number}\)  |Eq\. \({number}\)\.", text), number


@pytest.mark.slow
def test_it_builds_without_a_warning_and_needs_no_network(tmp_path):
    """With the group docs: uv run --group docs pytest -m slow tests/test_site.py."""
    pytest.importorskip("mkdocs")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path)]
    done = subprocess.run(words, cwd=pages.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not re.findall("^(?:WARNING|ERROR)", done.stderr, re.MULTILINE)
    built = [*tmp_path.rglob("*.html")]
    assert len(built) > len(OWN)
    for page in built:
        text = page.read_text()
        fetched = re.findall(r"<(?:script|img|iframe)[^>]* src=\"?(https?:[^\"> ]*)", text)
        fetched += re.findall(r"<link[^>]*rel=\"?stylesheet[^>]*href=\"?(https?:[^\"> ]*)", text)
        assert not fetched, page
        assert "arithmatex" not in text, page
    for sheet in tmp_path.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?https?:", sheet.read_text()), sheet
    assert (tmp_path / "theory" / "index.html").read_text().count("<math") > 40
