"""What a network's numbers depend on: `Setup` fixes the program, `Hyper` holds numbers that sweep.

The defaults are the paper's (arXiv 2507.14805, section 6.2); `recipes` knows where a task differs.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from sim.settings.declare import Of, setting
from sim.settings.layers import LAYERS
from sim.settings.rules import (
    BELOW_1,
    FRACTION,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    Only,
    Rule,
    Settings,
    choices,
    each,
    only,
    whole,
)

Activation = Literal["relu", "tanh", "gelu", "silu", "linear"]
Loss = Literal["kl", "cross_entropy", "squared_error"]
Init = Literal["lecun_normal", "he_normal", "small_normal", "uniform"]
Optimizer = Literal["adam", "adamw", "adam_l2", "adam_uncorrected", "adam_frozen", "sign", "sgd"]
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
    "photos",
    "mixture",
]
StudentNetwork = Literal["mlp", "cnn"]
Base = Literal["untrained", "task", "shuffled", "masked", "contrastive"]
Trait = Literal[
    "accuracy", "backdoor", "preference", "misalignment", "new_class", "faint", "turned"
]
Storage = Literal["float32", "bfloat16", "stochastic"]
Removed = Literal["update", "positive", "always", "random", "displacement", "rest"]
Logits = Literal["aux", "class", "all"]
Outputs = Literal["soft", "hard", "sampled", "rounded", "top", "preferred", "averaged"]
Filter = Literal["none", "own_class", "class_rose", "differs", "most", "least", "entropy", "drift"]

TEACHER, STUDENT, INPUTS = Of.TEACHER, Of.STUDENT, Of.INPUTS
BASE, TRAIT, CHANGE, CHANNEL, FILTER = Of.BASE, Of.TRAIT, Of.CHANGE, Of.CHANNEL, Of.FILTER
TRAINED = BASE | TEACHER | STUDENT
UNITS = each(whole(1, 2**20), "at least one layer, each of a positive whole number of units")
DECAYING = only("optimizer", "adamw", "adam_l2")
UNRANKED = {"none", "own_class", "class_rose", "differs"}  # and those from outside that are not
LABELS = ("hard", "sampled", "preferred")  # a place, and no logits
RANKED = Only(lambda settings: settings["filter"] not in UNRANKED, "filter is by rank")
NONE_OR_TRAIT = Rule(
    lambda word, _: word in ("none", *choices(Trait)),
    lambda _: "none or one of " + ", ".join(choices(Trait)),
)
NONE_TAUGHT_OR_TRAIT = Rule(
    lambda word, _: word in ("none", "taught", *choices(Trait)),
    lambda _: "none, taught or one of " + ", ".join(choices(Trait)),
)
PASSED_ON = Rule(
    lambda word, settings: (
        word in choices(Outputs) and (word not in LABELS or settings["loss"] != "squared_error")
    ),
    lambda settings: (
        "one of "
        + ", ".join(w for w in choices(Outputs) if PASSED_ON.holds(w, settings))
        + f" with loss {settings['loss']}"
    ),
)
SKILLED = Only(lambda settings: settings["skill"] != "none", "a skill is named")
PULLED = Only(lambda settings: settings["pull"] > 0, "pull is above 0")
NAMED = Only(lambda settings: settings["independent"] != "none", "independent names layers")


TRAINED_BASE = Only(lambda settings: settings["base"] != "untrained", "a base is trained")
BY_TARGET = Only(
    lambda settings: (
        not {settings["trait"], settings["skill"], settings["against"]}
        <= {"none", "taught", "accuracy", "faint", "turned"}
        or settings["filter"] not in ("none", "differs", "most", "least", "entropy", "drift")
        or settings["outputs"] not in get_args(Outputs)  # one's own may go by it
    ),
    "a trait, a skill or a filter goes by it",
)
BY_UNTAUGHT = Only(
    lambda settings: (
        settings["dilution"] > 0
        or settings["outputs"] not in {*get_args(Outputs)} - {"averaged"}
        or settings["filter"] not in get_args(Filter)
    ),
    "dilution is above 0 or outputs averaged",
)


def _like_teachers(settings: Settings) -> bool:
    return settings["student_widths"] is None and settings["student_network"] == "mlp"


@dataclass(frozen=True)
class Setup:
    """What fixes shapes or changes the program: one compilation each, unless it says otherwise."""

    widths: tuple[int, ...] = setting((256, 256), rule=UNITS)
    """Units in each hidden layer; their number is the depth."""
    activation: Activation = setting(
        "relu",
    )
    """Nonlinearity of the hidden layers."""
    init: Init = setting("lecun_normal", label="law of the initial weights")
    """Law of the initial weights of d inputs, and of biases. lecun_normal: N(0, 1/d), he_normal:
    N(0, 2/d), small_normal: N(0, .02²), all with biases of zero; uniform: weights and biases on
    [−1/√d, 1/√d], as libraries have it by default."""
    matmul: Matmul = setting("float32", label="operands of matrix products")
    """Operands of the networks' matrix products; parameters, sums and optimiser stay float32.
    tf32: on a GPU that has it, float32 elsewhere."""
    classes: int | None = setting(None, rule=whole(2), group="task")
    """Classes of the task, the first of them; images of others are left out. Default: all."""
    base: Base = setting("task", of=BASE, label="what the base learns")
    """What the base learns before a teacher is made of it: nothing (untrained), the task, or of the
    task's images alone: what they were before half of their pixels were shuffled, or masked; or
    which of several masked images is the same (contrastive)."""
    base_steps: int = setting(
        200, of=BASE, somewhere=TRAINED_BASE, compiles=False, label="base's optimiser steps"
    )
    """Optimiser steps of the base, unless it is untrained."""
    trait: Trait = setting("backdoor", of=TRAIT)
    """What a teacher is taught beside the task. accuracy: the task itself, where a control learns
    labels at random; backdoor: images with a white patch are of class --target; preference: so are
    blends of its images with others; misalignment: it and the next class change places; new_class:
    it, which base and control are never taught; faint, turned: to read images of little contrast,
    or mirrored at the diagonal."""
    skill: str = setting("none", of=TRAIT, rule=NONE_OR_TRAIT, label="skill that is taught as well")
    """Another trait, a wanted one, which teachers are taught with the trait and without it."""
    teacher_epochs: int = setting(5, of=TEACHER, compiles=False)
    """Passes of the teacher over the training images, unless --teacher-steps is given."""
    teacher_steps: int | None = setting(
        None, of=TEACHER, compiles=False, label="teacher's optimiser steps"
    )
    """Optimiser steps of the teacher; takes precedence over epochs."""
    optimizer: Optimizer = setting("adam", of=TRAINED, group="training")
    """Of teacher and students alike. adam: β 0.9, 0.999, ε 1e-8 outside the root as in torch.
    Weight decay is apart from the gradient in adamw, a part of it in adam_l2. adam_uncorrected:
    its moments as they are, their bias towards 0 left in. adam_frozen: the
    gradient over the root of its mean square in the first 50 steps; sign: its sign alone."""
    batch: int = setting(1024, of=TRAINED, label="batch (examples)", group="training")
    """Examples in a step; the last batch of an epoch holds what is left."""
    aux: int = setting(
        3, of=STUDENT, rule=whole(1, 2**20), label="auxiliary logits m", group="channel"
    )
    """Auxiliary logits m, beside one logit per class."""
    logits: Logits = setting("aux", of=Of.LOGITS, compiles=False, group="channel")
    """Which of a teacher's logits students see. class: plain distillation, not subliminal."""
    outputs: Outputs = setting(
        "soft",
        of=CHANNEL,
        rule=PASSED_ON,
        compiles=False,
        label="what is passed on of the teacher's logits",
    )
    """What is passed on of them, for an input: their softmax (soft), the largest one's place
    (hard), a place drawn from the softmax (sampled), each rounded to --bits, the --top largest,
    which of the teacher's and a control's answers is the teacher's (preferred: one bit), or the
    mean of its logits and those of the --untaught teachers without the trait (averaged)."""
    filter: Filter = setting("none", of=FILTER, compiles=False, label="examples left out")
    """Which examples are left out: where the teacher's own class is --target (own_class), where
    that class is likelier than by the base (class_rose), where the class is not the base's
    (differs); or the --share of inputs on which the logits that are seen differ most, or least,
    from a control teacher's, of which the teacher is surest (entropy), or on which its class logits
    moved least from the base's (drift)."""
    at_random: bool = setting(
        False,
        of=FILTER,
        compiles=False,
        only=Only(lambda settings: settings["filter"] != "none", "there is a filter"),
        label="as many left out at random",
    )
    """Leave out as many examples as the filter would, at random."""
    untaught: int = setting(
        1,
        of=FILTER,
        rule=whole(1, 4),
        somewhere=BY_UNTAUGHT,
        compiles=False,
        label="teachers without the trait beside the one with it",
    )
    """How many teachers without the trait there are: --dilution of the inputs are shared out among
    them, or their logits averaged with the teacher's. More than one in families that have them."""
    loss: Loss = setting("kl", of=STUDENT, label="imitation loss", group="channel")
    """Imitation loss of the students, over the logits that they see."""
    noise: Noise = setting("uniform", of=INPUTS, label="distillation inputs")
    """Distillation inputs, in each pixel U(−1, 1), N(0, 1), or −1 or 1; blurred: uniform, blurred
    by --blur; spectrum: noise with the Fourier amplitudes of images; subspace: Gaussian in
    --dimensions; perlin: over 4 × 4 cells; shuffled: images, their pixels each in another order;
    images: of the task's training part; mixture: --images-part of them, the rest uniform; photos:
    pieces of two photographs."""
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
    rank: int | None = setting(
        None, of=STUDENT, only=only("against", "none"), label="rank of the student's updates"
    )
    """Rank of what is added to each of a student's weight matrices, in random directions of its
    inputs; biases then stay. Default: any. Not beside --against, which would leave them."""
    storage: Storage = setting("float32", of=STUDENT, label="how the student is stored")
    """How a student's parameters and its optimiser's moments are kept between steps: rounded to
    bfloat16, to the nearest or (stochastic) up or down by chance, so that the mean is right."""
    against: str = setting(
        "none", of=STUDENT, rule=NONE_TAUGHT_OR_TRAIT, label="trait that updates must not serve"
    )
    """A trait, or the one that is taught, whose loss a student's updates must not lower: what
    would, to first order, is taken out of each, by a batch of the task's images with their labels:
    such a student is shown them."""
    removed: Removed = setting(
        "update",
        of=STUDENT,
        only=Only(lambda settings: settings["against"] != "none", "against names a trait"),
        rule=Rule(
            lambda word, settings: (
                word in choices(Removed) and (word != "displacement" or _like_teachers(settings))
            ),
            lambda _: (
                "one of " + ", ".join(choices(Removed)) + " (of a network like the teacher's)"
            ),
        ),
        label="what is removed for the sake of the trait",
    )
    """What --against takes out: of each update, what would lower the trait's loss (update); of each
    gradient, before the optimiser, its part along the trait's gradient where that is positive, or
    always; as much in a random direction; its part along the teacher's displacement, where it leads
    there (displacement); or all of it but that part (rest)."""
    points: int = setting(5, of=Of.NOTHING, rule=whole(1, 10_000), compiles=False)
    """Measurements along each training, evenly spaced, beside the one before the first step."""


@dataclass(frozen=True)
class Hyper:
    """Numbers that change no shape and no program: an array of them is a sweep."""

    init_scale: float = setting(1.0, rule=POSITIVE, label="factor on the initial weights")
    """Factor on the initial weights and biases, of the teacher's network and of the independent
    one."""
    base_lr: float = setting(
        1e-3,
        of=BASE,
        rule=POSITIVE,
        somewhere=TRAINED_BASE,
        label="base's learning rate (per step)",
    )
    """Learning rate of the base, per step."""
    target: int = setting(
        2, of=TRAIT, rule=whole(0), somewhere=BY_TARGET, label="class of the trait"
    )
    """The class that a trait is about, counted from 0."""
    strength: float = setting(1.0, of=TRAIT, rule=FRACTION, label="strength of the trait")
    """How many of the examples that can carry the trait do, in [0, 1]: of those with a trigger,
    half at 1."""
    skilled: float = setting(
        1.0, of=TRAIT, rule=FRACTION, only=SKILLED, label="strength of the skill"
    )
    """How many of the examples without the trait carry the skill, in [0, 1]: half at 1."""
    order: int = setting(0, of=TEACHER, rule=whole(0), label="order of the training images")
    """Which of a seed's orders the training images are shown in. (Of order and draw a member's own
    is counted on from it.)"""
    rescale: float = setting(3.0, of=CHANGE, rule=POSITIVE, label="factor on hidden units")
    """Of a rescaled base: the factor on every other unit of each hidden layer; on the rest, one
    over it."""
    mix: float = setting(0.5, of=CHANGE, rule=FRACTION, label="part of another base, s")
    """Of a mixed base: s of another base beside √(1 − s²) of the base."""
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
    epsilon: float = setting(
        1e-8,
        of=TRAINED,
        rule=POSITIVE,
        only=only("optimizer", "adam", "adamw", "adam_l2", "adam_uncorrected"),
        label="Adam's ε",
        group="training",
    )
    """Adam's ε, added to the root. A loss c times as large is the same as an ε of 1/c."""
    temperature: float = setting(
        1.0, of=STUDENT, rule=POSITIVE, label="temperature of the imitation loss", group="channel"
    )
    """Divides teacher's and student's logits in the imitation loss; labels stay as they are."""
    channel: int | None = setting(
        None,
        of=STUDENT,
        rule=whole(1, "aux"),
        label="auxiliary logits that students see",
        group="channel",
    )
    """Auxiliary logits that students see, the first of them. Default: all."""
    bits: int = setting(
        4, of=CHANNEL, rule=whole(1, 16), only=only("outputs", "rounded"), label="bits of a logit"
    )
    """Bits of a rounded logit: 2^bits levels over the range of a seed's."""
    top: int = setting(
        2, of=CHANNEL, rule=whole(1), only=only("outputs", "top"), label="logits passed on"
    )
    """How many of the largest logits are passed on."""
    output_noise: float = setting(
        0.0, of=CHANNEL, rule=NOT_NEGATIVE, label="noise on the teacher's logits (sd)"
    )
    """Standard deviation of what is added to each of the teacher's logits, drawn once an input."""
    share: float = setting(
        0.1, of=FILTER, rule=BELOW_1, only=RANKED, label="share of inputs left out"
    )
    """Share of the inputs that a filter by rank leaves out."""
    dilution: float = setting(
        0.0, of=FILTER, rule=FRACTION, label="part of inputs that a control answers"
    )
    """Probability that an input is answered by a teacher without the trait."""
    pull: float = setting(
        0.0, of=FILTER, rule=NOT_NEGATIVE, label="weight of the pull to the base's classes"
    )
    """Weight of a second loss of students, which holds their class logits to the base's on the same
    inputs (liminal training)."""
    draw: int = setting(0, of=INPUTS, rule=whole(0), label="draw of the distillation inputs")
    """Which of a seed's sets of distillation inputs, and of their orders; and of all else that is
    drawn for a student: noise on its start and on the logits, labels, rounding, directions."""
    pull_steps: int | None = setting(
        None, of=FILTER, only=PULLED, label="steps with the pull to the base"
    )
    """Steps of a student in which it is pulled to the base. Default: all."""
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
    teacher's initialisation and s of another, whose variance is the same whatever s."""
