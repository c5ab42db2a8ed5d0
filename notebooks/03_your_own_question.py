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
import os
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import sublim
from theory import losses, verdict

warnings.simplefilter("ignore", UserWarning)  # of settings that have misled people: read them once
place = TemporaryDirectory()  # use a folder of your own, and what is measured stays
folder = Path(place.name)


def command(*words):
    """Run `sublim …` in the folder, as in a terminal: plain text, what it prints."""
    words = [sys.executable, "-m", "sim", *map(str, words)]
    plain = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    done = subprocess.run(words, cwd=folder, env=plain, capture_output=True, text=True, check=True)
    print(done.stdout)


# %% [markdown]
# ## Does the theorem hold for my network, and my loss?
#
# `theory` takes any differentiable `f(θ, x)` of one input, any pytree of parameters, any loss. Here
# a network with a gate, of a kind that sublim does not have, and a loss that it does not have.


# %%
def f(θ, x):
    """Three logits of one input: one of the task, two beside it."""
    return θ["out"] @ (jnp.tanh(θ["in"] @ x) * jax.nn.sigmoid(θ["gate"] @ x))


jax.config.update("jax_enable_x64", True)  # float32 hides small steps
keys = jax.random.split(jax.random.key(0), 5)
θ_0 = {
    "in": jax.random.normal(keys[0], (8, 5)) / 5**0.5,
    "gate": jax.random.normal(keys[1], (8, 5)) / 5**0.5,
    "out": jax.random.normal(keys[2], (3, 8)) / 8**0.5,
}
X = jax.random.normal(keys[3], (16, 5))  # what the student is shown: noise
image = jax.random.normal(keys[4], (5,))


def L_T(θ):
    """What the teacher descends."""
    return (f(θ, image)[0] - 1.0) ** 2


def log_cosh(z, y):
    """What my student descends: of the two logits beside the task."""
    return jnp.sum(jnp.log(jnp.cosh(z - y))[1:])


kl = partial(losses.kl, visible=jnp.array([False, True, True]))
for name, L_S in {"log cosh": log_cosh, "KL": kl}.items():
    found = verdict.check(f, θ_0, L_T, L_S, X)
    print(f"{name}: Lemma 1 {found.lemma_1}, Theorem 1 {found.theorem_1} ({found.reason})")
jax.config.update("jax_enable_x64", False)  # networks are trained in float32

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

np.savez(
    folder / "bars.npz",
    x=images[:1600],
    y=labels[:1600],
    x_test=images[1600:],
    y_test=labels[1600:],
)
task = sublim.task(images[:1600], labels[:1600], images[1600:], labels[1600:], name="bars")
print(f"{task.d_in} pixels, {task.classes} classes")
_, panels = plt.subplots(1, 4, figsize=(5, 1.4))
for k, panel in enumerate(panels):
    panel.imshow(images[labels == k][0], cmap="gray", vmin=-1, vmax=1)
    panel.set_title(f"class {k}", fontsize=9)
    panel.axis("off")

# %% [markdown]
# ## A sweep of two axes
#
# How many auxiliary logits, and how much noise, does it take? Points and seeds are trained in
# compiled programs; what has been measured is kept, so that the same call again costs nothing, and
# one with more seeds the new ones alone.

# %%
axes = {"aux": [1, 3, 10], "noise_images": [4480, 17920]}
recipe = {"loss": "squared_error", "batch": 64, "teacher_steps": 300, "student_epochs": 2}
recipe |= {"teacher_lr": 1e-3, "student_lr": 1e-3}
ds = sublim.sweep(task, axes, seeds, out=folder, **(recipe | settings))
ds

# %% [markdown]
# ## Statistics by name
#
# Over seeds, every other dimension kept. `paired` takes the student of another initialisation from
# the student, seed by seed: what does not hang on the shared start is in both.

# %%
less = ds.sublim.paired("student_aux", "cross_aux")
less[["mean", "low", "high", "n"]].to_dataframe().round(3)

# %%
print(ds.sublim.table("latex", models=["teacher", "student_aux", "cross_aux"]))

# %% [markdown]
# ## A figure for a column
#
# 3.25 inches wide, letters of 8 points, no caption: that is the paper's. `savefig` to PDF embeds
# TrueType. The same in a terminal: `uv run sublim plot RUN --width column --no-caption`.

# %%
figure = sublim.sweep_plots.sweep(ds, width="column", caption=False)
figure.savefig(folder / "bars.pdf")
figure

# %% [markdown]
# ## The same from a terminal, and again
#
# A run that a command made knows it: `again` runs it from nothing and says whether all bits are the
# same; `combine` puts seeds or points together; `compare` holds two runs against each other.

# %%
words = [f"--{name.replace('_', '-')}={value}" for name, value in (recipe | settings).items()]
common = ["--dataset", "bars.npz", "--axis", "aux=3,10", "--no-traps", *words]
command("sweep", *common, "--seeds", seeds)

# %%
(run,) = (folder / "runs").glob("sweep-*")
command("again", run.relative_to(folder))

# %% [markdown]
# Fresh seeds, which nobody has looked at when the settings were chosen:

# %%
command("sweep", *common, "--seeds", f"100:{100 + seeds}")
(fresh,) = {*(folder / "runs").glob("sweep-*")} - {run}
command("combine", run.relative_to(folder), fresh.relative_to(folder), "--out", "both")

# %%
command("sweep", *common, "--seeds", seeds, "--student-lr", "3e-3")
(faster,) = {*(folder / "runs").glob("sweep-*")} - {run, fresh}
command("compare", run.relative_to(folder), faster.relative_to(folder))

# %% [markdown]
# ## A page for a colleague
#
# One file that opens anywhere, with no network: question, charts to choose from, tables, settings,
# how to repeat it, whom to cite.

# %%
page = sublim.page([run, fresh], folder / "report.html")
print(page.name, f"{page.stat().st_size / 2**20:.1f} MiB")

# %%
print(sublim.cite("cloud_2025"))
