"""Settings: `Setup` fixes the program, `Hyper` holds numbers that sweep without compiling.

The defaults are the paper's (arXiv 2507.14805, section 6.2); `recipe` knows where a task differs.
"""

import dataclasses
import math
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import jax

from sim.errors import InputError

Activation = Literal["relu", "tanh", "gelu", "silu", "linear"]
Loss = Literal["kl", "cross_entropy", "squared_error"]
Optimizer = Literal["adam", "adamw", "adam_l2", "sgd"]
Matmul = Literal["float32", "tf32", "bfloat16"]
Noise = Literal["uniform", "gaussian", "bernoulli", "blurred", "spectrum", "subspace", "perlin",
                "shuffled", "images", "mixture"]  # fmt: skip
StudentNetwork = Literal["mlp", "cnn"]
Student = Literal["student_aux", "student_all", "cross_aux", "cross_all"]


@dataclass(frozen=True)
class Setup:
    """What fixes shapes or changes the program: one compilation each."""

    widths: tuple[int, ...] = (256, 256)
    """Units in each hidden layer; their number is the depth."""
    student_widths: tuple[int, ...] | None = None
    """The students' hidden layers, where they are not the teacher's. Heads as wide as the teacher's
    start as the teacher's did; other layers, as far as their units are the same."""
    student_network: StudentNetwork = "mlp"
    """Of the students. cnn: 3 × 3 convolutions at every other pixel, of student_widths channels,
    then a dense layer as wide as the teacher's last."""
    independent: str = "none"
    """Layers in which students start from an independent initialisation: none, all, or some of
    hidden_0, hidden_1, …, hidden (all of these), class_head and aux_head, joined by +."""
    frozen: str = "none"
    """Layers that students leave as they start; named as for independent."""
    classes: int | None = None
    """Classes of the task, the first of them; images of others are left out. Default: all."""
    aux: int = 3
    """Auxiliary logits m, beside one logit per class."""
    activation: Activation = "relu"
    """Nonlinearity of the hidden layers."""
    loss: Loss = "kl"
    """Imitation loss of the students, over the logits that they see."""
    optimizer: Optimizer = "adam"
    """Of teacher and students alike. adam: β 0.9, 0.999, ε 1e-8 outside the root as in torch.
    Weight decay is apart from the gradient in adamw, a part of it in adam_l2."""
    matmul: Matmul = "float32"
    """Operands of the networks' matrix products; parameters, sums and optimiser stay float32.
    tf32: on a GPU that has it, float32 elsewhere."""
    batch: int = 1024
    """Examples in a step; the last batch of an epoch holds what is left."""
    noise: Noise = "uniform"
    """Distillation inputs, in each pixel U(−1, 1), N(0, 1), or −1 or 1; blurred: uniform, blurred
    by --blur; spectrum: noise with the Fourier amplitudes of images; subspace: Gaussian in
    --dimensions; perlin: over 4 × 4 cells; shuffled: images, their pixels each in another order;
    images: of the task's training part; mixture: --images-part of them, the rest uniform."""
    noise_images: int = 60_000
    """Distinct distillation inputs of a seed; each epoch shows all of them in fresh order."""
    teacher_epochs: int = 5
    """Passes of the teacher over the training images, unless --teacher-steps is given."""
    student_epochs: int = 5
    """Passes of a student over the distillation inputs, unless --student-steps is given."""
    teacher_steps: int | None = None
    """Optimiser steps of the teacher; takes precedence over epochs."""
    student_steps: int | None = None
    """Optimiser steps of each student; takes precedence over epochs."""
    points: int = 5
    """Measurements along each training, evenly spaced, beside the one before the first step."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Hyper:
    """Numbers that change no shape and no program: an array of them is a sweep."""

    teacher_lr: float = 3e-4
    """Learning rate of the teacher, per step."""
    student_lr: float = 3e-4
    """Learning rate of the students, per step."""
    momentum: float = 0.0
    """Momentum of sgd, in [0, 1); other optimisers have none to set."""
    weight_decay: float = 0.0
    """Decay rate of adamw, times the learning rate per step; in adam_l2, the loss has half of it
    times the sum of squares of all parameters."""
    noise_scale: float = 1.0
    """Factor on the distillation inputs."""
    noise_shift: float = 0.0
    """Added to every pixel of the distillation inputs, after noise_scale."""
    blur: float = 1.0
    """Standard deviation of the blur of blurred noise, in pixels; 0 for none."""
    dimensions: float = 0.0
    """Dimensions of subspace noise; 0, or more than there are pixels, for all."""
    images_part: float = 0.5
    """Probability of an image in mixture noise."""
    temperature: float = 1.0
    """Divides teacher's and student's logits in the imitation loss."""
    channel: float = 0.0
    """Auxiliary logits that students see, the first of them; 0 for all."""
    distinct: float = 0.0
    """Distinct inputs that the noise_images addresses share out; 0 for one each."""
    init_noise: float = 0.0
    """Standard deviation of what is added to each parameter of a student before its first step."""
    independence: float = 1.0
    """How far the independent layers are so, s in [0, 1]: they start from √(1 − s²) of the
    teacher's initialisation and s of another, which is of the same law whatever s."""
    init_scale: float = 1.0
    """Factor on the initial weights, of the teacher's network and of the independent one."""


CHANNELS = (16, 32)  # of a cnn, unless student_widths says others
GROUPS = ("none", "hidden", "all")  # of layers
# Chosen on the validation split of the digits (never on test) for a plain effect in a short run.
_DIGITS = (
    {"batch": 64, "noise_images": 35_840, "teacher_epochs": 8, "student_epochs": 1, "points": 10},
    {"teacher_lr": 1e-3, "student_lr": 2e-3},
)
STEPS = 295  # of the paper's teacher: 5 epochs of 59 batches of MNIST


def recipe(dataset: str, **overrides: Any) -> tuple[Setup, Hyper]:
    """Default settings of a task, with some of them replaced by name.

    The paper's recipe for images in IDX files, where a folder holds fewer than MNIST with epochs
    enough for as many teacher `STEPS`; a short one for `digits` and `synthetic`, which are small.
    Errors: InputError for a name that is no setting or a value that breaks its rule.
    """
    small = dataset == "digits" or dataset.partition(":")[0] == "synthetic"
    setup, hyper = ({**part} for part in (_DIGITS if small else ({}, {})))
    if not small and (images := _images_in(dataset)):
        epochs = math.ceil(STEPS / math.ceil(images / Setup.batch))
        setup["teacher_epochs"] = max(epochs, Setup.teacher_epochs)
    names = {part: {f.name for f in dataclasses.fields(part)} for part in (Setup, Hyper)}
    for name, value in overrides.items():
        if name in names[Setup]:
            setup[name] = value
        elif name in names[Hyper]:
            hyper[name] = value
        else:
            known = ", ".join(sorted(names[Setup] | names[Hyper]))
            raise InputError(f"{name} = {value!r}: no such setting; there are {known}")
    for name in ("widths", "student_widths"):
        if (value := setup.get(name)) is not None:
            rule(name, value, isinstance(value, (tuple, list)), "a list of units")
            setup[name] = tuple(value)
    for name, value in hyper.items():  # floats, so that 1 and 1.0 are one setting
        rule(name, value, isinstance(value, Real) and not isinstance(value, bool), "a number")
        hyper[name] = float(value)
    return check(Setup(**setup), Hyper(**hyper))


def check(setup: Setup, hyper: Hyper) -> tuple[Setup, Hyper]:
    """The same settings, or InputError with the first rule that one of them breaks."""
    for name, choices in (
        ("activation", Activation),
        ("loss", Loss),
        ("optimizer", Optimizer),
        ("matmul", Matmul),
        ("student_network", StudentNetwork),
        ("noise", Noise),
    ):
        options = choices.__args__
        rule(name, value := getattr(setup, name), value in options, "one of " + ", ".join(options))
    rule("widths", setup.widths, setup.widths and all(map(_positive_int, setup.widths)),
         "at least one layer, each of a positive whole number of units")  # fmt: skip
    rule("student_widths", setup.student_widths, setup.student_widths is None
         or (setup.student_widths and all(map(_positive_int, setup.student_widths))),
         "at least one layer, each of a positive whole number of units")  # fmt: skip
    for name in ("independent", "frozen"):
        known = (*student_layers(setup), *GROUPS)
        value = getattr(setup, name)
        rule(name, value, value == "none" or (isinstance(value, str)
             and {*value.split("+")} <= {*known} - {"none"}),
             "of " + ", ".join(known) + ", joined by +")  # fmt: skip
    classes = setup.classes
    rule("classes", classes, classes is None or (_positive_int(classes) and classes > 1),
         "a whole number, at least 2")  # fmt: skip
    for name in ("aux", "batch", "noise_images", "teacher_epochs", "student_epochs", "points"):
        rule(name, value := getattr(setup, name), _positive_int(value), "a positive whole number")
    for name in ("teacher_steps", "student_steps"):
        value = getattr(setup, name)
        rule(name, value, value is None or _positive_int(value), "a positive whole number")
    for name in ("teacher_lr", "student_lr", "noise_scale", "temperature", "init_scale"):
        value = getattr(hyper, name)
        rule(name, value, math.isfinite(value) and value > 0, "a positive number")
    for name, most in (("channel", setup.aux), ("distinct", setup.noise_images)):
        value = getattr(hyper, name)
        rule(name, value, value in range(most + 1), f"a whole number from 0 to {most}")
    rule("noise_shift", hyper.noise_shift, math.isfinite(hyper.noise_shift), "a number")
    rule("blur", hyper.blur, 0 <= hyper.blur < math.inf, "at least 0")
    rule("dimensions", hyper.dimensions, hyper.dimensions >= 0 and hyper.dimensions % 1 == 0,
         "a whole number, at least 0")  # fmt: skip
    rule("images_part", hyper.images_part, 0 <= hyper.images_part <= 1, "in [0, 1]")
    rule("independence", hyper.independence, 0 <= hyper.independence <= 1, "in [0, 1]")
    rule("init_noise", hyper.init_noise, 0 <= hyper.init_noise < math.inf, "at least 0")
    for name, used, needs in (
        ("independence", setup.independent != "none", "independent names layers"),
        ("blur", setup.noise == "blurred", "noise is blurred"),
        ("dimensions", setup.noise == "subspace", "noise is subspace"),
        ("images_part", setup.noise == "mixture", "noise is mixture"),
    ):
        usual = getattr(Hyper(), name)
        value = getattr(hyper, name)
        rule(name, value, used or value == usual, f"{usual:g} unless {needs}")
    rule("momentum", hyper.momentum, 0 <= hyper.momentum < 1, "in [0, 1)")
    rule("momentum", hyper.momentum, hyper.momentum == 0 or setup.optimizer == "sgd",
         "0 unless optimizer is sgd")  # fmt: skip
    rule("weight_decay", hyper.weight_decay, 0 <= hyper.weight_decay < math.inf, "at least 0")
    decays = setup.optimizer in ("adamw", "adam_l2")
    rule("weight_decay", hyper.weight_decay, hyper.weight_decay == 0 or decays,
         "0 unless optimizer is adamw (or adam_l2, in which it hangs on the loss)")  # fmt: skip
    return setup, hyper


def student_layers(setup: Setup) -> tuple[str, ...]:
    """The names of a student's layers, from the input on."""
    widths = setup.student_widths or setup.widths
    if setup.student_network == "cnn":
        widths = (*(setup.student_widths or CHANNELS), setup.widths[-1])
    return (*(f"hidden_{i}" for i in range(len(widths))), "class_head", "aux_head")


def chosen(names: str, layers: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the layers that a setting names, joined by +."""
    words = {*names.split("+")}
    return tuple(
        layer
        for layer in layers
        if words & {layer, "all", "hidden" if layer.startswith("hidden") else layer}
    )


def warnings(setup: Setup, hyper: Hyper, dataset: str) -> list[str]:
    """Settings that are allowed but have misled somebody: one line each, with the reason."""
    usual, _ = recipe(dataset)
    found = []
    images, epochs = _images_in(dataset), usual.teacher_epochs
    by_default = setup.teacher_epochs == epochs and setup.teacher_steps is None
    if images and epochs > Setup.teacher_epochs and by_default:
        found.append(
            f"teacher_epochs = {epochs} by default: {dataset} has {images:,} training images, of "
            f"which so many make the {STEPS} steps that the paper's {Setup.teacher_epochs} make of "
            "MNIST's"
        )
    if (hyper.channel or setup.aux) == 1 and setup.loss != "squared_error":
        found.append(
            f"aux = 1 with loss = {setup.loss}: the softmax of a single logit is constant, so the "
            "aux students have no gradient; squared_error has one"
        )
    if hyper.noise_shift != 0:
        found.append(
            f"noise_shift = {hyper.noise_shift:g} moves the inputs off 0: published runs on [0, 1] "
            "instead of [−1, 1] passed on next to nothing (.13, of .55)"
        )
    if hyper.weight_decay > 0 and "class_head" not in chosen(setup.frozen, student_layers(setup)):
        how = "" if setup.optimizer == "adamw" else " at the full rate, however small,"
        found.append(
            f"weight_decay = {hyper.weight_decay:g} moves the class head{how} which distillation "
            "on auxiliary logits otherwise leaves where it was"
        )
    by_epoch = [p for p in ("teacher", "student") if getattr(setup, f"{p}_steps") is None]
    if setup.batch != usual.batch and by_epoch:
        found.append(
            f"batch = {setup.batch} with training counted in epochs changes the number of steps "
            f"too; set {' and '.join(p + '_steps' for p in by_epoch)} to change the batch alone"
        )
    return found


def _images_in(folder: str) -> int | None:
    """Training images of a folder of the user's own, by a file's header."""
    from sim.model import sources  # noqa: PLC0415 (its libraries would delay --help)

    return sources.training_images(folder)


def rule(name: str, value: object, holds: object, what: str) -> None:
    """InputError that names the argument, its value and the rule, unless the rule holds."""
    if not holds:
        raise InputError(f"{name} = {value!r}: must be {what}")


def _of(cls: Any, dataset: str, settings: dict[str, Any]) -> Any:
    fields = {field.name for field in dataclasses.fields(cls)} - {"setup", "hyper"}
    dataset = str(dataset)  # a folder may come as a Path
    own = {name: value for name, value in settings.items() if name in fields}
    setup, hyper = recipe(dataset, **{k: v for k, v in settings.items() if k not in fields})
    return cls(setup, hyper, dataset, **own).checked()


def _positive_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


@dataclass(frozen=True)
class Figure10:
    """The paper's figure 10: who learns to classify from a teacher's logits on noise."""

    setup: Setup
    hyper: Hyper
    dataset: str = "digits"
    """digits (embedded), mnist, fashion_mnist, synthetic[:DIMENSIONxCLASSES], or a folder that
    holds the four IDX files."""
    seeds: int = 32
    """Number of seeds: 0 … N − 1, each with a teacher and four students of its own."""
    validation: float = 0.0
    """Part of the training images held out for choosing settings, in [0, 1). None in the paper;
    digits and synthetic have a fixed split."""
    data_dir: Path | None = None
    """Where data sets lie or are put. Default: $SUBLIM_DATA_DIR, else the user's cache folder."""
    chunk: int | None = None
    """Seeds trained together. Default: what this device runs best within --memory."""
    memory: float = 1.0
    """Working memory to plan chunks for, in GiB (on a GPU at least half of its own)."""

    @classmethod
    def of(cls, dataset: str = "digits", **settings: Any) -> "Figure10":
        """A checked experiment: the task's recipe with some settings replaced by name."""
        return _of(cls, dataset, settings)

    def checked(self) -> "Figure10":
        """The same experiment, or InputError with the first rule that a setting breaks."""
        check(self.setup, self.hyper)
        for name, value in (("seeds", self.seeds), ("chunk", self.chunk)):
            given = value is not None or name == "seeds"
            rule(name, value, not given or _positive_int(value), "a positive whole number")
        rule("validation", self.validation, 0 <= self.validation < 1, "in [0, 1)")
        rule("memory", self.memory, 0 < self.memory < math.inf, "a positive number of GiB")
        return self


@dataclass(frozen=True)
class Sweep:
    """Figure 10's networks over a grid of settings."""

    setup: Setup
    hyper: Hyper
    dataset: str = "digits"
    """As for figure10."""
    seeds: int = 16
    """Number of seeds: 0 … N − 1, the same at every point of the grid."""
    models: tuple[Student, ...] = ("student_aux", "cross_aux")
    """Students to train, beside reference and teacher."""
    validation: float = 0.0
    """Part of the training images held out for choosing settings, in [0, 1). Digits and synthetic
    have a fixed split."""
    data_dir: Path | None = None
    """Where data sets lie or are put. Default: $SUBLIM_DATA_DIR, else the user's cache folder."""
    memory: float = 1.0
    """Working memory to plan for, in GiB (on a GPU at least half of its own)."""

    @classmethod
    def of(cls, dataset: str = "digits", **settings: Any) -> "Sweep":
        """A checked sweep: the task's recipe with some settings replaced by name."""
        return _of(cls, dataset, settings)

    def checked(self) -> "Sweep":
        """The same sweep, or InputError with the first rule that a setting breaks."""
        check(self.setup, self.hyper)
        rule("seeds", self.seeds, _positive_int(self.seeds), "a positive whole number")
        for model in self.models:
            rule("models", model, model in Student.__args__, "among " + ", ".join(Student.__args__))
        rule("models", self.models, len(set(self.models)) == len(self.models) > 0,
             "at least one, each once")  # fmt: skip
        rule("validation", self.validation, 0 <= self.validation < 1, "in [0, 1)")
        rule("memory", self.memory, 0 < self.memory < math.inf, "a positive number of GiB")
        return self


@dataclass(frozen=True)
class Theorem:
    """Lemma 1 and Theorem 1 of the paper, held against networks in float64."""

    dataset: str = "digits"
    """The teacher's task, of whose training images L_T is made: as for figure10."""
    seeds: int = 64
    """Number of seeds: 0 … N − 1, each with its own initialisation, inputs and directions."""
    loss: tuple[Loss, ...] = ("squared_error", "kl")
    """Imitation losses L_S to check."""
    activation: tuple[Activation, ...] = ("relu", "tanh", "gelu")
    """Nonlinearities to check."""
    width: int = 64
    """Units in each hidden layer."""
    depth: int = 2
    """Hidden layers."""
    aux: int = 3
    """Auxiliary logits m."""
    noise: Noise = "uniform"
    """Distillation inputs."""
    inputs: int = 64
    """Distillation inputs N, over which E_x is the mean."""
    images: int = 64
    """Labelled images in L_T."""
    alpha: float = 1.0
    """The student's rate α, at which the change of L_T is measured."""
    lazy_widths: tuple[int, ...] = (16, 64, 256)
    """Widths at which trained networks are held against the linearised prediction."""
    lazy_activation: Activation = "tanh"
    """Their nonlinearity. The smoother, the sooner the lazy limit is reached."""
    lazy_aux: int = 10
    """Their auxiliary logits."""
    lazy_inputs: int = 100
    """Their distillation inputs. The more of both, the more a student can see."""
    lazy_seeds: int = 8
    """Seeds of that comparison."""
    lazy_steps: int = 200
    """Steps of plain gradient descent, of teacher and student, in that comparison."""
    data_dir: Path | None = None
    """Where data sets lie or are put. Default: $SUBLIM_DATA_DIR, else the user's cache folder."""

    def checked(self) -> "Theorem":
        """The same experiment, or InputError with the first rule that a setting breaks."""
        for name, literal in (
            ("loss", Loss),
            ("activation", Activation),
            ("lazy_activation", Activation),
            ("noise", Noise),
        ):
            value, options = getattr(self, name), literal.__args__
            for one in value if isinstance(value, tuple) else (value,):
                rule(name, one, one in options, "one of " + ", ".join(options))
        for name in (
            "seeds", "width", "depth", "aux", "inputs", "images",
            "lazy_aux", "lazy_inputs", "lazy_seeds", "lazy_steps",
        ):  # fmt: skip
            rule(
                name, value := getattr(self, name), _positive_int(value), "a positive whole number"
            )
        for name in ("inputs", "images"):
            rule(name, value := getattr(self, name), value >= 2, "at least 2, to compare")
        for width in self.lazy_widths:
            rule("lazy_widths", width, _positive_int(width), "positive whole numbers")
        for name in ("loss", "activation", "lazy_widths"):
            value = getattr(self, name)
            rule(name, value, len(set(value)) == len(value) > 0, "at least one, each once")
        rule("alpha", self.alpha, math.isfinite(self.alpha) and self.alpha > 0, "a positive number")
        return self
