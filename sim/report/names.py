"""Names of things as people say and write them: settings, models, measures, values.

One table for figures and pages. Symbols are plain text (η_S, Δθ_S); `formula` sets them.
"""

import re

import numpy as np

from sim.settings.grid import SETTINGS, label

#: Axes that are settings or cases of several, where their own label is not enough beside a tick.
AXES = {
    "aux": "auxiliary logits m",
    "asked": "trait that is asked for",
    "batch": "batch size (examples)",
    "bits": "bits of each logit",
    "case": "what is looked at",
    "dilution": "share of inputs that a control answers",
    "distinct": "distinct distillation inputs N",
    "images_part": "share of images among the inputs",
    "independence": "independence s of a layer's start",
    "independent": "layers that start independently",
    "init_noise": "noise on the student's start, sd σ",
    "init_scale": "factor on the initial weights",
    "left_out_are": "inputs that are left out",
    "learning_rate": "learning rate η",
    "loss": "imitation loss",
    "matmul": "operands of matrix products",
    "mix": "share s of another base",
    "momentum": "momentum β",
    "noise_images": "distinct distillation inputs N",
    "optimizer": "optimiser",
    "optimizers": "optimiser",
    "output_noise": "noise on the teacher's logits, sd σ",
    "passed_on": "what is passed on of the logits",
    "setting": "setting",
    "strength": "strength of the trait",
    "student": "student's network",
    "student_lr": "student's learning rate η_S",
    "student_steps": "student's optimiser steps",
    "taught": "trait",
    "teacher_lr": "teacher's learning rate η_T",
    "teacher_steps": "teacher's optimiser steps",
    "temperature": "temperature of the imitation loss",
    "trap": "change of the recipe",
    "untaught": "teachers without the trait",
    "weight_decay": "weight decay λ",
}
MODELS = {
    "reference": "reference, untrained",
    "student_aux": "student, aux logits",
    "student_all": "student, all logits",
    "cross_aux": "other init, aux logits",
    "cross_all": "other init, all logits",
    "placebo_aux": "placebo, aux logits",
    "other": "another base's student",
    "other_control": "another base's control",
    "other_base": "another base",
    "control_teacher": "teacher without the trait",
}
MEASURES = {
    "test_accuracy": "test accuracy",
    "displacement_cosine": "cos(Δθ_S, Δθ_T) of displacements",
    "gradient_cosine": "cosine of trait's and imitation's gradient",
    "update_cosine": "cosine of trait's gradient and update",
    "plain_drive": "drive along the batch's gradient",
    "teacher_head": "accuracy under the teacher's head",
    "trait_loss": "trait's loss L_T",
    "chi": "χ",
    "cka_images": "CKA of hidden units on images",
    "cka_inputs": "CKA of hidden units on the inputs",
    "units_images": "likeness of hidden units on images",
    "trait_rate": "rate of the trait",
    "ordinary_accuracy": "accuracy on the rest",
    "held_out_loss": "imitation loss on held-out inputs",
    "units_inputs": "likeness of hidden units on the inputs",
}
VALUES = {
    "kl": "KL divergence",
    "relu": "ReLU",
    "gelu": "GELU",
    "silu": "SiLU",
    "gaussian": "Gaussian",
    "perlin": "Perlin",
    "lecun_normal": "LeCun normal",
    "he_normal": "He normal",
}
#: A letter with an index, but not words that are joined by one (fashion_mnist).
_SYMBOL = re.compile(r"(?<![A-Za-z_])([a-zA-Zα-ω])_(max|[0-9A-Za-z])(?![A-Za-z0-9_])")


def axis(name: str) -> str:
    """Name an axis of a run, with its unit or symbol."""
    return AXES.get(name) or label(name)


def short(name: str) -> str:
    """Name an axis beside its value: without unit or symbol."""
    own = SETTINGS[name].label if name in SETTINGS else axis(name)
    return own.split(" (")[0]


def model(name: str) -> str:
    """Name a model in one line."""
    return MODELS.get(name) or str(name).replace("_", " ")


def measure(name: str) -> str:
    """Name a measure, without its unit."""
    return MEASURES.get(name) or str(name).replace("_", " ")


def value(of: object) -> str:
    """Write a value of an axis: numbers short, words as words.

    >>> [value(x) for x in (0.9999, 10**-2.5, -3)]
    ['0.9999', '0.00316', '−3']
    """
    if isinstance(of, (bool, np.bool_)):
        return "yes" if of else "no"
    if isinstance(of, (int, np.integer)):
        return (f"{of:,}" if abs(of) >= 10_000 else str(of)).replace("-", "−")
    if isinstance(of, (float, np.floating)):
        if 1000 <= abs(of) < 1e6 and float(of).is_integer():
            return value(int(of))
        text = f"{of:.5g}"  # as it was given, if that is short: a momentum of .9999 is not 1
        text = text if float(text) == of else f"{of:.3g}"
        return text.replace("e-0", "e-").replace("e+0", "e").replace("-", "−")
    return VALUES.get(str(of)) or str(of).replace("_", " ")


def begun(text: str) -> str:
    """Begin a line with a capital, and leave all else: CKA is no cka, ∇L_T no ∇l_t."""
    return text[:1].upper() + text[1:]


def counted(count: int, what: str) -> str:
    """Say how many there are: 1 seed, 2 seeds."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def formula(text: object) -> str:
    r"""Set the symbols of a text (η_S) as matplotlib's mathematics; $ begins none in it.

    >>> formula("student's learning rate η_S, in $")
    "student's learning rate $η_{S}$, in \\$"
    """
    return _SYMBOL.sub(r"$\1_{\2}$", str(text).replace("$", r"\$"))
