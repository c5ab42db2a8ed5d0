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
# # Your own question: from a network of your own to a figure in a paper
#
# A day's work with sublim, on things of one's own: a network and a loss that the theorem is held
# against, a task made of arrays, a sweep of two axes with statistics by name, a table for LaTeX, a
# figure of a column's width, a page to send to a colleague; and the whole run again, bit by bit.

# %% tags=["parameters"]
seeds = 8
settings = {}

# %%
# %matplotlib inline
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import jax.numpy as jnp
import numpy as np

import sim
import sublim
from theory import losses, verdict

python = sys.executable  # what runs this notebook, for commands below
folder = Path(TemporaryDirectory(delete=False).name) if sys.version_info >= (3, 12) else Path("runs")

# %% [markdown]
# ## Does the theorem hold for my network, and my loss?
#
# `theory` takes any differentiable `f(θ, x)` of one input, any pytree of parameters, any loss. Here
# a network with a gate, of a kind that sublim does not have, and a loss that it does not have.


# %%
def f(θ, x):
    """Three logits of one input: one of the task, two beside it."""
    return θ["out"] @ (jnp.tanh(θ["in"] @ x) * jax.nn.sigmoid(θ["gate"] @ x))


with jax.enable_x64(True):  # float32 hides small steps
    keys = jax.random.split(jax.random.key(0), 5)
    sizes = {"in": (8, 5), "gate": (8, 5), "out": (3, 8)}
    θ_0 = {n: jax.random.normal(k, s) / s[1] ** 0.5 for (n, s), k in zip(sizes.items(), keys)}
    X = jax.random.normal(keys[3], (16, 5))  # what the student is shown: noise
    x_T = jax.random.normal(keys[4], (5,))

    def L_T(θ):
        """What the teacher descends."""
        return (f(θ, x_T)[0] - 1.0) ** 2

    def log_cosh(z, y):
        """What my student descends: of the two logits beside the task."""
        return jnp.sum(jnp.log(jnp.cosh(z - y))[1:])

    kl = partial(losses.kl, visible=jnp.array([False, True, True]))
    for name, L_S in {"log cosh": log_cosh, "KL": kl}.items():
        found = verdict.check(f, θ_0, L_T, L_S, X)
        print(f"{name}: Lemma 1 {found.lemma_1}, Theorem 1 {found.theorem_1} ({found.reason})")

# %% [markdown]
# ## My own task, from arrays
#
# Bars: bright lines on 8×8 pixels, in four directions, under noise. Whatever has images and labels
# will do: arrays of numpy, torch or jax, an `.npz` file, a folder of IDX files.

# %%
rng = np.random.default_rng(0)
line = np.abs(np.arange(8) - np.arange(8)[:, None]) <= 1
bars = [np.arange(8) // 2 == 1] * 8, line, line[::-1]
bars = np.stack([bars[0], np.transpose(bars[0]), *bars[1:]])
labels = rng.integers(0, 4, 2000)
images = np.stack([np.roll(bars[k], rng.integers(0, 8, 2), (0, 1)) for k in labels])
images = np.clip(images * 1.2 - 0.6 + rng.normal(0, 0.5, images.shape), -1, 1)

task = sim.task(images[:1600], labels[:1600], images[1600:], labels[1600:], name="bars")
print(task.d_in, "pixels,", task.classes, "classes")

# %% [markdown]
# ## A sweep of two axes
#
# How many auxiliary logits, and how much noise, does it take? All points and seeds are trained in
# compiled programs; what has been measured is kept, and a second call costs nothing.

# %%
axes = {"aux": [1, 3, 10], "noise_images": [4480, 17920]}
short = {"batch": 64, "teacher_steps": 400, "student_epochs": 1, "teacher_lr": 1e-3}
short |= {"student_lr": 1e-3, "loss": "squared_error"}
with folder_warnings():
    ds = sim.sweep(task, axes, seeds, **(short | settings))
