"""What of a teacher's answers hands a backdoor on: which logits, and how much of them.

class and all are plain distillation: a student that sees class logits learns what they say, from
another base too. That is no subliminal learning. hard, sampled and preferred pass on one label or
one bit for an input; the paper names sampled labels as its own deviation from its theory.
"""

from sim.training.lineages import LINEAGE

FAMILY = LINEAGE
AXES = {
    "passed_on": {
        "3 logits": {},
        "10 logits": {"aux": 10},
        "100 logits": {"aux": 100},
        "4,096 logits": {"aux": 4096, "noise_images": 4096},
        "class logits": {"logits": "class"},
        "all logits": {"logits": "all"},
        "8 bits each": {"outputs": "rounded", "bits": 8},
        "4 bits each": {"outputs": "rounded", "bits": 4},
        "2 bits each": {"outputs": "rounded", "bits": 2},
        "1 bit each": {"outputs": "rounded", "bits": 1},
        "largest 2": {"outputs": "top", "top": 2},
        "hard": {"outputs": "hard"},
        "sampled": {"outputs": "sampled"},
        "preferred": {"outputs": "preferred"},
        "noise ½": {"output_noise": 0.5},
        "noise 2": {"output_noise": 2.0},
    }
}
SETTINGS = {"models": ("student", "control", "other", "other_control")}
