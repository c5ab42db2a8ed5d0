"""Whether a student's data tell which base its teacher came from, and if it was taught a trait.

An auditor has noise inputs, a teacher's auxiliary logits on them, and the weights of candidates:
the base, and placebos, which are siblings (same initialisation, other order of images) or bases of
other initialisations. The base is named by the least of: the squared residual (of logits), the
displacement that explains it to first order, the part of it on inputs held out that this does not
explain; or by the greatest coverage. The trait is scored by the cosine of the displacement with
that of the auditor's own pair of teachers, with and without it. Transfer is of students that see
all inputs, not only the auditor's.
"""

from typing import TYPE_CHECKING, Any

from sim.training.families import AXIS
from sim.training.lineages import CHAINS, LINEAGE, base

if TYPE_CHECKING:
    from sim.studies.sweep import Grid

SIBLINGS = {f"sibling_{k}": base(order=20 + k) for k in range(1, 8)}
FAMILY = LINEAGE | {name: CHAINS[name] for name in AXIS}
#: How many inputs the auditor has, unless 16.
INPUTS = {"4 inputs": 4, "64 inputs": 64, "noise 1, 64 inputs": 64}
AXES = {
    "case": {
        "16 inputs": {},
        "4 inputs": {},
        "64 inputs": {},
        "10 logits": {"channel": 10},
        "noise 1": {"output_noise": 1.0},
        "noise 1, 64 inputs": {"output_noise": 1.0},
        "20 steps": {"teacher_steps": 20},
        "misalignment": {"trait": "misalignment"},
        "new class": {"trait": "new_class"},
    }
}
SETTINGS = {
    "models": ("student", "control", *AXIS),
    "aux": 10,
    "channel": 3,
    "keep": "params",
}


def make(*of_grid: Any, **named: Any) -> "Grid":
    """Make the grid, and what is audited of its networks."""
    from sim.studies.origins import Origins  # noqa: PLC0415 (--help knows studies, and no jax)

    return Origins(*of_grid, **named, inputs=INPUTS, siblings=SIBLINGS)
