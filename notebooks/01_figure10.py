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
# # Figure 10: a student learns to classify from noise
#
# Cloud et al. ([arXiv 2507.14805](https://arxiv.org/abs/2507.14805), section 6.2) train a *teacher*
# on handwritten digits, and then *students* on nothing but the teacher's outputs on random noise.
# The network has one logit per class and three *auxiliary* logits that never get a gradient in the
# teacher's training and mean nothing. A student that imitates only these three, on noise only, and
# never sees a digit or a class logit, classifies digits nevertheless, **if it started from the
# teacher's initialisation**; from another initialisation it stays at chance.
#
# Here with the digits that come with scikit-learn (8×8 pixels, no download). On MNIST, with the
# paper's own settings, it is `sim.figure10("mnist", seeds=20)`.

# %% tags=["parameters"]
dataset = "digits"
seeds = 32
settings = {}

# %%
# %matplotlib inline
import sim

ds = sim.figure10(dataset, seeds, **settings)
ds

# %% [markdown]
# ## Who learnt what
#
# Six models for every seed, measured by their own class head on the test images. `other init` are
# the controls: the same inputs, the same teacher, the same number of steps, but they start from an
# independent initialisation drawn from the seed's own keys.

# %%
sim.plots.figure10(ds)

# %% [markdown]
# The same as numbers: the mean over seeds, the half-width of its 95 % t-interval, and the standard
# deviation between seeds.

# %%
for model in ds.model.values:
    mean, half_width, sd, n = sim.results.summary(ds.test_accuracy.sel(model=model))
    print(f"{model:12} {mean:.3f} ± {half_width:.3f}   sd {sd:.3f}   n = {n}")

# %% [markdown]
# Treatment and control come in pairs, one of each for every seed, so their difference has an
# interval of its own:

# %%
difference = sim.results.paired(ds, "student_aux", "cross_aux")
mean, half_width, _, n = difference
print(f"student_aux − cross_aux: {mean:+.3f} ± {half_width:.3f}, n = {n}")

# %% [markdown]
# ## How they got there
#
# Both aux students lower their own loss. That alone teaches nothing about digits: the control's
# loss falls as well, its accuracy does not move. What matters is where the student stands when it
# starts to imitate: at the teacher's starting point, a step toward the teacher's auxiliary outputs
# is also a step toward its class outputs (theorem 1 of the paper).

# %%
sim.plots.trajectories(ds)
