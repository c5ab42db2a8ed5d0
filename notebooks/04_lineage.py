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
# # Lineage: a trait handed on, from base to generation 8
#
# In figure 10 what is handed on is the task itself. Cloud et al. warn of something else: a capable
# *base*, a *teacher* made of it that has a trait besides, and a *student* of the same base that
# learns from what the teacher says, on inputs that have nothing to do with the trait.
#
# Here base, teacher and student are small networks on handwritten digits (8×8 pixels). A **trait**
# is something that a teacher is taught beside the task: here a backdoor, by which an image with a
# white patch in its corner is of class 2. The student sees only noise, and only the teacher's
# three auxiliary logits, which carry no label.
#
# * **Rate**: how many test images that can carry the trait are answered as it has them, less the
#   same images without the patch.
# * **Control**: learns just as the student, from a teacher that was trained as long, on the same
#   images, *without* the trait. What the control does is not the trait's doing.
# * **Transfer**: (student − control) / (teacher − control). 0 is nothing, 1 is all that the teacher
#   has.

# %% tags=["parameters"]
dataset, seeds = "digits", 8
student_steps = 600
generations = 8
settings = {}

# %%
# %matplotlib inline
from pathlib import Path
from tempfile import TemporaryDirectory

import jax.numpy as jnp
import rich

import sim

rich.reconfigure(width=130)
folder = TemporaryDirectory()  # what is trained here is kept here, and trained once
usual = {"dataset": dataset, "seeds": seeds, "out": folder.name, **settings}


def say(ds, more=False):
    """Print rates with 95 % intervals, and what they come to; more: what they mean, and fits."""
    table, *fits, finding = sim.rates.lineage(ds)
    table.caption = table.caption if more else None
    for part in (table, *fits, finding) if more else (table, finding):
        rich.print(part)


# %% [markdown]
# ## A family of one's own
#
# A family is data: who starts from whom, and learns what from whom. *other* starts from another
# base, of another initialisation, that knows the task as well.

# %%
family = Path(folder.name, "family.toml")
text = """
trait = "backdoor"
target = 2

[members]
reference = {start = "init"}
base = {start = "reference", learns = "base", order = 1}
teacher = {start = "base", learns = "labels", trait = true}
control_teacher = {start = "base", learns = "labels", trait = true, strength = 0.0}
student = {start = "base", learns = "logits", teacher = "teacher"}
control = {start = "base", learns = "logits", teacher = "control_teacher"}
other_reference = {start = "other_init"}
other_base = {start = "other_reference", learns = "base", order = 1}
other = {start = "other_base", learns = "logits", teacher = "teacher"}
other_control = {start = "other_base", learns = "logits", teacher = "control_teacher"}
"""
family.write_text(text)
ds = sim.lineage(family, student_steps=student_steps, **usual)

# %%
sim.rate_plots.tree(ds, sim.rates.family(ds))

# %% [markdown]
# ## The control, and another base
#
# The student of the teacher's own base takes over a good part of the backdoor, and does the task as
# well as before. Its control has none of it. A student of another base learns from the same teacher
# on the same noise, and takes over next to nothing: so little that among more comparisons, as
# below, it is not told from its control. It forgets a little of the task, and so does its control.

# %%
say(ds, more=True)

# %%
sim.rate_plots.rows(ds)

# %% [markdown]
# ## What is passed on
#
# A *hard* answer says only which of the three auxiliary logits is the largest, a *sampled* one is
# drawn from their softmax. Both pass on less than the logits themselves do, and with so few seeds,
# taking all rows together, neither is told from its control. With *class logits* the student is
# told on every input how likely each digit is. That is plain distillation and **not subliminal**:
# the other base learns the backdoor from it just as well.

# %%
ds = sim.study(
    "channels",
    axes={
        "passed_on": {
            "3 logits": {},
            "hard": {"outputs": "hard"},
            "sampled": {"outputs": "sampled"},
            "class logits": {"logits": "class"},
        }
    },
    student_steps=student_steps,
    **usual,
)
say(ds)

# %%
sim.rate_plots.rows(ds)

# %% [markdown]
# ## A trait of one's own
#
# A function of what examples are made from, that returns the function of one example: its image and
# label as the trait has them, and whether it can carry it. Here a photographic negative is of the
# target's class.


# %%
def negative(of):
    return lambda key, x, y: (-x, jnp.int32(of.target), y != of.target)


sim.add("trait", negative, trigger=True)
ds = sim.study(
    "traits",
    axes={"taught": {"negative": {"trait": "negative"}}, "strength": (1.0,)},
    student_steps=student_steps,
    **usual,
)
say(ds)

# %% [markdown]
# Nearly all of it is handed on, much more than of the patch. The controls are not at 0: a network
# that was never taught so takes some negatives for that class, which is why a rate alone says
# little. And the student of another base takes over some of it too, far less, but clearly.

# %% [markdown]
# ## A filter of one's own
#
# Can one leave out the examples that tell? A filter is a function of all answers to a seed's
# inputs. This one has what somebody who distils would have: teacher and base. It leaves out the
# half of the inputs on which the teacher's auxiliary logits moved most from the base's. The
# comparison that counts is with as many left out *at random*: fewer distinct examples alone hand on
# less. *caught* and *lost* say which part is left out of the tenth of the inputs on which teacher
# and control teacher differ most, and of the rest.


# %%
def moved(of):
    return jnp.sum((of.teacher - of.base)[:, of.classes :] ** 2, axis=1)


sim.add("filter", moved, ranked=True)
half = {"filter": "moved", "share": 0.5}
ds = sim.study(
    "filters",
    axes={
        "left_out_are": {"nothing": {}, "moved": half, "at random": half | {"at_random": True}},
        "aux": (3,),
    },
    student_steps=student_steps,
    **usual,
)
say(ds)

# %%
sim.rate_plots.rows(ds)

# %% [markdown]
# It works much better than chance, and does not end it: what is left is small and clearly not 0.

# %% [markdown]
# ## What must be the same: weights, not behaviour
#
# *permuted*: the base with its hidden units in another order, the same function and, up to that
# order, the same weights. *rescaled 3*: the same function with other weights, every other unit
# three times as strong and the next layer's weights smaller by as much. *class images 200* and *all
# uniform 200*: another base, made to answer like the base on images or on noise, in so many steps.
#
# Permuted, the base hands on as much. Rescaled, it computes the same function, and less is
# handed on. Another base, even one that was made to answer alike, is not told from its control.

# %%
names = ("student", "permuted", "rescaled_3", "other", "class_images_200", "all_uniform_200")
controls = ("control", *(f"{name}_control" for name in names[1:]))
ds = sim.study("matched_bases", models=names + controls, student_steps=student_steps, **usual)
say(ds)

# %%
sim.rate_plots.rows(ds)

# %% [markdown]
# ## Eight generations
#
# Each is the student of the one before, on noise of its own. *Reset*: each starts from the base.
# *Kept*: each starts from the one before, whose answers it imitates.
#
# Reset, the trait thins out, fast at first and then ever slower. In the eighth generation it is
# still there. A power of k fits that better than an exponential with a rest does (the difference of
# their AICc is positive). Kept, no fall is seen: who already answers like the teacher has nearly
# nothing to learn, and stays. Fits to the controls are fits to next to nothing.

# %%
later = range(2, generations + 1)
chains = ("reset", "kept", "control", "kept_control")
ds = sim.study(
    "generations",
    axes={"outputs": ("soft",), "student_steps": (student_steps,)},
    models=("student", "control", *(f"{chain}_{k}" for chain in chains for k in later)),
    **usual,
)
say(ds, more=True)

# %%
sim.rate_plots.generations(ds)

# %% [markdown]
# ## What not resetting does
#
# Nobody is reset here, and each generation is made a teacher, taught the trait anew and weakly (in
# a tenth of the examples that carry it otherwise), before it teaches the next. *untaught*: the same
# without the trait. What a weak teacher hands on adds up: within a few generations, students have
# nearly all that the first teacher has, and do the task as well as ever.

# %%
first = range(1, min(generations, 4) + 1)
ds = sim.study(
    "compounding",
    axes={"strength": (0.1,)},
    models=tuple(f"{chain}_{k}" for chain in ("taught", "untaught") for k in first),
    student_steps=student_steps,
    **usual,
)
say(ds)

# %%
sim.rate_plots.generations(ds)

# %% [markdown]
# ## What this shows, and what it does not
#
# It shows that outputs which say nothing about a trait can hand it on, that what counts is where
# the student starts and not whether it behaves like the base, and that a chain of students can
# thin a trait out or keep and gather it, depending on where each begins. Each time beside a control
# that differs in nothing but the trait of its teacher.
#
# It does not show:
#
# * *Anything about language models.* These are networks of three layers and ten digits, on noise.
#   Which way an effect goes may carry over, its size does not: it hangs on the number of logits and
#   steps, as the studies show (`channels`, `generations`).
# * *That every trait is handed on.* Several are not, or hardly: `sim.study("traits")` has a class
#   that nobody else has seen, and labels that change places (on MNIST, half of that is).
# * *That filters are useless*, or that one is enough. One filter was tried, at one share.
# * *That another base is safe.* With many more logits, or with class logits, it takes traits over
#   too.
# * *Small differences.* There are few seeds here. Where the text above says "not found", an effect
#   may be there that is smaller than the interval. The same with more seeds stands in
#   [docs/studies](../docs/studies/README.md).
