"""What a backdoor loses when most inputs are answered by teachers without it, one or several.

dilution: the part of the inputs that they answer; untaught: how many share those out, each made of
the base as the teacher was, in an order of images of its own. Of k teachers of whom one has the
trait, as many inputs each: dilution 1 − 1/k by k − 1 of them.
"""

from sim.training.lineages import FOUNDERS, UNTAUGHT, student

_OTHERS = (*UNTAUGHT,)

FAMILY = (
    FOUNDERS
    | UNTAUGHT
    | {
        "student": student(others=_OTHERS),
        "control": student(teacher="control_teacher", others=_OTHERS),
    }
)
AXES = {"untaught": (1, 3), "dilution": (0.1, 0.25, 0.5, 0.75, 0.9)}
SETTINGS = {"models": ("student", "control"), "aux": 10}
