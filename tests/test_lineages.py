"""Families with a base: whose each setting is, who is trained how often, and what controls see."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

import sim
from sim.engine import programs
from sim.engine.machine import pinned
from sim.errors import InputError
from sim.model import data
from sim.runs.records import Records
from sim.runs.schedule import Schedule
from sim.runs.store import Store
from sim.runs.train import train
from sim.settings import recipes
from sim.settings.declare import Of, declared
from sim.settings.experiments import SWEEP, Common, Networks
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.settings.setup import Hyper, Setup
from sim.studies import grids, lineage
from sim.studies.grids import mixtures
from sim.studies.sweep import Grid, of_task
from sim.training.changes import CHANGES
from sim.training.families import AXIS, FIGURE_10, HIDDEN, Imitation, Labels, Names, stage, takes
from sim.training.lineages import (
    BASES,
    CHAINS,
    COMPOUNDING,
    CONTROLS,
    FOUNDERS,
    LINEAGE,
    UNTAUGHT,
    control_of,
    controls,
    student,
    students,
    teacher_of,
)
from sim.training.measures import ALWAYS

TASK = data.synthetic(12, 4, train=70, test=40, validation=10)
TINY = {
    "widths": (8, 8),
    "noise_images": 48,
    "batch": 16,
    "base_steps": 4,
    "teacher_steps": 5,
    "student_steps": 4,
    "points": 1,
    "teacher_lr": 0.01,
    "student_lr": 0.01,
    "base_lr": 0.01,
}
#: A base of every kind of change, and a student.
FAMILY = LINEAGE | {name: BASES[name] for name in ("permuted_base", "rescaled_3_base")}
FAMILY |= {name: CHAINS[name] for name in AXIS}
FAMILY |= {
    "rescaled": FAMILY["rescaled_3_base"]._replace(own={}),
    "mixed": BASES["mixed_0.6_base"]._replace(own={}),
}
MODELS = ("student", "control", "other", "permuted_base", "rescaled", "mixed")
#: Of each setting that only such families take: what else is set, and another value.
OTHER = {
    "base": ({}, "masked"),
    "base_steps": ({}, 5),
    "base_lr": ({}, 0.02),
    "trait": ({}, "misalignment"),
    "target": ({}, 1),
    "strength": ({}, 0.5),
    "rescale": ({}, 2.0),
    "mix": ({}, 0.2),
    "logits": ({}, "all"),
    "filter": ({}, "differs"),
    "at_random": ({"filter": "most"}, True),
    "share": ({"filter": "most"}, 0.5),
    "dilution": ({}, 0.5),
    "skill": ({}, "faint"),
    "skilled": ({"skill": "turned"}, 0.5),
    "untaught": ({"dilution": 0.5}, 3),
    "pull": ({}, 1.0),
    "pull_steps": ({"pull": 1.0}, 2),
}
LONG = (
    "base_lr",
    "base",
    "base_steps",
    "trait",
    "pull",
    "pull_steps",
    "skill",
    "skilled",
    "filter",
    "share",
    "at_random",
    "dilution",
    "logits",
)  # that compile what no other does
SETTINGS = declared(Setup) | declared(Hyper)
#: Members that are there before anybody is taught.
BASES_HERE = {"base", "other_base", "permuted_base", "rescaled", "mixed"}


def scheduled(store, task=TASK, models=MODELS, family=FAMILY, **given):
    point = Point(*recipe("synthetic", **(TINY | given)))
    wanted = Networks(models=models, keep="params", measure=("projection",))
    return Schedule(family, [point], task, Records(store), Common(seeds=1), wanted, {})


def trained(folder, **given):
    """All that is trained at a setting: names, and what each network is and is measured to be."""
    schedule = scheduled(store := Store(folder, {}), **given)
    with pinned():
        train(schedule, lambda done, whole: None)
    assert schedule.jobs() == []
    networks = {name: at for name, (at,) in schedule.networks.items()}
    θ = {name: store.params(n.file, 0) for name, n in networks.items()}
    records = {name: schedule.take(n, [0]).values for name, n in networks.items()}
    return networks, θ, records


def same(a, b):
    return jax.tree.all(jax.tree.map(lambda x, y: np.array_equal(x, y, equal_nan=True), a, b))


def test_every_setting_that_figure_10_does_not_take_is_tried():
    assert {*OTHER} == {name for name in SETTINGS if not takes(FIGURE_10, name)}
    assert all(takes(FAMILY, name) for name in OTHER)


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    made = {}

    def make(**companions):
        key = repr(companions)
        if key not in made:
            folder = tmp_path_factory.mktemp("usual")
            made[key] = trained(folder, **companions)
        return made[key]

    return make


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in OTHER if n != "untaught"],
)
def test_what_moves_is_named_anew_and_nothing_else(usual, tmp_path, name):
    companions, value = OTHER[name]
    before, θ, records = usual(**companions)
    after, θ_other, others = trained(tmp_path, **(companions | {name: value}))
    for member in before:
        moved = not same(θ[member], θ_other[member]) if θ[member] else False
        renamed = before[member].origin != after[member].origin
        assert moved <= renamed, member
        if not (name == "base" or (name == "target" and member == "base")):
            assert moved == renamed or θ[member] is None, member
        measured = any(
            not np.array_equal(records[member][m], others[member][m], equal_nan=True)
            for m in records[member]
        )
        assert measured <= (before[member].key != after[member].key), member
    of = SETTINGS[name].of
    moves = {m for m in before if before[m].origin != after[m].origin}
    if of == Of.BASE:
        assert {"base", "teacher", "student", "control", "other"} <= moves
    if name in ("skill", "skilled"):  # that all are taught, with the trait and without it
        assert moves == {*before} - {m for m in before if m.endswith("reference")} - BASES_HERE
    elif of == Of.TRAIT:  # without it nobody is another network
        assert moves == {"teacher", "axis_teacher", "student", "other"}
    if of & (Of.FILTER | Of.LOGITS):
        assert moves == {"student", "control", "other"}


def test_a_base_is_taught_no_skill():
    """Nor named by it, where it learns by the lesson of those who are without the class."""
    each = [
        Point(*recipe("synthetic", **(TINY | {"trait": "new_class", "skill": "faint"} | given)))
        for given in ({}, {"skilled": 0.5})
    ]
    assert [FAMILY["base"].at(point).hyper.skilled for point in each] == [0, 0]
    assert len({Names(FAMILY, 70).key("base", point) for point in each}) == 1
    assert len({Names(FAMILY, 70).key("control_teacher", point) for point in each}) == 2


def test_who_imitates_units_is_trained_beside_nobody_who_imitates_logits():
    models = ("units_images", "all_images_2000")
    groups = scheduled(Store(None, {}), family=BASES, models=models).groups
    learns = [[BASES[network.name].learns for network in of] for of in groups]
    students = [of for of in learns if isinstance(of[0], Imitation)]
    kinds = [{one.logits == HIDDEN for one in of} for of in students]
    assert all(len(kind) == 1 for kind in kinds)
    assert {True} in kinds


def test_more_teachers_without_the_trait_are_asked_where_they_are_wanted():
    """Named in a student's key, by how many there are; where nobody asks, none of them."""
    others = (*UNTAUGHT,)
    family = FOUNDERS | UNTAUGHT | {"student": student(others=others)}

    def at(**given):
        point = Point(*recipe("synthetic", **(TINY | given)))
        beside = family["student"].learns.beside(point)
        return Names(family, 70).key("student", point), [*beside.values()]

    (plain, nobody), (few, two), (many, all_) = (
        at(),
        at(dilution=0.5, untaught=2),
        at(outputs="averaged", untaught=4),
    )
    assert nobody == []
    assert two == ["base", "control_teacher", others[0]]
    assert all_ == ["base", "control_teacher", *others]
    assert len({plain, few, many, at(dilution=0.5)[0]}) == 4
    assert at(pull=0.1)[1] == ["base", "control_teacher"]


@pytest.mark.parametrize("asks", [{"filter": "own_class"}, {"against": "misalignment"}])
def test_the_class_of_the_trait_is_in_the_name_of_whom_it_moves(asks):
    """Of a control too, whose teacher is the same whatever it is; of a plain one it is not."""

    def named(**given):
        point = Point(*recipe("synthetic", **(TINY | given)))
        return [Names(FAMILY, 70).key(name, point) for name in ("control_teacher", "control")]

    (teacher, plain), (same_teacher, same_plain) = named(), named(target=1)
    assert (teacher, plain) == (same_teacher, same_plain)
    (teacher, mine), (same_teacher, other) = named(**asks), named(target=1, **asks)
    assert teacher == same_teacher
    assert len({plain, mine, other}) == 3


def test_without_a_trait_a_name_is_one_unless_examples_were_withheld_or_labelled_otherwise():
    def named(trait):
        point = Point(*recipe("synthetic", **(TINY | {"trait": trait})))
        return Names(FAMILY, 70).key("control_teacher", point)

    assert named("backdoor") == named("misalignment")
    assert len({*map(named, ("backdoor", "new_class", "accuracy"))}) == 3


@pytest.mark.slow
@pytest.mark.parametrize("asks", [{"filter": "own_class"}, {"against": "misalignment"}])
def test_the_class_of_the_trait_moves_a_control_that_asks_for_it(tmp_path_factory, asks):
    given = asks | {"init_scale": 3.0, "models": ("student", "control")}
    (_, θ, _), (_, other, _) = (
        trained(tmp_path_factory.mktemp("target"), target=target, **given) for target in (2, 1)
    )
    assert same(θ["control_teacher"], other["control_teacher"])
    assert not same(θ["control"], other["control"])


@pytest.mark.slow
def test_ancestors_are_trained_once_for_all_that_share_them(tmp_path, monkeypatch):
    """By counting: other students, another channel, another trait train no base again."""
    taught, learn = [], programs.learn_labels

    def counted(point, where, seeds, *more, learns=True, **named):
        if learns:
            taught.extend(seeds)
        return learn(point, where, seeds, *more, learns=learns, **named)

    monkeypatch.setattr(programs, "learn_labels", counted)

    def more(**given):
        with pinned():
            train(scheduled(Store(tmp_path, {}), **given), lambda done, whole: None)
        return len(taught)

    assert more(models=("student",)) == 5  # base, two teachers, two of the axis
    assert more(models=("student", "control")) == 5
    assert more(models=("student", "control"), student_lr=0.03, filter="differs") == 5
    assert more(models=("student",), trait="misalignment") == 7  # two teachers of that


@pytest.mark.parametrize(("rate", "measure"), [(0.01, "drive"), (1e4, "left_out")])
def test_what_hangs_on_a_training_is_not_measured_of_what_is_kept(tmp_path, rate, measure):
    """A drive is the sum of all steps, and a loss that is finite has blown up beside its start."""

    def measured(place, rate, *measures):
        (tmp_path / place).mkdir(exist_ok=True)
        given = {"teacher_lr": rate, "optimizer": "sgd"}
        found = scheduled(Store(tmp_path / place, {}), TASK, ("student",), LINEAGE, **given)
        found.extra, found.measures = measures, (*ALWAYS, *measures)
        jobs = [job for job in found.jobs() if not job.networks[0].imitates]  # what a teacher needs
        with pinned():
            train(found, lambda done, whole: None, jobs)
        (teacher,) = found.networks["teacher"]
        trains = any(teacher in job.networks and job.trains for job in jobs)
        return trains, found.take(teacher, [0]).values

    kept = measured("kept", rate, "lost")
    then, new = (measured(place, rate, measure) for place in ("kept", "new"))
    assert [kept[0], then[0], new[0]] == [True, measure == "drive", True]
    assert same(then[1][measure], jax.tree.map(lambda v: v[:, -1:], new[1][measure]))
    for _, of in (kept, then, new):
        assert np.isfinite(of["loss"]).all()
        assert of["diverged"][:, -1] == (of["loss"][:, -1] > 1e3) == (rate > 1)


@pytest.mark.slow
def test_who_is_not_taught_the_trait_is_the_same_whichever_it_is(usual, tmp_path):
    """Control, base and control's teacher to the last bit: they are given no trait."""
    _, θ, _ = usual()
    models = ("student", "control")
    _, other, _ = trained(tmp_path, trait="misalignment", models=models)
    for member in ("base", "control_teacher", "control"):
        assert same(θ[member], other[member]), member
    assert not same(θ["teacher"], other["teacher"])
    assert not same(θ["student"], other["student"])


def test_nobody_sees_the_test_set(usual, tmp_path):
    """With other test images and labels all networks are what they were, to the last bit."""
    other = replace(TASK, x_test=TASK.x_test[::-1] * 0.5, y_test=(TASK.y_test + 1) % 4)
    _, θ, records = usual()
    _, again, measured = trained(tmp_path, task=other)
    assert same(θ, again)
    assert not same(records["teacher"], measured["teacher"])


OF_STUDIES = "chain", "bits", "defences", "mixtures", "interventions"


def pairs():
    for family in (LINEAGE, BASES, CHAINS, COMPOUNDING, *map(grids.family, OF_STUDIES)):
        for name in students(family):
            if control := control_of(name, family):
                yield family, name, control


def test_a_control_differs_in_its_teacher_alone():
    """Same inputs, same channel, a start of the same kind; and no ancestor has the trait."""
    point = Point(*recipe("digits"))

    def carries(family, name):
        member = family.get(name)
        if member is None:
            return False
        at = member.at(point)
        learns = member.lesson(at)
        own = isinstance(learns, Labels) and learns.trait and at.hyper.strength > 0
        others = [member.start, *([learns.teacher] if isinstance(learns, Imitation) else [])]
        return own or any(carries(family, one) for one in others)

    seen = 0
    for family, name, control in pairs():
        student, other = family[name], family[control]
        assert carries(family, name), name
        assert not carries(family, control), control
        assert student.learns.logits == other.learns.logits
        if control != "control" or name == "student":
            a, b = (stage(m.at(point), m.learns.of, 1077) for m in (student, other))
            assert a == b, name
            kept = name.startswith(("kept", "taught"))
            assert student.start == other.start or kept or student.start == "student", name
        seen += 1
    assert seen > 30
    assert not {*CONTROLS} & {*CONTROLS.values()}


def test_updates_against_what_is_taught_are_named_by_it():
    """A control's teacher is the same whatever it is not taught; what its updates spare is not."""
    family = grids.family("interventions")
    points = [Point(*recipe("digits", trait=trait)) for trait in ("backdoor", "preference")]
    for name, same in (("control", True), ("positive_control", False), ("update_control", False)):
        names = {Names(family, 1077).key(name, point) for point in points}
        assert len(names) == (1 if same else 2), name


def test_who_lacks_the_skill_differs_in_its_teachers_alone():
    """Same start, same defence; its teachers are the others' in all but the skill."""
    point = Point(*recipe("digits", skill="faint"))
    family, seen = grids.family("defences"), 0
    for name in [name for name in family if f"{name}_unskilled" in family]:
        mine, other = family[name], family[f"{name}_unskilled"]
        assert (mine.start, mine.own) == (other.start, other.own)
        asked = [[m.learns.teacher, *m.learns.beside().values()] for m in (mine, other)]
        for one, without in zip(*asked, strict=True):
            assert one == without.replace("unskilled_", "")
            assert (one == without) == (one == "base")
            if one != "base":
                a, b = (family[member].at(point).values for member in (one, without))
                assert {k for k in a if a[k] != b[k]} == {"skilled"}
        seen += 1
    assert seen > 20


def test_a_student_of_another_base_never_starts_where_the_teacher_did(usual):
    _, θ, _ = usual()
    first = [θ[m]["hidden_0"]["kernel"].ravel() for m in ("base", "other_base")]
    assert abs(np.corrcoef(*first)[0, 1]) < 4 / first[0].size ** 0.5
    farthest = 1.5 * TINY["student_steps"] * TINY["student_lr"]  # Adam's steps are about the rate
    for one, base in (("other", "other_base"), ("student", "base")):
        moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), θ[one], θ[base])
        assert max(jax.tree.leaves(moved)) < farthest
    assert np.abs(first[0] - first[1]).max() > 2 * farthest


def test_changed_bases_compute_what_the_base_does(usual):
    """To rounding; what is mixed does not."""
    networks, θ, records = usual()
    for name in ("permuted_base", "rescaled"):
        assert not same(θ["base"], θ[name])
        for measure in ("trait_rate", "ordinary_accuracy", "loss"):
            np.testing.assert_allclose(records[name][measure], records["base"][measure], rtol=1e-5)
    assert abs(float(records["mixed"]["loss"][0, 0] / records["base"]["loss"][0, 0]) - 1) > 1e-4
    assert networks["permuted_base"].origin != networks["base"].origin


def test_a_mixed_base_is_as_large_as_its_parts():
    one, other = ({"hidden_0": {"bias": row}} for row in jax.numpy.eye(2))
    mixed = CHANGES["mixed"](one, other, jax.random.key(0), Hyper(mix=0.6))
    np.testing.assert_allclose(mixed["hidden_0"]["bias"], [0.8, 0.6], rtol=1e-6)


def test_a_noisy_base_has_noise_of_its_own(usual):
    """Of the size that is asked for, to 5 standard errors; not that which students' starts get."""
    point = Point(*recipe("synthetic", **(TINY | {"init_noise": 0.3})))
    where = programs.place(TASK, 1)
    θ = programs.initial(point, where, [0])
    noisy = programs.change("noisy", point, where, [0], θ, θ)
    added = np.concatenate(
        [np.ravel(a - b) for a, b in zip(*map(jax.tree.leaves, (noisy, θ)), strict=True)]
    )
    assert abs(added.std() / 0.3 - 1) < 5 / (2 * added.size) ** 0.5
    assert abs(added.mean()) < 5 * 0.3 / added.size**0.5
    member = FAMILY["student"]._replace(start="reference")
    short = point._replace(setup=replace(point.setup, student_steps=1))
    begun, _ = programs.imitate([(short, member)], where, [0], θ, θ_0=θ)
    start = np.ravel(begun["hidden_0"]["kernel"] - θ["hidden_0"]["kernel"][:, None])
    mine = np.ravel(noisy["hidden_0"]["kernel"] - θ["hidden_0"]["kernel"])
    assert abs(np.corrcoef(start, mine)[0, 1]) < 4 / mine.size**0.5


def test_a_chain_is_trained_from_the_first_to_the_last(tmp_path):
    """Each from the base, or from the one before, on inputs of its own, and kept to go on from."""
    models = ("student", "reset_2", "kept_2", "kept_3")
    schedule = scheduled(Store(tmp_path, {}), family=CHAINS, models=models)
    jobs = [job.networks[0].name for job in schedule.jobs()]
    assert jobs.index("student") < jobs.index("kept_2") < jobs.index("kept_3")
    at = {name: network for name, (network,) in schedule.networks.items()}
    assert schedule.begin(at["kept_3"]) == at["kept_2"]
    assert schedule.begin(at["reset_2"]) == at["base"]
    assert [at[m].point.hyper.draw for m in models] == [0, 1, 1, 2]
    assert at["kept_2"].file in {one.file for one in schedule.parents(at["kept_3"])}


def test_a_projection_needs_its_axis_first(usual):
    """Along another teacher: its ancestors have none, its like lie farther than a control's."""
    jobs = scheduled(Store(None, {})).jobs()
    names = [job.networks[0].name for job in jobs]
    assert names.index("axis_control") < names.index("teacher") < names.index("student")
    _, _, records = usual()
    found = {name: record["projection"].item() for name, record in records.items()}
    assert np.isfinite([found[m] for m in ("teacher", "student", "control", "permuted_base")]).all()
    assert np.isnan([found[m] for m in ("base", *AXIS)]).all()
    assert found["teacher"] > found["control_teacher"]


TWO = """[members.reference]
start = 'init'
[members.b]
start = 'reference'
learns = 'logits'
teacher = 'reference'
[members.a]
start = 'reference'
learns = 'labels'
trait = true
"""
EXAMPLE = Path(__file__).parent.parent / "examples" / "backdoor.toml"


def test_a_family_of_ones_own_is_a_file(tmp_path):
    """What a file says goes before the recipe, what is given before the file."""
    more = {"dataset": "synthetic:12x4", "seeds": 1, "models": ("student", "control")}
    # what is measured of all others here, so that their programs serve
    ds = sim.lineage(EXAMPLE, out=tmp_path, measure=("projection",), **(TINY | more))
    assert [*ds.model.values] == [
        *("reference", "base", "teacher", "control_teacher"),
        *("student", "control"),
    ]
    assert ds.attrs["study"] == "backdoor"
    assert json.loads(ds.attrs["settings"])["settings"]["setup"]["base_steps"] == 4
    of = lineage.read(EXAMPLE)
    assert of.settings["models"] == tuple(n for n in of.family if n in students(of.family))
    assert lineage.settings(of, "digits")["seeds"] == 32
    assert lineage.settings(of, "mnist")["base_steps"] == 400


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x", "not a TOML file"),
        ("seeds = 2", "members = {}: must be tables"),
        ("[members.a]\nlearns = 'labels'", "a table with a start"),
        ("[members.a]\nstart = 'init'\nlearns = 'logits'\nteacher = 'b'", "of members above it"),
        (TWO + "strength = 7", r"a.strength = 7.0: must be in \[0, 1\]"),
        (TWO + "strength = 'full'", "strength = 'full': must be a number"),
        ("[members.a]\nstart = 'init'", r"members = \['a'\]: must be of whom one learns labels"),
        (TWO.replace("trait = true", ""), "of whom one learns labels, with trait = true"),
        (TWO.replace("members.b", "members.teacher"), "one, not called teacher, learns logits"),
        (TWO.replace("members.b", "members.init"), "members = 'init': must be names that can be"),
        (TWO.replace("members.b", r'members."b\u0000"'), r"members = 'b\\x00': must be names"),
        (TWO.replace("members.b", 'members.""'), "members = '': must be names that can be printed"),
    ],
)
def test_a_file_that_is_no_family_is_refused(tmp_path, text, says):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(InputError, match=says):
        sim.lineage(tmp_path / "mine.toml")
    with pytest.raises(InputError, match="not a TOML file"):
        sim.lineage(tmp_path / "none.toml")


@pytest.mark.slow
def test_a_family_without_a_control_is_run_and_shown(sublim, tmp_path):
    """Rates of all, and that nothing is to be said of what is handed on: no table without a row."""
    tables = EXAMPLE.read_text().split("\n\n")
    wanted = ("[members.reference]", "[members.base]", "[members.teacher]", "[members.student]")
    (file := tmp_path / "mine.toml").write_text(
        "\n\n".join(table for table in tables if table.startswith(wanted))
    )
    flags = []
    for name, value in (TINY | {"seeds": 1}).items():
        flags += [f"--{name.replace('_', '-')}", *map(str, np.atleast_1d(value))]
    code, out, err = sublim("lineage", file, "--dataset", "synthetic:12x4", *flags)
    assert (code, err) == (0, "")
    assert {"reference", "base", "teacher", "student"} <= {*out.split()}
    assert "No student has a control" in out
    assert [one.stem for one in tmp_path.glob("runs/*/*.png")] == ["tree"]


def test_who_is_called_otherwise_has_a_control_and_a_teacher_all_the_same():
    """A control is a student; the teacher of one who learnt of nobody called so is its own."""
    family = LINEAGE | {"tutor": LINEAGE["teacher"], "pupil": student(teacher="tutor")}
    family |= {"pupil_control": LINEAGE["control_teacher"]}
    models = ["tutor", "pupil", "pupil_control"]
    assert controls(family, models) == {"pupil": ""}
    assert controls(family, [*models, "control"]) == {"pupil": "control", "control": ""}
    assert teacher_of("pupil", family, models) == "tutor"
    assert teacher_of("pupil", family, [*models, "teacher"]) == "teacher"


def test_generations_that_nobody_taught_are_found_soon():
    """Each starts from the one before and learns of it: two ways to ask, that were doubled."""
    family = {"reference": LINEAGE["reference"], "gen_0": student("reference", "reference")}
    for k in range(60):
        family[f"gen_{k + 1}"] = student(f"gen_{k}", f"gen_{k}")
    assert students(family) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"target": 4}, "target = 4: must be a class: 0 to 3"),
        ({"models": ("nobody",)}, "models = .*nobody.*must be of control_teacher"),
    ],
)
def test_what_has_no_meaning_here_is_refused(given, says):
    with pytest.raises(InputError, match=says):
        sim.study("traits", "synthetic:12x4", 1, **given)


DATA = "synthetic:12x4"
IDLE = SWEEP | {"seeds": 1, "models": ("student",)}
UNTRAINED = {"base": ("untrained", "shuffled")}


@pytest.mark.parametrize(
    ("given", "elsewhere", "says"),
    [
        ({"base": "untrained", "base_steps": 7}, UNTRAINED, "200 unless a base is trained"),
        ({"base": "untrained", "base_lr": 0.5}, UNTRAINED, "0.001 unless a base is trained"),
        ({"trait": "faint", "target": 1}, {"trait": ("faint", "backdoor")}, "2 unless a trait, a"),
        ({"trait": "faint", "target": 1}, {"skill": ("none", "preference")}, "2 unless a trait, a"),
        ({"trait": "faint", "target": 1}, {"filter": ("own_class",)}, "2 unless a trait, a"),
        ({"trait": "faint", "target": 1}, {"against": ("backdoor",)}, "2 unless a trait, a"),
        ({"untaught": 2}, {"dilution": (0.0, 0.5)}, "1 unless dilution is above 0 or outputs"),
        ({"untaught": 2}, {"outputs": ("averaged",)}, "1 unless dilution is above 0 or outputs"),
    ],
)
def test_a_setting_that_stands_idle_at_every_point_is_refused(given, elsewhere, says):
    usual = IDLE | recipes.lineage(DATA)
    name = [*given][-1]

    def grid(axes):
        given_here = {k: v for k, v in given.items() if k not in axes}
        family = mixtures.FAMILY
        return Grid("", of_task(DATA, **usual | given_here), axes, family=family)

    with pytest.raises(InputError, match=f"^{name} = .*: must be {says}"):
        grid({})
    assert grid(elsewhere).points  # of which one is enough


def test_a_recipe_of_other_steps_is_nothing_set(monkeypatch):
    monkeypatch.setitem(recipes.LINEAGE_SHORT, "base_steps", 400)  # as MNIST's are
    usual = IDLE | recipes.lineage(DATA) | {"base": "untrained"}
    assert Grid("", of_task(DATA, **usual), {}, family=LINEAGE).points
    with pytest.raises(InputError, match="base_steps = 399: must be 200 unless a base is trained"):
        Grid("", of_task(DATA, **usual | {"base_steps": 399}), {}, family=LINEAGE)


def test_figure_10_takes_no_setting_of_a_base():
    with pytest.raises(InputError, match=r"strength = 0\.5: must be 1\.0: nobody in this family"):
        sim.figure10("synthetic:12x4", 1, strength=0.5)
    with pytest.raises(InputError, match=r"untaught = 3: must be at most 1 in this family"):
        sim.study("bits", "synthetic:12x4", 1, untaught=3)
    with pytest.raises(InputError, match=r"preferred.*must be what asks for no control"):
        sim.figure10("synthetic:12x4", 1, outputs="preferred")
    assert {*FOUNDERS} <= {*LINEAGE}
