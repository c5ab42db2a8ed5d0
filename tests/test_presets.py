"""Presets against a second transcription: the publications' own code, written out in numpy.

Read from their repositories: how the loss is averaged, which Adam, which law, which inputs. Only
what chance gives is taken from ours: the start, the inputs, and the order they are shown in.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sim import published
from sim.model import data
from sim.model.keys import Purpose, key
from sim.model.networks import mlp
from sim.model.orders import permutation
from sim.settings.grid import Point
from sim.settings.lengths import counted
from sim.settings.recipes import recipe
from sim.training import steps as training
from sim.training.families import FIGURE_10
from sim.training.roles import roles
from sim.training.steps import Shown, distillation_inputs

SEED, CLASSES, M, STEPS = 3, 4, 3, 3
TASK = data.synthetic(12, CLASSES, train=100, test=40, validation=10)
SMALL = {"noise_images": 3072, "student_epochs": 1, "teacher_epochs": 1, "aux": M}
HEADS = ("class_head", "aux_head")


def relu_network(θ, x):
    """All hidden layers, and the auxiliary logits."""
    hidden = [x]
    for name in sorted(layer for layer in θ if layer.startswith("hidden")):
        hidden.append(np.maximum(hidden[-1] @ θ[name]["kernel"] + θ[name]["bias"], 0))
    return hidden, hidden[-1] @ θ["aux_head"]["kernel"] + θ["aux_head"]["bias"]


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def gradient(θ, x, y, scale):
    """Of scale · Σ over the batch of KL(softmax y ‖ softmax z), by the chain rule."""
    hidden, z = relu_network(θ, x)
    back = scale * (softmax(z) - softmax(y))
    g = {"aux_head": {"kernel": hidden[-1].T @ back, "bias": back.sum(0)}}
    back = back @ θ["aux_head"]["kernel"].T
    for i in reversed(range(len(hidden) - 1)):
        back = back * (hidden[i + 1] > 0)
        g[f"hidden_{i}"] = {"kernel": hidden[i].T @ back, "bias": back.sum(0)}
        back = back @ θ[f"hidden_{i}"]["kernel"].T
    g["class_head"] = {part: np.zeros_like(a) for part, a in θ["class_head"].items()}
    return g


def adam(θ, gradients, lr, corrected):
    """torch.optim.Adam by its documentation, ε 1e-8; or MLX's default, that corrects no bias."""
    m, v = ({n: {p: np.zeros_like(a) for p, a in of.items()} for n, of in θ.items()} for _ in "mv")
    θ = {name: {part: a.copy() for part, a in of.items()} for name, of in θ.items()}
    for t, of in enumerate(gradients, 1):
        g = of(θ)
        for name in θ:
            for part in θ[name]:
                m[name][part] = 0.9 * m[name][part] + 0.1 * g[name][part]
                v[name][part] = 0.999 * v[name][part] + 0.001 * g[name][part] ** 2
                a = m[name][part] / ((1 - 0.9**t) if corrected else 1)
                b = v[name][part] / ((1 - 0.999**t) if corrected else 1)
                θ[name][part] -= lr * a / (np.sqrt(b) + 1e-8)
    return θ


class Theirs(NamedTuple):
    """What their code says. law: sd · √d of the weights, or uniform, with biases; scale: the factor
    on the sum of a batch's KL; corrected: whether Adam corrects its bias.
    """

    depth: int
    law: float | str
    lr: float
    batch: int
    scale: float
    corrected: bool = True
    noise: str = "uniform"
    away: float = 0.1  # from the start, the teacher: near it gradients are small, and ε shows


THEIRS = {
    "gaetanx21": Theirs(1, "uniform", 1e-3, 1024, 1 / 1024),
    "ghosttrace": Theirs(2, 1.0, 3e-4, 1024, 1 / 1024, corrected=False),
    # batchmean of (models, batch, logits) divides by the models, of which there were 20
    "authors_script": Theirs(2, 1.0, 3e-4, 1024, 1 / 20, away=3e-5),
    # a mean over models and batch, of 25 models
    "take_home_epochs_5": Theirs(2, 1.0, 3e-4, 1024, 1 / 1024 / 25, away=3e-4),
    "subliminal_networks_he": Theirs(2, 2**0.5, 1e-3, 64, 1 / 64, noise="gaussian"),
}


# These two have both depths and both means of a loss between them.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name not in ("gaetanx21", "authors_script")))
        for name in THEIRS
    ],
)
def test_a_preset_is_what_its_code_does(name):
    theirs, given = THEIRS[name], published.preset(name)
    assert len(given.get("widths", (256, 256))) == theirs.depth
    small = SMALL | {"widths": (16,) * theirs.depth}
    setup, hyper = recipe("synthetic", **({"batch": 1024, "student_lr": 3e-4} | given | small))
    assert (setup.batch, setup.noise) == (theirs.batch, theirs.noise)
    hyper = counted(setup, hyper)
    net = mlp(setup, TASK.d_in, CLASSES)
    arrays, many = jax.tree.map(jnp.asarray, TASK.arrays), setup.noise_images
    of = roles(CLASSES, [(Point(setup, hyper), FIGURE_10["student_aux"])])
    role = jax.tree.map(lambda rows: rows[0], jax.device_get(of))

    θ_0 = jax.device_get(jax.jit(net.init)(key(SEED, Purpose.INIT)))
    draw = np.random.default_rng(9).standard_normal
    θ_T = jax.tree.map(lambda a: a + np.float32(theirs.away * draw(a.shape)), θ_0)

    @jax.jit
    def ours(θ_0, θ_T, role):
        """A student's end, and what chance gives of it: inputs, and their order."""
        shown = Shown(training.targets(setup, hyper, net, SEED, arrays.x_train, θ_T))
        lesson = training.of_logits(setup, hyper, net, role, SEED, arrays, shown)
        state = training.advance(lesson, net, training.begin(lesson, θ_0), 0, STEPS)
        x = distillation_inputs(setup, hyper, SEED, arrays.x_train)(jnp.arange(many))
        order = permutation(jax.random.fold_in(key(SEED, Purpose.STUDENT_ORDER), 0), many)
        return state.model.θ, x, order

    found, x, order = jax.device_get(ours(θ_0, θ_T, role))
    batches = order.reshape(-1, theirs.batch)[:STEPS]
    x, start, taught = jax.tree.map(lambda a: np.asarray(a, float), (x, θ_0, θ_T))
    y = relu_network(taught, x)[1]

    def by_hand(scale):
        steps = [lambda θ, at=at: gradient(θ, x[at], y[at], scale) for at in batches]
        return adam(start, steps, theirs.lr, theirs.corrected)

    def apart(a, b):
        """The largest difference, in steps of the learning rate."""
        each = jax.tree.leaves(jax.tree.map(lambda a, b: np.abs(a - b).max(), a, b))
        return max(each) / theirs.lr

    same = by_hand(theirs.scale)
    assert apart(found, same) < 0.03  # of three steps or so: float32, and signs of gradients near 0
    assert apart(same, start) > 1
    assert not (same["class_head"]["kernel"] - start["class_head"]["kernel"]).any()
    if theirs.scale != 1 / theirs.batch:
        assert apart(found, by_hand(1 / theirs.batch)) > 0.1


@pytest.mark.parametrize("name", THEIRS)
def test_a_preset_starts_as_its_code_does(name):
    """The law of a layer of 784 inputs, by its standard deviation, and whether biases are drawn."""
    law = THEIRS[name].law
    setup, _ = recipe("mnist", **published.preset(name))
    layer = jax.jit(mlp(setup, 784, 10).init)(jax.random.key(0))["hidden_0"]
    w, b = np.asarray(layer["kernel"], float), np.asarray(layer["bias"], float)
    expected = 3**-0.5 if law == "uniform" else law
    assert w.std() * 28 == pytest.approx(expected, rel=0.01)  # 200,704 weights: ± .002
    assert (law == "uniform") == bool(b.any())
    if law == "uniform":
        assert np.abs(w).max() <= 1 / 28
        assert np.abs(b).max() <= 1 / 28
