# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Many steps: what carries the trait
#
# The theorem of Cloud et al. is about one small step of gradient descent. A student takes
# hundreds, of Adam. What connects the two is an account: how much of the trait's loss L_T each
# step took away, and what of the step did it. It is exact, whatever the optimiser:
#
# $$L_T(\text{end}) - L_T(\theta_0) = \sum_t \Big[
# \underbrace{\nabla L_T\cdot\delta_t}_{\text{drive}} +
# \underbrace{\tfrac12\,\delta_t^\top\nabla^2 L_T\,\delta_t}_{\text{curvature}} +
# \text{rest}_t\Big]$$
#
# with δ_t the update that was really made (eq. (14) of `theory.ledger`). The trait is here the
# task itself, as in the paper: student and teacher start from one untrained network, the student
# sees noise and three auxiliary logits. Its **control** learns alike from a teacher that was
# trained as long on labels drawn at random; **other** starts from another initialisation.

# %% tags=["parameters"]
dataset, seeds = "digits", 4
settings = {}

# %%
# %matplotlib inline
import jax
import jax.numpy as jnp
import optax
from rich.console import Console
from rich.padding import Padding

import sim
from theory import ledger
from theory.trees import add


def show(ds, *titles):
    """Print the tables whose titles begin so, and what is found; give the figures by name."""
    tables, figures = sim.shown(ds)
    for one in tables(ds):
        if isinstance(one, Padding) or one.title.startswith(titles):
            Console(width=100).print(one)
    return figures


# %% [markdown]
# ## The account closes
#
# On a small network in float64, by its own definition: the entries of 300 steps of Adam against
# the change of L_T. `ledger.entry` takes any loss, any θ, and any step.

# %%
with jax.enable_x64(True):
    keys = jax.random.split(jax.random.key(0), 4)
    θ_0 = {
        "W": jax.random.normal(keys[0], (6, 5)) / 5**0.5,
        "V": jax.random.normal(keys[1], (4, 6)),
    }
    X, images = jax.random.normal(keys[2], (12, 5)), jax.random.normal(keys[3], (9, 5))

    def f(θ, X):
        return jnp.tanh(X @ θ["W"].T) @ θ["V"].T

    def L_T(θ):  # of the first two logits
        return jnp.mean((f(θ, images)[:, :2] - 1) ** 2)

    θ_teacher = jax.tree.map(lambda a, g: a - 0.5 * g, θ_0, jax.grad(L_T)(θ_0))

    def L_S(θ):  # of the other two, on other inputs
        return jnp.mean((f(θ, X) - f(θ_teacher, X))[:, 2:] ** 2)

    adam = optax.adam(3e-3)

    @jax.jit
    def step(θ, state):
        g = jax.grad(L_S)(θ)
        δ, state = adam.update(g, state, θ)
        return add(θ, δ), state, ledger.entry(L_T, θ, g, δ)

    θ, state, drive, curvature, rest = θ_0, adam.init(θ_0), 0.0, 0.0, 0.0
    for _ in range(300):
        before = θ
        θ, state, entry = step(θ, state)
        here = sum(jax.tree.leaves(entry.drive))
        drive, curvature = drive + here, curvature + entry.curvature
        rest += L_T(θ) - L_T(before) - here - entry.curvature
    change = L_T(θ) - L_T(θ_0)
    print(f"change of L_T   {change:+.12f}")
    print(f"drive           {drive:+.12f}")
    print(f"curvature       {curvature:+.12f}")
    print(f"rest            {rest:+.12f}")
    print(f"left over       {abs(drive + curvature + rest - change):.1e}")

# %% [markdown]
# ## The ledger of a student
#
# The same account, kept at every step of every seed while students train.

# %%
ds = sim.study("ledger", dataset, seeds, **settings)
figures = show(ds, "Rates", "Ledger")

# %%
figures["ledger"](ds)

# %% [markdown]
# * Nearly all of what the trait's loss loses is **drive**, the first-order term: many small steps
#   of the kind that the theorem is about. Curvature works against it.
# * Only about a tenth of it, or less, is along the gradient of the batch at hand. The rest is what
#   the optimiser carries over from earlier batches (momentum .9 keeps ten of them) and makes of it.
#   So the *cosine of single gradients*, published as weakly positive, sees a small part of what
#   happens.
# * A student from another initialisation takes as many steps, as long, toward the same logits, and
#   its drive is no more than a control's.
#
# ## What measures see
#
# Which of them tell a student that started as its teacher did from one that did not?

# %%
task = {"taught": {"the task": {"trait": "accuracy", "base": "untrained"}}}
ds = sim.study("alignment", dataset, seeds, axes=task, **settings)
figures = show(ds, "Measures")

# %%
figures["courses"](ds)

# %% [markdown]
# ## Interventions
#
# If alignment carries the trait, the trait must go where alignment is taken away, and stay where
# as much is taken away in a random direction. Beside each student stands a control that bore the
# same.

# %%
names = ("positive", "always", "random")
models = ("student", "control", *(f"{n}{kind}" for n in names for kind in ("", "_control")))
ds = sim.study("interventions", dataset, seeds, models=models, **settings)
figures = show(ds, "What interventions leave")

# %%
figures["rows"](ds)

# %% [markdown]
# To take the part out only where it is *positive* does more than to remove it: what is negative
# by chance stays, so that on average updates now lead up the trait's loss, the control's too.
# Taking it out always (whatever its sign) is the fairer cut.
#
# ## What a part of the state is worth
#
# A training is a chain of states (θ, m, v). One pass back through it gives the price of each part
# at each moment in *final* trait loss (eq. (16)), and transplants between student and control
# check it.

# %%
ds = sim.study("surgery", dataset, seeds, **settings)
figures = show(ds, "nothing")

# %%
figures["surgery"](ds)

# %% [markdown]
# The trait is in the parameters. Adam's moments, transplanted alone, change next to nothing here.
#
# ## What this does not show
#
# * *That the theorem explains Adam.* It does not cover two different preconditioners
#   (`theory.preconditioned`, `theory.differing`); the ledger only says that first-order terms add
#   up.
# * *That a measure of one step foretells the end*: `sim.study("prediction")` asks that over
#   settings.
# * *Anything about language models.*
