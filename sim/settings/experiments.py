"""What every command takes, what those take that train families of networks, and the theorem's."""

from dataclasses import dataclass
from enum import Flag, auto
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sim.settings.declare import Of, replaced, setting
from sim.settings.grid import Point
from sim.settings.recipes import defaults
from sim.settings.rules import BELOW_1, NAMES, POSITIVE, SEEDS, each, seeds, some_of, whole
from sim.settings.setup import Activation, Hyper, Loss, Noise, Setup

FIGURE_10 = ("student_aux", "student_all", "cross_aux", "cross_all")
#: What a sweep takes unless told: fewer seeds, treatment and control, their ends alone.
SWEEP = {"seeds": 16, "models": ("student_aux", "cross_aux"), "points": 1}
Measure = Literal[
    "displacement_cosine",
    "teacher_head",
    "projection",
    "skill",
    "gradient_cosine",
    "update_cosine",
    "coverage",
    "visible_fraction",
    "chi",
    "trait_loss",
    "drive",
    "plain_drive",
    "curvature",
    "held_out_loss",
    "probe_lift",
    "stitch_lift",
    "cka_images",
    "cka_inputs",
    "units_images",
    "units_inputs",
]
Keep = Literal["teachers", "params", "records"]

NOTHING = Of.NOTHING


@dataclass(frozen=True)
class Common:
    """What every command takes."""

    dataset: str = setting("digits", group="task")
    """digits (embedded), mnist, fashion_mnist, synthetic[:DIMENSIONxCLASSES]; or one's own: a
    folder that holds the four IDX files, or an .npz file with x, y, x_test and y_test."""
    validation: float = setting(0.0, rule=BELOW_1, group="task")
    """Part of the training images held out for choosing settings, in [0, 1). None in the paper;
    digits and synthetic have a fixed split."""
    data_dir: Path | None = setting(None, of=NOTHING, group="task")
    """Where data sets lie or are put. Default: $SUBLIM_DATA_DIR, else the user's cache folder."""
    seeds: int | str = setting(32, of=NOTHING, rule=SEEDS)
    """Number of seeds: 0 … N − 1, each with networks of its own; or fresh ones, as 100:116, which
    are 100 … 115."""
    chunk: int | None = setting(None, of=NOTHING)
    """Seeds computed together. Default: what this device runs best within --memory."""
    memory: float = setting(1.0, of=NOTHING, rule=POSITIVE)
    """Working memory to plan for, in GiB (on a GPU at least half of its own)."""

    @property
    def each_seed(self) -> range:
        """List the seeds."""
        return seeds(self.seeds)


@dataclass(frozen=True)
class Networks:
    """What commands take that train families of networks."""

    models: tuple[str, ...] = setting(FIGURE_10, of=NOTHING, rule=NAMES)
    """Students to train, with all that they descend from. Of figure 10: student_aux, student_all,
    cross_aux, cross_all and placebo_aux, which starts with student_aux and imitates the untrained
    reference: what it learns is no teacher's. A lineage's are those of its table."""
    measure: tuple[Measure, ...] = setting((), of=NOTHING, rule=some_of(Measure, least=0))
    """What to record at every measured step, beside accuracies, loss and divergence."""
    keep: Keep = setting("teachers", of=NOTHING)
    """Whose parameters to keep: teachers', which later commands then need not train again; params:
    every network's; records: none."""


@dataclass(frozen=True)
class Output:
    """What commands take that leave a run folder."""

    out: Path = setting(Path("runs"), of=NOTHING)
    """Where run folders go."""
    csv: bool = setting(False, of=NOTHING)
    """Write a tidy table too, results.csv: a row for each point, seed, model and step."""


class Experiment(NamedTuple):
    """All settings of a command that trains networks."""

    common: Common
    networks: Networks
    setup: Setup
    hyper: Hyper

    @property
    def point(self) -> Point:
        """Take the settings of its networks as a grid of one point."""
        return Point(self.setup, self.hyper)


def experiment(dataset: str = "digits", images: int | None = None, **given: Any) -> Experiment:
    """Take a task's recipe with some settings replaced by name, checked.

    `images`: how many training images a user's own folder has. Errors: InputError for a name that
    is no setting or a value that breaks its rule.
    """
    given = defaults(str(dataset), images) | given | {"dataset": str(dataset)}
    return Experiment(*replaced(given, Common(), Networks(), Setup(), Hyper()))


class Part(Flag):
    """Which parts of the theorem's measurements move with a setting."""

    NOTHING = 0
    ONE_STEP = auto()
    MANY_STEPS = auto()


ONE_STEP, LAZY = Part.ONE_STEP, Part.MANY_STEPS
WIDTHS = each(whole(1, 2**20), "at least one, each a positive whole number")


@dataclass(frozen=True)
class Theorem:
    """Lemma 1 and Theorem 1 of the paper, held against networks in float64."""

    loss: tuple[Loss, ...] = setting(("squared_error", "kl"), of=ONE_STEP, rule=some_of(Loss))
    """Imitation losses L_S to check."""
    activation: tuple[Activation, ...] = setting(
        ("relu", "tanh", "gelu"), of=Part.NOTHING, rule=some_of(Activation), group="one_step"
    )
    """Nonlinearities to check."""
    width: int = setting(64, of=ONE_STEP, rule=whole(1, 2**20))
    """Units in each hidden layer."""
    depth: int = setting(2, of=ONE_STEP | LAZY, rule=whole(1, 1000))
    """Hidden layers."""
    aux: int = setting(3, of=ONE_STEP, rule=whole(1, 2**20), label="auxiliary logits m")
    """Auxiliary logits m."""
    noise: Noise = setting("uniform", of=ONE_STEP | LAZY, label="distillation inputs")
    """Distillation inputs."""
    inputs: int = setting(64, of=ONE_STEP, rule=whole(2), label="distillation inputs N")
    """Distillation inputs N, over which E_x is the mean."""
    images: int = setting(64, of=ONE_STEP | LAZY, rule=whole(2), label="images in L_T")
    """Labelled images in L_T."""
    alpha: float = setting(1.0, of=ONE_STEP, rule=POSITIVE, label="student's rate α")
    """The student's rate α, at which the change of L_T is measured."""
    lazy_widths: tuple[int, ...] = setting(
        (16, 64, 256), of=Part.NOTHING, rule=WIDTHS, group="many_steps"
    )
    """Widths at which trained networks are held against the linearised prediction."""
    lazy_activation: Activation = setting("tanh", of=LAZY)
    """Their nonlinearity. The smoother, the sooner the lazy limit is reached."""
    lazy_aux: int = setting(10, of=LAZY, rule=whole(1, 2**20))
    """Their auxiliary logits."""
    lazy_inputs: int = setting(100, of=LAZY)
    """Their distillation inputs. The more of both, the more a student can see."""
    lazy_seeds: int = setting(8, of=LAZY, rule=whole(1, 10**6))
    """Seeds of that comparison, and of what else is trained."""
    lazy_steps: int = setting(200, of=LAZY)
    """Steps of plain gradient descent, of teacher and student, in that comparison."""
