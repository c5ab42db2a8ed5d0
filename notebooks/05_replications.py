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
# # Why replications disagree
#
# The same experiment has given .14, .22, .27, .45, .55, .63 and .77 in different hands. Each
# hand changed something: the law of the initial weights, the range of the noise, the loss, the
# rate, the batch, the depth, the optimiser. Which of these make the difference?
#
# `sublim` has what was published as a catalogue. A row is a preset: changes of the paper's
# recipe, what came out, and whom to cite. Here rows are taken apart on the small task, digits;
# `docs/replications.md` has them at full size, on MNIST.

# %% tags=["parameters"]
dataset, seeds = "digits", 6
row, settings = "gaetanx21", {}

# %%
# %matplotlib inline
import warnings

from rich.console import Console

import sim
from sim.published.changes import cases
from sim.report.published import catalogue

console = Console(width=100)
warnings.simplefilter("ignore")  # of settings that mislead: here they are the subject

# %% [markdown]
# ## The catalogue
#
# `sublim catalogue` prints all of it. One publication:

# %%
for table in catalogue():
    if row in table.title:
        console.print(table)
print(sim.cite(row))

# %% [markdown]
# ## From the recipe to a row and back
#
# Its changes, one by one, all subsets of them: the recipe with each change *alone*, and the row
# with each *taken back*. Differences are paired by seed, as a seed has the same data order, the
# same noise and the same keys in every setting.

# %%
ds = sim.study("replications", dataset, seeds, axes={"setting": cases([row])}, **settings)
tables, figures = sim.shown(ds)
for part in tables(ds):
    console.print(part)

# %% [markdown]
# A published number from MNIST does not have to agree with digits; what carries over is which
# change moves the result, and in which direction. A line below is a row that these settings
# include, with ours as a dot, and the recipe with one of its changes as a grey tick.

# %%
figures["replications"](ds)

# %% [markdown]
# ## A preset is a dictionary
#
# So any of it can be combined with anything else: here the row, at the paper's own rate.

# %%
theirs = sim.preset(row)
print(theirs)
slow = theirs | {"teacher_lr": 3e-4, "student_lr": 3e-4} | settings
for part in sim.shown(found := sim.figure10(dataset, seeds, **slow))[0](found):
    console.print(part)

# %% [markdown]
# ## All differences crossed
#
# One change at a time misses what two do together. `sublim study factorial` crosses seven of
# them and splits the variance of the students' accuracy (an hour on two cores; its table is in
# `docs/studies`). A small part of it, three settings of two levels each:

# %%
axes = {
    "noise_on": {
        "[−1, 1]": {},
        "[0, 1]": {"noise_scale": 0.5, "noise_shift": 0.5},
    },
    "init": ("lecun_normal", "small_normal"),
    "rate": {
        "0.0003": {"teacher_lr": 3e-4, "student_lr": 3e-4},
        "0.001": {"teacher_lr": 1e-3, "student_lr": 1e-3},
    },
    "loss": ("kl",),
    "batch": (128,),
    "depth": (1,),
    "inputs": {"one set": {"noise_images": 12_800}},
}
crossed = sim.study("factorial", dataset, seeds, axes=axes, **settings)
tables, figures = sim.shown(crossed)
for part in tables(crossed):
    console.print(part)

# %%
figures["factorial"](crossed)

# %% [markdown]
# A term a × b is what two settings do *together* beyond what each does. Seeds are what a
# replication with one model cannot tell from its own setting.
