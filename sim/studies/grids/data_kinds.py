"""On which kinds of inputs a backdoor is handed on, and whether choosing inputs helps an attacker.

photos are real images, of no task of ours; images are the task's own. Chosen by entropy: the inputs
of which the teacher is least sure; by drift: those on which its class logits moved most from the
base's. As many inputs are drawn at random beside them by the study of filters.
"""

from sim.training.lineages import LINEAGE

FAMILY = LINEAGE
AXES = {
    "inputs": {
        "uniform": {},
        "Gaussian": {"noise": "gaussian"},
        "±1": {"noise": "bernoulli"},
        "blur ½": {"noise": "blurred", "blur": 0.5},
        "spectrum": {"noise": "spectrum"},
        "Perlin": {"noise": "perlin"},
        "shuffled": {"noise": "shuffled"},
        "images": {"noise": "images"},
        "photos": {"noise": "photos"},
        "half by entropy": {"filter": "entropy", "share": 0.5},
        "half by drift": {"filter": "drift", "share": 0.5},
        "tenth by drift": {"filter": "drift", "share": 0.9},
        "tenth at random": {"filter": "drift", "share": 0.9, "at_random": True},
        "photos, half by drift": {"noise": "photos", "filter": "drift", "share": 0.5},
    }
}
SETTINGS = {"models": ("student", "control", "other")}
