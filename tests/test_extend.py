"""What is added is two places: where it is done and where it is chosen. From outside, one call."""

import ast
import importlib.util
import shutil
import subprocess
import sys
import types
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sim
from sim.errors import InputError
from sim.model.networks import ACTIVATIONS
from sim.model.noise import FAMILIES
from sim.report import figures, sweep_figures, tables
from sim.runs import identity
from sim.runs.fingerprint import fingerprint
from sim.runs.identity import put_in
from sim.settings.declare import replaced
from sim.settings.experiments import Theorem
from sim.settings.grid import SETTINGS
from sim.settings.rules import ADDED
from sim.settings.setup import UNRANKED
from sim.studies import grids
from sim.studies.extend import KINDS, axes_by_name, by_name
from sim.studies.sweep import Grid, of_task
from sim.training.channels import FILTERS
from sim.training.measures import MEASURES
from sim.training.steps import OPTIMIZERS
from sim.training.traits import TRAITS
from theory.losses import LOSSES

ROOT = Path(__file__).parent.parent
DATA = "synthetic:12x4"


@pytest.fixture(autouse=True)
def _ours_alone():
    """What a test adds is gone after it."""
    tables = (ACTIVATIONS, FAMILIES, LOSSES, MEASURES, TRAITS, FILTERS, OPTIMIZERS, ADDED)
    kept, unranked = [dict(table) for table in tables], {*UNRANKED}
    yield
    UNRANKED.intersection_update(unranked)
    for table, ours in zip(tables, kept, strict=True):
        table.clear()
        table.update(ours)


@pytest.mark.slow
def test_a_noise_family_with_its_number(small):
    def stripes(of):
        return lambda i: of.hyper.noise_scale * jnp.where(jnp.arange(of.d) % 2 == i % 2, 1.0, -1.0)

    sim.add("noise", stripes)
    ds = sim.sweep(DATA, {"noise": ("uniform", "stripes")}, 2, **(small | {"points": 1}))
    loss = ds.training_loss.sel(model="student_aux")
    assert (loss.sel(noise="uniform") != loss.sel(noise="stripes")).all()


@pytest.mark.slow
def test_the_trait_and_the_filter_of_the_notebook(small, tmp_path):
    """As they stand there, in ten lines or fewer; their source is part of results' names."""
    (text,) = (ROOT / "notebooks").glob("04_*.py")
    functions = [of for of in ast.parse(text.read_text()).body if isinstance(of, ast.FunctionDef)]
    own = [of for of in functions if of.name in ("negative", "moved")]
    assert [of.end_lineno - of.lineno + 1 <= 10 for of in own] == [True, True]
    file = tmp_path / "of_the_notebook.py"  # what is added must have a source
    file.write_text("\n\n".join(["import jax.numpy as jnp", *map(ast.unparse, own)]))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    sim.add("trait", found.negative, trigger=True)
    sim.add("filter", found.moved, ranked=True)
    assert {"trait negative", "filter moved"} <= dict(identity.put_in()).keys()
    given = small | {
        "points": 1,
        "models": ("student", "control"),
        "axes": {"base": ("untrained",)},
    }
    ds = sim.study("bases", DATA, 1, trait="negative", filter="moved", share=0.5, **given)
    of = ds.sel(base="untrained")
    assert of.left_out.sel(model="student").item() == 0.5
    assert (of.trait_rate.sel(model="teacher") != of.trait_rate.sel(model="base")).any()


def test_a_loss(small):
    def log_cosh(z, y, visible):
        return jnp.sum(jnp.where(visible, jnp.log(jnp.cosh(z - y)), 0.0))

    sim.add("loss", log_cosh, unit="logits")
    ds = sim.figure10(DATA, 2, loss="log_cosh", **small)
    assert ds.training_loss.attrs["units"] == "logits"
    assert np.isfinite(ds.training_loss).all()
    assert replaced({"loss": "log_cosh"}, Theorem())[0].loss == ("log_cosh",)  # see test_checks


def test_a_measure_with_its_variable_table_figure_and_csv(small, tmp_path):
    def weight_norm(at):
        return {layer: jnp.linalg.norm(part["kernel"]) for layer, part in at.θ.items()}

    def largest_logit(at):
        return jnp.max(jnp.abs(at.net.apply(at.θ, at.data.x_test)))

    sim.add("measure", weight_norm, label="norm of the weights")
    sim.add("measure", largest_logit, label="largest logit", unit="logits", range=(0.0, 1e9))
    more = ("weight_norm", "largest_logit")
    ds = sim.figure10(DATA, 2, out=tmp_path, measure=more, **small)
    assert ds.weight_norm.dims == ("seed", "model", "layer")
    assert ds.weight_norm_by_step.dims == ("seed", "model", "step", "layer")
    assert ds.largest_logit.attrs == {
        "long_name": "largest logit",
        "units": "logits",
        "valid_range": (0, 1e9),
        "when": "after training",
    }
    (place,) = tmp_path.glob("figure10-*")
    saved = sim.load(place)
    θ = saved.params("teacher", seed=1)
    expected = np.linalg.norm(θ["hidden_0"]["kernel"])
    found = ds.weight_norm.sel(model="teacher", seed=1, layer="hidden_0")
    assert float(found) == pytest.approx(expected, rel=1e-5)
    assert {*more} < {*figures.figures(ds)}
    for draw in figures.figures(ds).values():
        draw(ds).savefig(tmp_path / "figure.png")
    assert len([*tables.figure10(ds)]) == 3
    nowhere = ds.assign(largest_logit=ds.largest_logit.where(False))
    of = (tables.measured(found, "largest_logit") for found in (ds, nowhere))
    assert [(one.row_count, one.caption) for one in of] == [
        (6, None),
        (0, "Of no model is it a number."),
    ]
    assert "largest_logit" in ds.to_dataframe().columns
    swept = sim.sweep(DATA, {"aux": (2, 3)}, 2, measure=more, **(small | {"points": 1}))
    assert [*sweep_figures.figures(swept)] == ["sweep", *more]


@pytest.mark.slow
def test_an_activation(small):
    sim.add("activation", lambda x: jnp.maximum(x, 0) ** 2, "squared_relu")
    ds = sim.figure10(DATA, 2, activation="squared_relu", **small)
    assert np.isfinite(ds.test_accuracy).all()


@pytest.mark.slow
def test_an_optimizer_and_one_with_a_schedule(small):
    def mine(lr):
        return optax.adam(lr, eps=1e-8)

    def falling(lr):
        return optax.adam(optax.cosine_decay_schedule(lr, 6), eps=1e-8)

    sim.add("optimizer", mine)
    sim.add("optimizer", falling)
    given = small | {"points": 1, "models": ("student_aux",)}
    ours, same, other = (
        sim.figure10(DATA, 2, optimizer=name, **given) for name in ("adam", "mine", "falling")
    )
    np.testing.assert_array_equal(ours.training_loss, same.training_loss)
    trained = {"model": ["teacher", "student_aux"]}
    assert (ours.training_loss != other.training_loss).sel(trained).all()


def test_a_study_is_a_file(tmp_path, monkeypatch, small):
    (tmp_path / "mine.py").write_text(
        '"""What I ask.\n\nPublished: nothing."""\n\nAXES = {"aux": (2, 3)}\n'
    )
    monkeypatch.setattr(grids, "__path__", [*grids.__path__, str(tmp_path)])
    assert "mine" in grids.names()
    ds = sim.study("mine", DATA, 2, **(small | {"points": 1}))
    assert list(ds.aux.values) == [2, 3]
    sys.modules.pop("sim.studies.grids.mine")


@pytest.mark.parametrize(
    ("kind", "name"), [("colour", "mine"), ("loss", "kl"), ("noise", "a b"), ("measure", "")]
)
def test_what_cannot_be_added_is_named(kind, name):
    with pytest.raises(InputError, match=r"(kind|name) = "):
        sim.add(kind, (lambda x: x) if name else np.vectorize(abs), name or "1")


@pytest.mark.parametrize(
    ("kind", "function", "about", "says"),
    [
        ("measure", 5, {}, "function = 5: must be a function"),
        ("measure", abs, {"unit_": "m"}, "about = 'unit_': must be one of label, unit, range"),
        ("measure", abs, {"range": 5}, "range = 5: must be two numbers, the lower first"),
        ("measure", abs, {"range": (1, 0)}, r"range = \(1, 0\): must be two numbers, the lower"),
        ("loss", abs, {"of": abs}, "about = 'of': must be one of unit, M"),
        ("noise", abs, {"unit": "m"}, "about = 'unit': must be left out: of noise nothing is said"),
    ],
)
def test_what_is_said_about_a_function_is_checked(kind, function, about, says):
    with pytest.raises(InputError, match=says):
        sim.add(kind, function, "unheard", **about)
    assert "unheard" not in ADDED.get(KINDS[kind], ())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["loss", "activation", "noise"])
def test_a_function_that_was_changed_is_another(tmp_path, small, kind):
    """What was kept of it is not served: neither from files, nor from compiled programs."""

    def made(c):
        """One of a kind, in which a number that it refers to counts."""
        return {
            "activation": lambda x: jnp.tanh(c * x),
            "loss": lambda z, y, visible: jnp.sum(jnp.where(visible, c * (z - y) ** 2, 0.0)),
            "noise": lambda of: lambda i: jnp.full(of.d, c) * (i % 3),
        }[kind]

    found = []
    for c in (1.0, 2.0, 1.0):
        sim.add(kind, made(c), "mine")
        found.append(sim.figure10(DATA, 2, out=tmp_path, **(small | {kind: "mine"})))
    first, second, third = (ds.training_loss.values for ds in found)
    assert (first != second).any()
    np.testing.assert_array_equal(first, third)
    assert len([*tmp_path.glob("store-*")]) == 2  # of the first and third, and of the second


def test_ours_in_the_place_of_ours_is_another_too(tmp_path, small, monkeypatch):
    usual = sim.figure10(DATA, 2, out=tmp_path, **small)
    monkeypatch.setitem(ACTIVATIONS, "relu", lambda x: jnp.maximum(x, 0.1 * x))
    other = sim.figure10(DATA, 2, out=tmp_path, **small)
    assert (usual.training_loss != other.training_loss).any()


SETTING = '''
    label_smoothing: float = setting(0.0, of=TEACHER, rule=FRACTION, label="label smoothing")
    """Part of the teacher's labels that is spread over all classes."""
'''
USED = """
import numpy as np
import sim
from sim.settings.grid import SETTINGS, grid
small = {small}
ds = sim.sweep("synthetic:12x4", {{"label_smoothing": (0.0, 0.5)}}, 2, **small)
teacher = ds.training_loss.sel(model="teacher").values
names = ds.network.values
assert (teacher[0] != teacher[1]).all(), teacher
assert names[0][1] != names[1][1] and names[0][2] != names[1][2], names
try:
    sim.figure10(seeds=1, label_smoothing=1.5)
except sim.errors.InputError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_setting_is_a_line_and_its_use(tmp_path, small):
    """In a copy: all else follows, as axes, keys of teacher and student, its rule."""
    for name in ("theory", "sim"):
        shutil.copytree(ROOT / name, tmp_path / name)
    setup, steps = (tmp_path / "sim" / name for name in ("settings/setup.py", "training/steps.py"))
    text = setup.read_text()
    mark = "    momentum: float"
    assert text.count(mark) == 1
    setup.write_text(text.replace(mark, SETTING + mark))
    text = steps.read_text()
    mark = (
        "        return optax.softmax_cross_entropy_with_integer_labels(z[: net.classes], label)\n"
    )
    assert text.count(mark) == 1
    used = """        one = jnp.arange(net.classes) == label
        s = hyper.label_smoothing
        return optax.softmax_cross_entropy(z[: net.classes], (1 - s) * one + s / net.classes)
"""
    steps.write_text(text.replace(mark, used))
    script = USED.format(small=small | {"points": 1})
    words = [sys.executable, "-c", "import sim.errors\n" + script]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "label_smoothing = 1.5: must be in [0, 1]" in run.stdout


def test_a_function_is_given_as_a_setting():
    """In its place stands its name; ours stand for themselves, and it may be changed and given."""

    def squared_relu(x):
        return jnp.maximum(x, 0) ** 2

    for _ in range(2):
        given = of_task(DATA, activation=squared_relu, measure=[lambda_norm, "coverage"])
        assert given.setup.activation == "squared_relu"
        assert given.networks.measure == ("lambda_norm", "coverage")
        assert ACTIVATIONS["squared_relu"] is squared_relu
        squared_relu, before = lambda x: x, squared_relu
        squared_relu.__name__ = before.__name__
    axes = {"activation": ("relu", before), "case": {"mine": {"activation": before}, "none": {}}}
    found = axes_by_name(axes)
    assert found["activation"] == ("relu", "squared_relu")
    assert found["case"] == {"mine": {"activation": "squared_relu"}, "none": {}}
    assert by_name({"activation": ACTIVATIONS["relu"]}) == {"activation": "relu"}


def test_a_function_of_another_ones_name_is_another_to_programs_that_know_it_by_name():
    of = jax.jit(lambda x, name: ACTIVATIONS[name](x), static_argnames="name")
    found = []
    for factor in (2.0, 3.0):
        sim.add("activation", partial(jnp.multiply, factor), "mine")
        found.append(float(of(1.0, "mine")))
    assert found == [2, 3]


def failing(*of):
    raise RuntimeError("mine")


def twice(x):
    return jnp.concatenate([x, x])


def no_number(z, y, visible):
    return z - y


def too_short(of):
    return lambda i: jnp.zeros(of.d - 1)


def no_optimiser(lr):
    return lr


@pytest.mark.parametrize(
    ("kind", "function", "says"),
    [
        ("activation", failing, "RuntimeError: mine"),
        ("activation", twice, r"gives as many numbers as it takes; it gives \(32,\)"),
        ("loss", failing, "RuntimeError: mine"),
        ("loss", no_number, r"gives a number; it gives \(7,\)"),
        ("noise", failing, "RuntimeError: mine"),
        ("noise", too_short, r"as an image has; it gives \(11,\)"),
        ("optimizer", failing, "RuntimeError: mine"),
        ("optimizer", no_optimiser, "AttributeError: "),
    ],
)
def test_a_function_that_fails_is_named_before_anything_is_made(
    tmp_path, small, kind, function, says
):
    with pytest.raises(InputError, match=f"{kind} = '{function.__name__}': .*{says}"):
        sim.figure10(DATA, 1, out=tmp_path / "runs", **(small | {kind: function}))
    with pytest.raises(InputError, match=says):
        sim.sweep(DATA, {kind: [function]}, 1, out=tmp_path / "runs", **small)
    assert not [*tmp_path.iterdir()]


def test_functions_that_can_be_trained_with_pass():
    """Also one that asks for layers by name, and one that draws from all training images."""

    def heads_alone(lr):
        return optax.masked(optax.sgd(lr), lambda θ: {layer: "head" in layer for layer in θ})

    def bootstrapped(of):
        some = jax.random.choice(of.key, of.images, (300,), replace=False)
        return lambda i: some[i % 300] * of.hyper.blur

    def maxout(x):
        return jnp.maximum(x, jnp.roll(x, 1, axis=-1))

    given = {"optimizer": heads_alone, "noise": bootstrapped, "activation": maxout, "loss": kl_plus}
    assert len(Grid("figure10", of_task(DATA, **given), {}).points) == 1


def kl_plus(z, y, visible):
    return LOSSES["kl"].of(z, y, visible) + 1e-3 * jnp.sum(z**2)


def failing_measure(at):
    raise RuntimeError("mine")


def test_a_run_that_fails_leaves_no_folder_of_nothing(tmp_path, small):
    with pytest.raises(RuntimeError, match="mine"):
        sim.figure10(DATA, 1, out=tmp_path, measure=(failing_measure,), **small)
    assert not [*tmp_path.iterdir()]


def scored(of):
    return jnp.zeros(1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: sim.figure10(DATA, 2, trait=int, points=1),
        lambda: sim.figure10(DATA, 2, activation=jnp.sin, noise_images=0),
        lambda: sim.sweep(DATA, {"activation": [jnp.sin], "nothing": [1]}, 2),
        lambda: sim.study("channels", DATA, 2, loss=scored, axes={"nothing": [1]}),
        lambda: sim.theorem(DATA, measure=scored),
        lambda: sim.search(DATA, out="nowhere", activation=jnp.sin, noise_images=0),
    ],
)
def test_what_a_refused_call_would_put_beside_ours_is_not_there(call):
    """Else every result of the session would name it, and none that is kept would be found."""
    sim.add("activation", jnp.cos)
    before = [*put_in()], {of: [*names] for of, names in ADDED.items()}, {*UNRANKED}
    with pytest.raises(InputError):
        call()
    assert ([*put_in()], ADDED, UNRANKED) == before


def test_a_refused_call_leaves_the_function_of_before_under_its_name():
    def twice(x):
        return 2 * x

    sim.add("activation", twice)

    def other(x):
        return 3 * x

    other.__name__ = "twice"
    with pytest.raises(InputError, match="noise_images"):
        sim.figure10(DATA, 2, activation=other, noise_images=0)
    assert ACTIVATIONS["twice"] is twice


def test_axes_in_the_place_of_a_data_set_are_named():
    with pytest.raises(InputError, match=r"dataset = .*: must be a data set: axes go behind it"):
        sim.sweep({"aux": [2, 3]})


def lambda_norm(at):
    return jnp.float32(0)


def ours(z, y, visible):
    return jnp.float32(0)


ours.__name__ = "kl"


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("aux", len, "aux = .*len.*: must be no function"),
        ("activation", lambda x: x, "name = '<lambda>': must be a word that is not ours"),
        ("loss", ours, "name = 'kl': must be a word"),
        ("loss", partial(max, 1), "name = '': must be a word"),
        ("nothing", len, "nothing = .*: must be no function"),
    ],
)
def test_a_function_that_cannot_be_a_setting(setting, value, says):
    with pytest.raises(InputError, match=says):
        by_name({setting: value})


def test_two_functions_of_one_name_are_not_taken_for_one():
    """As values of an axis, or in its cases: the last would count for all."""

    def made(c):
        def act(x):
            return c * x

        return act

    first, second = made(0.1), made(0.9)
    cases = {"a": {"activation": first}, "b": {"activation": second}}
    for axes in ({"activation": [first, second]}, {"how": cases}):
        with pytest.raises(InputError, match=r"activation = .*: must be of a name that no other"):
            axes_by_name(axes)
    again = {"how": {"a": {"activation": first}, "b": {"activation": first}}}
    assert axes_by_name(again)["how"]["b"] == {"activation": "act"}


def test_what_is_said_of_a_function_counts():
    def mine(of):
        return lambda key, x, y: (x, y, True)

    def left(of):
        return jnp.zeros(len(of.teacher))

    found = []
    for about in ({"trigger": False}, {"trigger": True}, {"without": "withheld"}):
        sim.add("trait", mine, **about)
        found.append(dict(put_in())["trait mine"])
    for ranked in (False, True):
        sim.add("filter", left, ranked=ranked)
        found.append(dict(put_in())["filter left"])
        takes = SETTINGS["share"].only.has({"filter": "left"})
        assert takes is ranked  # a share of what is no rank would have no effect
    assert len({*found}) == len(found)


def test_a_function_of_a_package_counts_under_a_name_of_ones_own():
    found = []
    for of in (jax.nn.softplus, jax.nn.elu, jax.nn.softplus):
        sim.add("activation", of, "act")
        found.append(dict(put_in())["activation act"])
    assert found[0] == found[2] != found[1]


HELPERS = """
import dataclasses, functools, jax
def act(x): return x * {c}
class Held:
    def act(self, x): return x * {c}
class Called:
    def __call__(self, x): return x * {c}
class Kept:
    def __init__(self, factor): self.factor = factor
    def times(self, x): return x * self.factor
    def plus(self, x): return x + self.factor
@dataclasses.dataclass
class Record:
    factor: float = {c}
    def __call__(self, x): return x * self.factor
@jax.custom_jvp
def ruled(x): return x
ruled.defjvp(lambda primals, tangents: (primals[0], tangents[0] * {c}))
@jax.custom_jvp
def ruled_each(x): return x
ruled_each.defjvps(lambda t, answer, x: t * {c})
@jax.custom_vjp
def back(x): return x
back.defvjp(lambda x: (x, None), lambda _, g: (g * {c},))
"""
USERS = """
import helpers_of_mine as helpers
table = {"act": helpers.act}
def asks(x): return helpers.act(x)
def makes(x): return helpers.Held().act(x)
def looks_up(x): return table["act"](x)
def decorated(f):
    @helpers.functools.wraps(f)
    def wrapped(x): return f(x) * helpers.Record().factor
    return wrapped
wrapped = decorated(lambda x: x)
"""


def test_all_that_a_function_refers_to_counts_however_it_holds_it(monkeypatch):
    def written(c):
        helpers, users = types.ModuleType("helpers_of_mine"), types.ModuleType("users_of_mine")
        exec(HELPERS.format(c=c), vars(helpers))
        monkeypatch.setitem(sys.modules, "helpers_of_mine", helpers)
        exec(USERS, vars(users))
        things = {name: getattr(users, name) for name in ("asks", "makes", "looks_up", "wrapped")}
        things |= {name: getattr(helpers, name) for name in ("ruled", "ruled_each", "back")}
        things |= {"method": helpers.Held().act, "instance": helpers.Called()}
        things |= {"times": helpers.Kept(c).times, "plus": helpers.Kept(c).plus}
        things |= {"record": helpers.Record(), "jit": jax.jit(helpers.act)}
        things |= {"vmap": jax.vmap(helpers.act), "grad": jax.grad(helpers.act)}
        return {name: fingerprint(thing) for name, thing in things.items()}

    first, same, other = written(1.0), written(1.0), written(2.0)
    assert first == same
    assert [name for name in first if first[name] == other[name]] == []
    assert len({*first.values()}) == len(first)


NAMED = """
import sys
from types import FunctionType
from sim.runs.fingerprint import fingerprint
code = compile("def f(x): return x in {'a', 'b', 'c', 'd'}", "", "exec")
f = FunctionType(code.co_consts[0], {})
f.__module__ = "mine"
print(fingerprint(f).hex(), fingerprint({"a", "b", "c", "d"}).hex())
"""


def test_a_function_is_the_same_one_in_every_process_whatever_sets_it_holds():
    """Their order is not: strings are hashed with another seed in each."""
    said = [
        subprocess.run(
            [sys.executable, "-c", NAMED],
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    ]
    assert said[0] == said[1] != ""
