"""Soft, rounded, hard and sampled answers, at equal numbers of examples and of bits.

An example passes on 3 × 32 bits as it is, 3 × b rounded to b, log₂ 3 as a hard or sampled label.
The number of steps is one; distinct examples are shown the more often the fewer they are.
"""

from sim.training.lineages import LINEAGE

FAMILY = LINEAGE
AXES = {
    "passed_on": {
        "soft": {},
        "8 bits each": {"outputs": "rounded", "bits": 8},
        "2 bits each": {"outputs": "rounded", "bits": 2},
        "hard": {"outputs": "hard"},
        "sampled": {"outputs": "sampled"},
    },
    "distinct": (64, 512, 4096, 35840),
}
SETTINGS = {"models": ("student", "control")}
