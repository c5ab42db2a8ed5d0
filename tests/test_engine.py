"""sim/engine.py: what seeds, chunks, segments, hyper-numbers and devices may and may not change."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import threadpoolctl

from sim.engine import chunks, machine, programs
from sim.errors import InputError
from sim.model import data, networks
from sim.model.keys import Purpose
from sim.settings.experiments import FIGURE_10 as STUDENTS
from sim.settings.grid import Point
from sim.settings.layers import chosen
from sim.settings.lengths import moments
from sim.settings.recipes import recipe
from sim.settings.setup import Setup
from sim.training import steps, updates
from sim.training.channels import OUTPUTS, Channel
from sim.training.families import FIGURE_10
from sim.training.roles import roles

TASK = data.synthetic(12, 4, train=100, test=40, validation=10)
ROOT = Path(__file__).parent.parent
WHERE = programs.place(TASK, 1)


def records(seeds, small, **replaced):
    """Of teachers [seed, moment] and of figure 10's students [seed, student, moment], by chunk."""
    point = Point(*recipe("synthetic", **(small | replaced)))
    students = [(point, FIGURE_10[name]) for name in STUDENTS]
    where = programs.place(TASK, len(seeds[0]))
    for chunk in seeds:
        θ_T, taught = programs.learn_labels(point, where, chunk)
        yield (
            SimpleNamespace(**taught),
            SimpleNamespace(**programs.imitate(students, where, chunk, θ_T)[1]),
        )


def same(a, b):
    for mine, other in zip(a, b, strict=True):
        for x, y in zip(mine, other, strict=True):
            jax.tree.map(np.testing.assert_array_equal, vars(x), vars(y))


def compiled():
    names = "begin_teachers", "teach", "begin_students", "distill"
    return [getattr(programs, name)._cache_size() for name in names]


def test_shapes_and_moments(small):
    ((teacher, students),) = records([range(2)], small)
    assert moments(recipe("synthetic", **small)[0], 100) == ((0, 3, 6), (0, 3, 6))
    assert {field.shape for field in vars(teacher).values()} == {(2, 3)}
    assert {field.shape for field in vars(students).values()} == {(2, len(STUDENTS), 3)}


def test_epochs_become_steps_with_the_short_batch_kept():
    setup, _ = recipe("mnist")
    assert [m[-1] for m in moments(setup, 60_000)] == [295, 295]  # 5 · ⌈60,000 / 1,024⌉


def test_same_settings_chunk_and_device_give_the_same_bits(small):
    same(records([range(2)], small), records([range(2)], small))


def test_a_seeds_numbers_do_not_depend_on_the_other_seeds(small):
    """To the last bit where the chunk has the same length; else to rounding through six steps."""
    both = [*records([range(2), range(2, 4)], small)]
    same(both[1:], records([range(2, 4)], small))
    (wide,) = records([range(4)], small)
    leaves = [jax.tree.leaves([vars(of) for of in one]) for one in (wide, *both)]
    for wide_field, *narrow in zip(*leaves, strict=True):
        # float32 rounding; an accuracy may differ by one of the 40 test images
        np.testing.assert_allclose(wide_field, np.concatenate(narrow), rtol=1e-4, atol=1.01 / 40)


def test_another_draw_has_another_noise_on_answers_and_start(small):
    """As generations have; the first, 0, is that of the seed alone. All in one program."""
    seeds, channel = WHERE.seeds([0]), Channel(OUTPUTS["soft"], None, at_random=False)

    def begun(**numbers):
        point = Point(*recipe("synthetic", **(small | numbers)))
        θ_T = programs.initial(point, WHERE, [0])
        of = [(point, FIGURE_10["student_aux"])]
        common = WHERE.program(point), programs.numbers([point]), roles(4, of), WHERE.data
        begin, noisy = programs.starts(point, WHERE, [0]), point.hyper.init_noise > 0
        of = *common, seeds, θ_T, begin, {}, channel
        shown, state = programs.begin_students(*of, noisy=noisy)
        start = state.model.θ["hidden_0"]["kernel"]
        return np.asarray(shown.targets[0, : point.setup.noise_images]), np.asarray(start)

    noises = []
    for draw in (0, 1):
        (plain, θ_0), (noisy, θ) = begun(draw=draw), begun(draw=draw, output_noise=1, init_noise=1)
        noises.append([noisy - plain, θ - θ_0])
    for first, second in zip(*noises, strict=True):
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / first.size**0.5
        assert first.std() == pytest.approx(1, rel=0.2)


def test_noise_on_a_start_is_drawn_where_anyone_side_by_side_has_it(small, monkeypatch):
    """Whoever has none of it gets 0 of it."""
    asked = []

    def begin(*of, noisy):
        asked.append(noisy)
        raise InterruptedError  # nothing need be trained

    monkeypatch.setattr(programs, "begin_students", begin)
    plain, noisy = (Point(*recipe("synthetic", **small, init_noise=of)) for of in (0, 0.1))
    θ_T = programs.initial(plain, WHERE, [0])
    for points in ((plain, plain), (plain, noisy), (noisy, plain), (noisy, noisy)):
        with pytest.raises(InterruptedError):
            programs.imitate([(at, FIGURE_10["student_aux"]) for at in points], WHERE, [0], θ_T)
    assert asked == [False, True, True, True]


@pytest.mark.parametrize("what", ["low_rank", "stored", "projected"])
def test_another_draw_has_other_directions_and_rounds_otherwise(small, monkeypatch, what):
    """As generations have: what is drawn for updates is of the seed and the draw."""
    keys, made = [], updates.__dict__[what]

    def seen(*given):
        of_key = (one for one in given if isinstance(one, jax.Array))
        keys.append(tuple(jax.random.key_data(next(of_key)).tolist()))
        return made(*given)

    monkeypatch.setattr(updates, what, seen)
    given = {"low_rank": {"rank": 2}, "stored": {"storage": "stochastic"}}
    given["projected"] = {"against": "taught", "removed": "random"}
    net = networks.mlp(Setup(widths=(4,)), TASK.d_in, TASK.classes)
    for seed, draw in ((0, 0), (0, 1), (1, 0), (1, 1), (0, 0)):
        point = Point(*recipe("synthetic", **(small | given[what] | {"draw": draw})))
        role = jax.tree.map(
            lambda leaf: leaf[0], roles(TASK.classes, [(point, FIGURE_10["student_aux"])])
        )
        steps._of_student(*point, net, role, seed, WHERE.data, None)
    assert len({*keys}) == 4
    assert keys[0] == keys[-1]


def test_no_control_starts_where_a_teacher_does(small):
    """A permutation over seeds has one fixed point on average; a seed's own keys have none."""
    point = Point(*recipe("synthetic", **small))
    where = programs.place(TASK, 32)
    common = where.program(point), programs.numbers([point])
    seeds = where.seeds(range(32))
    begin = programs.initial(point, where, range(32))
    teachers = programs.begin_teachers(*common, where.data, seeds, begin)
    role = roles(TASK.classes, [(point, FIGURE_10[name]) for name in STUDENTS])
    hyper = programs.numbers([point] * 4)
    begin = programs.starts(point, where, range(32))
    of = common[0], hyper, role, where.data, seeds, teachers.model.θ, begin
    _, students = programs.begin_students(*of)
    first = students.model.θ["hidden_0"]["kernel"]  # [seed, student, d_in, units]
    θ_0 = np.asarray(teachers.model.θ["hidden_0"]["kernel"])
    for i, name in enumerate(STUDENTS):
        if name.startswith("student"):
            np.testing.assert_array_equal(first[:, i], θ_0)
    np.testing.assert_array_equal(first[:, 2], first[:, 3])
    correlation = np.corrcoef(θ_0.reshape(32, -1), np.asarray(first[:, 2]).reshape(32, -1))
    # 1,024 teachers × controls and 992 of either among themselves, of 192 weights each
    assert np.abs(correlation[np.triu_indices(64, 1)]).max() < 5.5 / 192**0.5


@pytest.mark.slow
def test_a_channel_is_given_the_answers_of_whom_it_asks(small):
    """Teacher's, base's and control's, each as if it were the teacher: none in another's place."""
    point = Point(*recipe("synthetic", **small))
    purposes = Purpose.INIT, Purpose.OTHER_INIT, Purpose.INIT_NOISE
    who = {
        name: programs.initial(point, WHERE, [0], purpose)
        for name, purpose in zip(("teacher", "base", "control"), purposes, strict=True)
    }
    common = WHERE.program(point), programs.numbers([point])
    common += (roles(TASK.classes, [(point, FIGURE_10["student_all"])]), WHERE.data)

    def shown(θ_T, beside=None, channel=None):
        of = WHERE.seeds([0]), θ_T, programs.starts(point, WHERE, [0]), beside, channel
        return programs.begin_students(*common, *of)[0].targets

    beside = {name: who[name] for name in ("base", "control")}
    for name, θ in who.items():
        passed = Channel(lambda of, name=name: getattr(of, name), None, at_random=False)
        found = shown(who["teacher"], beside, passed)
        np.testing.assert_allclose(found, shown(θ)[:, : point.setup.noise_images], rtol=1e-5)


def test_init_scale_scales_both_initialisations(small):
    where = programs.place(TASK, 2)
    one, three = (
        programs.initial(Point(*recipe("synthetic", **small, init_scale=c)), where, range(2))
        for c in (1.0, 3.0)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(3 * a, b, rtol=3e-7), one, three)


def test_each_part_of_the_data_is_measured_as_itself(small):
    ((teacher, students),) = records([range(4)], small)
    for record in (teacher, students):
        for accuracy, images in ((record.test_accuracy, 40), (record.validation_accuracy, 10)):
            count = accuracy * images
            np.testing.assert_allclose(count, np.round(count), atol=1e-4)
        assert (np.abs(record.test_accuracy * 10 % 1 - 0.5) < 0.4).any()  # not the ten


def test_seeds_differ(small):
    ((teacher, students),) = records([range(2)], small)
    assert (teacher.loss[0] != teacher.loss[1]).all()
    assert (students.loss[0] != students.loss[1]).all()


def test_students_of_a_seed_share_inputs_and_differ_by_role(small):
    ((_, students),) = records([range(2)], small)
    at_start = students.loss[0, :, 0]
    assert len(set(at_start)) == 4
    # Before the first step student and teacher's reference are one network, the control another.
    assert (students.test_accuracy[0, 0, 0], students.test_accuracy[0, 2, 0]) == (
        students.test_accuracy[0, 1, 0],
        students.test_accuracy[0, 3, 0],
    )


def test_new_numbers_compile_nothing(small):
    [*records([range(2)], small)]
    before = compiled()
    numbers = {
        "teacher_lr": 0.5,
        "student_lr": 0.25,
        "noise_scale": 3.0,
        "temperature": 7,
    }
    [*records([range(5, 7), range(7, 9)], small, **numbers)]
    [*records([range(2)], small, teacher_lr=1)]  # an int is a number too
    [*records([range(2)], small, student_steps=5, independent="hidden_0", channel=2)]
    assert compiled() == before


def test_a_setup_compiles_each_program_once(small):
    before = compiled()
    [*records([range(3), range(3, 6)], small, widths=(7, 5))]  # two chunks, three segments a phase
    assert [now - then for now, then in zip(compiled(), before, strict=True)] == [1, 1, 1, 1]


def test_all_that_begin_at_one_size_are_drawn_by_one_program(small):
    """Teachers and students, whatever they learn and from which initialisation."""
    programs.initial(Point(*recipe("synthetic", **small)), WHERE, [0])
    before = programs._draw._cache_size()
    for more in ({"loss": "squared_error"}, {"optimizer": "sgd", "init_scale": 2.0}):
        point = Point(*recipe("synthetic", **(small | more)))
        programs.initial(point, WHERE, [1], Purpose.OTHER_INIT)
        programs.starts(point, WHERE, [2])
    assert programs._draw._cache_size() == before
    programs.starts(Point(*recipe("synthetic", **small, student_widths=(5, 5))), WHERE, [0])
    assert programs._draw._cache_size() == before + 1


def test_data_is_an_argument_and_not_baked_into_the_program(small):
    """A program for forty times the data is as long: it holds shapes, not images."""
    point = Point(*recipe("synthetic", **small))

    def length(train):
        where = programs.place(data.synthetic(12, 4, train=train), 1)
        common = where.program(point), programs.numbers([point]), where.data, where.seeds([0])
        state = programs.begin_teachers(*common, programs.initial(point, where, [0]))
        return len(programs.teach.lower(*common, None, state, (0, 1)).as_text())

    assert length(4000) < 1.1 * length(100)  # 46,800 numbers more


def test_divergence_is_flagged_for_the_model_that_diverged(small):
    ((teacher, students),) = records([range(2)], small, student_lr=1e30)
    assert not teacher.diverged.any()
    assert students.diverged[..., -1].all()
    assert not students.diverged[..., 0].any()  # not before the first step
    assert np.isfinite(students.test_accuracy).all()  # kept: it answers, and badly


@pytest.mark.parametrize(("student_lr", "lost"), [(1e3, True), (1e-2, False)])
def test_a_finite_loss_that_blew_up_has_diverged(small, student_lr, lost):
    ((_, students),) = records([range(2)], small, student_lr=student_lr)
    assert np.isfinite(students.loss).all()
    assert (students.diverged[..., -1] == lost).all()
    assert not students.diverged[..., 0].any()


def test_chunk_size_fits_memory_and_seeds(monkeypatch):
    setup, _ = recipe("mnist")
    task = data.synthetic(784, 10, train=100)
    chunk = partial(chunks.chunk_size, setup, task)
    assert chunk(seeds=100, memory=1.0) == 1
    assert chunks.seed_bytes(setup, task) > 4 * 4 * 270_000 * 3
    narrow = replace(setup, widths=(4096, 4096), student_widths=(16,))
    assert chunks.seed_bytes(narrow, task) > 4 * 4 * 20_000_000  # the teacher's, which is larger
    # Four devices: each has the data, and as many seeds as every other.
    for module in (machine, chunks):
        monkeypatch.setattr(module, "devices", lambda: jax.local_devices() * 4)
    each = (chunks.task_bytes(task) + chunks.seed_bytes(setup, task)) / 2**30
    assert chunk(seeds=100, memory=1.0) == 4
    assert chunk(seeds=3, memory=1.0) == 3
    assert chunk(seeds=100, memory=2.01 * each) == 2
    assert chunk(seeds=100, memory=1.99 * each) == 1
    assert chunk(seeds=100, memory=1e-6) == 1
    short = replace(setup, batch=16)  # of which a device runs several together
    assert chunks.chunk_size(short, task, 100, 4.0) == 4 * 7  # 4 chunks, of which 8 fill more up
    assert chunks.chunk_size(short, task, 9, 4.0) == 4 * 3


SHARDED = """
import jax, numpy as np, pickle, sys
from sim.engine import chunks, programs
from sim.model import data, networks
from sim.settings.experiments import FIGURE_10 as STUDENTS
from sim.settings.grid import Point
from sim.settings.recipes import recipe
from sim.settings.setup import Setup
from sim.training import steps, updates
from sim.training.families import FIGURE_10
assert len(jax.devices()) == 4
task = data.synthetic(12, 4, train=100, test=40, validation=10)
point = Point(*recipe("synthetic", **{small}))
where = programs.place(task, 8)
θ_T, taught = programs.learn_labels(point, where, range(8))
students = [(point, FIGURE_10[name]) for name in STUDENTS]
θ_S, record = programs.imitate(students, where, range(8), θ_T)
for θ in (θ_T, θ_S):
    sharding = θ["hidden_0"]["kernel"].sharding
    assert len(sharding.device_set) == 4 and not sharding.is_fully_replicated, sharding
common = where.program(point), programs.numbers([point]), where.data, where.seeds(range(8))
state = programs.begin_teachers(*common, programs.initial(point, where, range(8)))
text = programs.teach.lower(*common, None, state, (0, 3)).compile().as_text()
assert "all-" not in text and "collective" not in text
assert chunks.chunk_size(point.setup, task, 5, 1.0) == 8
spread = [len(programs.place(task, chunk).sharded.device_set) for chunk in (1, 3, 5, 6)]
assert spread == [1, 3, 1, 3]
pickle.dump((taught, record), sys.stdout.buffer)
"""


def test_seeds_are_sharded_over_all_devices(small):
    """Four devices with two seeds each do, to rounding, what one does with four seeds twice; no
    device waits for another's numbers."""
    import pickle  # noqa: PLC0415

    run = subprocess.run(
        [sys.executable, "-c", SHARDED.replace("{small}", repr(small))],
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "4", "JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    sharded = pickle.loads(run.stdout)
    halves = ([vars(of) for of in half] for half in records([range(4), range(4, 8)], small))
    for a, *b in zip(*map(jax.tree.leaves, (list(sharded), *halves)), strict=True):
        np.testing.assert_allclose(a, np.concatenate(b), rtol=1e-4, atol=1.01 / 40)


@pytest.mark.slow
def test_a_cpu_has_a_device_per_core_unless_it_was_told_otherwise():
    report = "import jax; {first}from sim.engine import machine; print(len(machine.devices()))"

    def count(first="", **more):
        environment = os.environ | {"JAX_PLATFORMS": "cpu"} | more
        if "JAX_NUM_CPU_DEVICES" not in more:
            del environment["JAX_NUM_CPU_DEVICES"]
        words = [sys.executable, "-c", report.format(first=first)]
        return int(subprocess.check_output(words, cwd=ROOT, env=environment, text=True))

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert count() == cores
    assert count(JAX_NUM_CPU_DEVICES="3") == 3
    assert count(XLA_FLAGS="--xla_force_host_platform_device_count=3") == 3
    assert count("jax.devices(); ") == 1


@pytest.mark.parametrize("error", [RuntimeError("Unknown backend\nmore"), AssertionError()])
def test_a_platform_that_is_not_there_is_one_line(error, monkeypatch):
    def none(*_):
        raise error

    monkeypatch.setattr(jax, "local_devices", none)
    with pytest.raises(InputError, match="must name devices of this machine") as found:
        machine.devices.__wrapped__()
    assert "\n" not in str(found.value)


def begun(points, θ_T, name="student_aux"):
    """What programs of one student at each point take, of seed 0; what it is shown; its state."""
    role = roles(TASK.classes, [(point, FIGURE_10[name]) for point in points])
    common = WHERE.program(points[0]), programs.numbers(points), role, WHERE.data, WHERE.seeds([0])
    return common, *programs.begin_students(*common, θ_T, programs.starts(points[0], WHERE, [0]))


def trained(settings):
    """θ of one student at each setting, of seed 0, before and after distillation; and θ_T."""
    points = [Point(*setting) for setting in settings]
    θ_T, _ = programs.learn_labels(points[0], WHERE, [0])
    common, targets, state = begun(points, θ_T)
    before = jax.tree.map(np.array, state.model.θ)
    state, _ = programs.distill(*common, targets, None, state, (0, 6))
    return jax.tree.map(lambda leaf: np.asarray(leaf)[0], (before, state.model.θ, θ_T))


def test_independent_and_frozen_layers_of_one_program(small):
    setup, hyper = recipe("synthetic", **small)
    words = [("none", "none"), ("hidden_1", "hidden_0+aux_head"), ("hidden+class_head", "none")]
    settings = [(replace(setup, independent=a, frozen=b), hyper) for a, b in words]
    before, after, _ = trained(settings)
    _, other = programs.starts(Point(setup, hyper), WHERE, [0])
    for i, (independent, frozen) in enumerate(words):
        for layer in before:
            start = before[layer]["kernel"]
            apart = layer in chosen(independent, tuple(before))
            expected = other[layer]["kernel"][0] if apart else start[0]
            np.testing.assert_array_equal(start[i], expected)
            moved = (np.asarray(after[layer]["kernel"][i]) != start[i]).any()
            assert moved == (layer != "class_head" and layer not in frozen.split("+"))


def test_students_take_layers_of_a_start_that_are_like_theirs(small):
    """All of them, or those of the same sizes; the others are drawn."""
    setup, hyper = recipe("synthetic", **small)
    other = replace(setup, student_widths=(setup.widths[0], 5))
    θ = programs.initial(Point(setup, hyper), WHERE, [0], Purpose.INIT_NOISE)
    for mine, alike in ((setup, [*θ]), (other, ["hidden_0"])):
        drawn, independent = programs.starts(Point(mine, hyper), WHERE, [0])
        start, same = programs.starts(Point(mine, hyper), WHERE, [0], θ)
        expected = drawn | {layer: θ[layer] for layer in alike}
        jax.tree.map(np.testing.assert_array_equal, start, expected)
        jax.tree.map(np.testing.assert_array_equal, same, independent)


def test_a_partly_independent_start_keeps_the_law(small):
    setup, hyper = recipe("synthetic", **(small | {"widths": (256, 256)}))
    setup = replace(setup, independent="hidden_1")
    points = [Point(setup, replace(hyper, independence=s)) for s in (0.0, 0.6, 1.0)]
    *_, state = begun(points, programs.initial(points[0], WHERE, [0]))
    start = np.asarray(state.model.θ["hidden_1"]["kernel"]).reshape(3, -1) * 16
    assert np.abs(start.var(axis=1) - 1).max() < 4 * (2 / 256**2) ** 0.5
    assert abs(np.corrcoef(start)[0, 1] - 0.8) < 4 / 256
    assert abs(np.corrcoef(start)[0, 2]) < 4 / 256


@pytest.mark.parametrize(
    "student",
    [
        {"student_widths": (24, 16, 16)},
        pytest.param({"student_network": "cnn"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_other_students_have_the_teachers_heads(student, small):
    before, after, θ_T = trained([recipe("synthetic", **small, **student, independent="hidden")])
    # The teacher's auxiliary head gets no gradient: it is still as it started, in another program.
    head = before["aux_head"]["kernel"][0]
    np.testing.assert_allclose(head, θ_T["aux_head"]["kernel"], rtol=1e-6)
    assert (np.asarray(after["hidden_0"]["kernel"]) != before["hidden_0"]["kernel"]).any()
    assert {*before} >= {"hidden_0", "class_head", "aux_head"}


def test_lapack_has_one_thread_where_bits_would_hang_on_how_many():
    with threadpoolctl.threadpool_limits(2, user_api="blas"), machine.one_thread():
        found = threadpoolctl.threadpool_info()
    assert {of["num_threads"] for of in found if of["user_api"] == "blas"} == {1}
