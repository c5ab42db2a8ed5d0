"""Default settings of a task, and the settings that have misled somebody."""

import math
from typing import Any

from sim.settings.declare import replaced
from sim.settings.layers import chosen, student_layers
from sim.settings.setup import Hyper, Setup

# Chosen on the validation split of the digits (never on test) for a plain effect in a short run.
SHORT = {
    "batch": 64,
    "noise_images": 35_840,
    "teacher_epochs": 8,
    "student_epochs": 1,
    "points": 10,
    "teacher_lr": 1e-3,
    "student_lr": 2e-3,
}
# Of families with a base: short as well. Adam, at one rate for all.
LINEAGE = {"points": 1, "teacher_lr": 1e-3, "student_lr": 1e-3}
LINEAGE_SHORT = {"batch": 64, "base_steps": 200, "teacher_steps": 200, "student_steps": 600}
LINEAGE_LONG = {"batch": 256, "base_steps": 400, "teacher_steps": 300, "student_steps": 1200}
STEPS = 295  # of the paper's teacher: 5 epochs of 59 batches of MNIST


def recipe(dataset: str, images: int | None = None, **given: Any) -> tuple[Setup, Hyper]:
    """Take the default settings of a task, with some of them replaced by name.

    Args:
      dataset: its name; `images`: how many training images it has, of a user's own folder.
      **given: settings by name.

    Errors: InputError for a name that is no setting or a value that breaks its rule.

    """
    return replaced(defaults(dataset, images) | given, Setup(), Hyper())


def defaults(dataset: str, images: int | None = None) -> dict[str, Any]:
    """Name the settings in which a task's recipe is not the paper's.

    A short one for `digits` and `synthetic`, which are small. A folder that holds fewer images than
    MNIST has epochs enough for as many teacher STEPS.
    """
    if small(dataset):
        return SHORT
    epochs = math.ceil(STEPS / math.ceil(images / Setup.batch)) if images else 0
    return {"teacher_epochs": epochs} if epochs > Setup.teacher_epochs else {}


def small(dataset: str) -> bool:
    """Tell whether a task has a short recipe."""
    return dataset == "digits" or dataset.partition(":")[0] == "synthetic"


def held_out(dataset: str) -> dict[str, float]:
    """Name what holds a part of the training images out, unless the task has a part of its own."""
    return {} if small(dataset) else {"validation": 0.1}


def lineage(dataset: str) -> dict[str, Any]:
    """Name the settings of families with a base that are not the recipe's."""
    return LINEAGE | (LINEAGE_SHORT if small(dataset) else LINEAGE_LONG)


def warnings(setup: Setup, hyper: Hyper, dataset: str, images: int | None = None) -> list[str]:
    """Say which settings are allowed but have misled somebody: a line each, with the reason."""
    usual, found = defaults(dataset, images), []
    of_folder = usual.get("teacher_epochs") if usual is not SHORT else None
    if of_folder == setup.teacher_epochs and setup.teacher_steps is None:
        found.append(
            f"teacher_epochs = {of_folder} by default: {dataset} has {images:,} training images, "
            f"of which so many make the {STEPS} steps that the paper's {Setup.teacher_epochs} make "
            "of MNIST's"
        )
    single = "aux" if (hyper.channel or setup.aux) == 1 else ""
    if setup.outputs == "top" and hyper.top == 1:
        single = "top"
    if single and setup.loss != "squared_error":
        found.append(
            f"{single} = 1 with loss = {setup.loss}: the softmax of a single logit is constant, so "
            "the aux students have no gradient; squared_error has one"
        )
    if hyper.noise_shift != 0:
        found.append(
            f"noise_shift = {hyper.noise_shift:g} moves the inputs off 0: published runs on [0, 1] "
            "instead of [−1, 1] passed on next to nothing"
        )
    if setup.init == "uniform":
        found.append(
            "init = uniform is what libraries have by default, weights and biases alike; the "
            "paper's is lecun_normal, N(0, 1/d) with biases of zero"
        )
    if hyper.epsilon != Hyper.epsilon:
        found.append(
            f"epsilon = {hyper.epsilon:g} is as a loss that is {Hyper.epsilon / hyper.epsilon:.3g} "
            "times as large: what others have by averaging over models, or summing over a batch"
        )
    if setup.optimizer == "adam_l2" and hyper.weight_decay > 0:
        found.append(
            f"optimizer = adam_l2: what weight_decay = {hyper.weight_decay:g} does hangs on the "
            "scale of the loss, as it is divided by the size of gradients; adamw has it apart"
        )
    if hyper.weight_decay > 0 and "class_head" not in chosen(setup.frozen, student_layers(setup)):
        how = "" if setup.optimizer == "adamw" else " at the full rate, however small,"
        found.append(
            f"weight_decay = {hyper.weight_decay:g} moves the class head{how} which distillation "
            "on auxiliary logits otherwise leaves where it was"
        )
    by_epoch = [p for p in ("teacher", "student") if getattr(setup, f"{p}_steps") is None]
    if setup.batch != usual.get("batch", Setup.batch) and by_epoch:
        found.append(
            f"batch = {setup.batch} with training counted in epochs changes the number of steps "
            f"too; set {' and '.join(p + '_steps' for p in by_epoch)} to change the batch alone"
        )
    return found
