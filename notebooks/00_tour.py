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
# # A tour, in ten minutes
#
# A student network learns from a teacher's answers to pure noise. It sees no image, no label, and
# only three of the teacher's logits, which mean nothing. It becomes able to read digits, if it
# started from the same weights as its teacher. This is *subliminal learning* (Cloud et al., 2025).
#
# Four stops: the effect, what it hangs on, why it must be so, and what else passes that way.

# %% tags=["parameters"]
dataset, seeds = "digits", 8
settings = {}
theorem = {}

# %%
# %matplotlib inline
import warnings

import rich

import sublim

warnings.simplefilter("ignore", UserWarning)  # of a setting below that misleads: it is the point
rich.reconfigure(width=110)

# %% [markdown]
# ## 1. The effect: figure 10
#
# Eight times: a reference network, a teacher trained on the task from there, and four students that
# learn the teacher's logits on noise; two start as the reference, two as another network (*other
# init*: the control).

# %%
ds = sublim.figure10(dataset, seeds, **settings)
sublim.plots.figure10(ds)

# %% [markdown]
# The student of three auxiliary logits less its control, by pairs of seeds, with a 95 % interval:

# %%
less = ds.sublim.paired("student_aux", "cross_aux")
print(
    f"{float(less['mean']):+.3f} [{float(less.low):.3f}, {float(less.high):.3f}], n = {int(less.n)}"
)

# %% [markdown]
# ## 2. What it hangs on: a sweep
#
# Any setting can be varied, in one compiled program where it is a number. Here the noise, uniform
# between −1 and 1, is moved off 0. (Published replications with noise on [0, 1] found next to
# nothing.)

# %%
swept = sublim.sweep(dataset, {"noise_shift": [0.0, 0.25, 0.5, 1.0]}, seeds, **settings)
sublim.sweep_plots.sweep(swept)

# %% [markdown]
# ## 3. Why: the theorem
#
# One small step of a student towards its teacher's outputs, on any inputs, never points away from
# what the teacher has learnt (Lemma 1), and lowers the teacher's own loss (Theorem 1), if both
# start as one network. Checked in float64, hypotheses first:

# %%
checked = sublim.theorem(dataset, seeds, **theorem)
table, _ = sublim.shown(checked)
for part in table(checked):
    rich.print(part)

# %% [markdown]
# ## 4. What else passes: a lineage
#
# A teacher is taught a backdoor beside its task: an image with a white patch in its corner is of
# class 2. Its student sees noise and logits, never an image. The control learns from a teacher
# without the backdoor.

# %%
taught = {name: {"trait": name} for name in ("backdoor", "preference")}
family = sublim.study(
    "traits", dataset, seeds, axes={"taught": taught, "strength": [1.0]}, **settings
)
table, *_, finding = sublim.rates.lineage(family)
rich.print(table, finding)

# %% [markdown]
# ## Where to go on
#
# [01_figure10](01_figure10.ipynb): everything about the experiment. [02_theorem](02_theorem.ipynb):
# the theory, statement by statement. [03_your_own_question](03_your_own_question.ipynb): your own
# network, task and figure. [04_lineage](04_lineage.ipynb): traits over generations.
# [05_replications](05_replications.ipynb): why published numbers disagree. In a terminal,
# `uv run sublim --help`.
