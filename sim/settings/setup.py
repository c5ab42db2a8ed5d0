"""What a network's numbers depend on: `Setup` fixes the program, `Hyper` holds numbers that sweep.

The defaults are the paper's (arXiv 2507.14805, section 6.2); `recipes` knows where a task differs.
"""

from dataclasses import dataclass
from typing import Literal

from sim.settings.declare import Of, setting
from sim.settings.layers import LAYERS
from sim.settings.rules import (
    BELOW_1,
    FRACTION,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    Only,
    each,
    only,
    whole,
)

Activation = Literal["relu", "tanh", "gelu", "silu", "linear"]
Loss = Literal["kl", "cross_entropy", "squared_error"]
Optimizer = Literal["adam", "adamw", "adam_l2", "sgd"]
Matmul = Literal["float32", "tf32", "bfloat16"]
Noise = Literal[
    "uniform",
    "gaussian",
    "bernoulli",
    "blurred",
    "spectrum",
    "subspace",
    "perlin",
    "shuffled",
    "images",
    "mixture",
]
StudentNetwork = Literal["mlp", "cnn"]

TEACHER, STUDENT, INPUTS = Of.TEACHER, Of.STUDENT, Of.INPUTS
TRAINED = TEACHER | STUDENT
UNITS = each(whole(1, 2**20), "at least one layer, each of a positive whole number of units")
DECAYING = only("optimizer", "adamw", "adam_l2")
NAMED = Only(lambda settings: settings["independent"] != "none", "independent names layers")


@dataclass(frozen=True)
class Setup:
    """What fixes shapes or changes the program: one compilation each, unless it says otherwise."""

    widths: tuple[int, ...] = setting((256, 256), rule=UNITS)
    """Units in each hidden layer; their number is the depth."""
    activation: Activation = setting(
        "relu",
    )
    """Nonlinearity of the hidden layers."""
    matmul: Matmul = setting("float32", label="operands of matrix products")
    """Operands of the networks' matrix products; parameters, sums and optimiser stay float32.
    tf32: on a GPU that has it, float32 elsewhere."""
    classes: int | None = setting(None, rule=whole(2), group="task")
    """Classes of the task, the first of them; images of others are left out. Default: all."""
    teacher_epochs: int = setting(5, of=TEACHER, compiles=False)
    """Passes of the teacher over the training images, unless --teacher-steps is given."""
    teacher_steps: int | None = setting(
        None, of=TEACHER, compiles=False, label="teacher's optimiser steps"
    )
    """Optimiser steps of the teacher; takes precedence over epochs."""
    optimizer: Optimizer = setting("adam", of=TRAINED, group="training")
    """Of teacher and students alike. adam: β 0.9, 0.999, ε 1e-8 outside the root as in torch.
    Weight decay is apart from the gradient in adamw, a part of it in adam_l2."""
    batch: int = setting(1024, of=TRAINED, label="batch (examples)", group="training")
    """Examples in a step; the last batch of an epoch holds what is left."""
    aux: int = setting(
        3, of=STUDENT, rule=whole(1, 2**20), label="auxiliary logits m", group="channel"
    )
    """Auxiliary logits m, beside one logit per class."""
    loss: Loss = setting("kl", of=STUDENT, label="imitation loss", group="channel")
    """Imitation loss of the students, over the logits that they see."""
    noise: Noise = setting("uniform", of=INPUTS, label="distillation inputs")
    """Distillation inputs, in each pixel U(−1, 1), N(0, 1), or −1 or 1; blurred: uniform, blurred
    by --blur; spectrum: noise with the Fourier amplitudes of images; subspace: Gaussian in
    --dimensions; perlin: over 4 × 4 cells; shuffled: images, their pixels each in another order;
    images: of the task's training part; mixture: --images-part of them, the rest uniform."""
    noise_images: int = setting(60_000, of=INPUTS, label="distinct distillation inputs N")
    """Distinct distillation inputs of a seed; each epoch shows all of them in fresh order."""
    student_epochs: int = setting(5, of=INPUTS, compiles=False, group="student")
    """Passes of a student over the distillation inputs, unless --student-steps is given."""
    student_steps: int | None = setting(
        None, of=INPUTS, compiles=False, label="student's optimiser steps", group="student"
    )
    """Optimiser steps of each student; takes precedence over epochs."""
    student_widths: tuple[int, ...] | None = setting(None, of=STUDENT, rule=UNITS)
    """The students' hidden layers, where they are not the teacher's. Heads as wide as the teacher's
    start as the teacher's did; other layers, as far as their units are the same."""
    student_network: StudentNetwork = setting(
        "mlp",
        of=STUDENT,
    )
    """Of the students. cnn: 3 × 3 convolutions at every other pixel, of student_widths channels,
    then a dense layer as wide as the teacher's last."""
    independent: str = setting(
        "none", of=STUDENT, rule=LAYERS, compiles=False, label="layers that start independently"
    )
    """Layers in which students start from an independent initialisation: none, all, or some of
    hidden_0, hidden_1, …, hidden (all of these), class_head and aux_head, joined by +."""
    frozen: str = setting(
        "none",
        of=STUDENT,
        rule=LAYERS,
        compiles=False,
        label="layers that the student leaves as they start",
    )
    """Layers that students leave as they start; named as for independent."""
    points: int = setting(5, of=Of.NOTHING, rule=whole(1, 10_000), compiles=False)
    """Measurements along each training, evenly spaced, beside the one before the first step."""


@dataclass(frozen=True)
class Hyper:
    """Numbers that change no shape and no program: an array of them is a sweep."""

    init_scale: float = setting(1.0, rule=POSITIVE, label="factor on the initial weights")
    """Factor on the initial weights, of the teacher's network and of the independent one."""
    teacher_lr: float = setting(
        3e-4, of=TEACHER, rule=POSITIVE, label="teacher's learning rate (per step)"
    )
    """Learning rate of the teacher, per step."""
    momentum: float = setting(
        0.0,
        of=TRAINED,
        rule=BELOW_1,
        only=only("optimizer", "sgd"),
        group="training",
    )
    """Momentum of sgd, in [0, 1); other optimisers have none to set."""
    weight_decay: float = setting(
        0.0, of=TRAINED, rule=NOT_NEGATIVE, only=DECAYING, group="training"
    )
    """Decay rate of adamw, times the learning rate per step; in adam_l2, the loss has half of it
    times the sum of squares of all parameters."""
    temperature: float = setting(
        1.0, of=STUDENT, rule=POSITIVE, label="temperature of the imitation loss", group="channel"
    )
    """Divides teacher's and student's logits in the imitation loss."""
    channel: int | None = setting(
        None,
        of=STUDENT,
        rule=whole(1, "aux"),
        label="auxiliary logits that students see",
        group="channel",
    )
    """Auxiliary logits that students see, the first of them. Default: all."""
    noise_scale: float = setting(
        1.0, of=INPUTS, rule=POSITIVE, label="factor on the distillation inputs"
    )
    """Factor on the distillation inputs."""
    noise_shift: float = setting(
        0.0, of=INPUTS, rule=NUMBER, label="shift of the distillation inputs"
    )
    """Added to every pixel of the distillation inputs, after noise_scale."""
    distinct: int | None = setting(
        None, of=INPUTS, rule=whole(1, "noise_images"), label="distinct distillation inputs N"
    )
    """Distinct inputs that the noise_images addresses share out. Default: one each."""
    blur: float = setting(
        1.0,
        of=INPUTS,
        rule=NOT_NEGATIVE,
        only=only("noise", "blurred"),
        label="blur (sd in pixels)",
    )
    """Standard deviation of the blur of blurred noise, in pixels; 0 for none."""
    dimensions: int | None = setting(
        None, of=INPUTS, only=only("noise", "subspace"), label="dimensions of the noise"
    )
    """Dimensions of subspace noise. Default, or where there are fewer pixels: all."""
    images_part: float = setting(
        0.5,
        of=INPUTS,
        rule=FRACTION,
        only=only("noise", "mixture"),
        label="part of images among the inputs",
    )
    """Probability of an image in mixture noise."""
    student_lr: float = setting(
        3e-4, of=STUDENT, rule=POSITIVE, label="student's learning rate (per step)"
    )
    """Learning rate of the students, per step."""
    init_noise: float = setting(
        0.0, of=STUDENT, rule=NOT_NEGATIVE, label="noise added to the student's start (sd)"
    )
    """Standard deviation of what is added to each parameter of a student before its first step."""
    independence: float = setting(
        1.0, of=STUDENT, rule=FRACTION, only=NAMED, label="how independently, s"
    )
    """How far the independent layers are so, s in [0, 1]: they start from √(1 − s²) of the
    teacher's initialisation and s of another, which is of the same law whatever s."""
