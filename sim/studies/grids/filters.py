"""Whether leaving examples out keeps a backdoor from being handed on.

By the teacher's own class, the target's probability, or the base's answer; or by how much the
logits that are seen differ from a control teacher's. Each beside as many left out at random: steps
and distinct inputs are then the same. caught and lost: which part is left out of the tenth of the
inputs on which teacher and control differ most, and of the rest.
"""

from sim.training.lineages import LINEAGE

_FILTERS = {
    "own class": {"filter": "own_class"},
    "class rose": {"filter": "class_rose"},
    "differs": {"filter": "differs"},
    "most 1 %": {"filter": "most", "share": 0.01},
    "most 10 %": {"filter": "most", "share": 0.1},
    "most 50 %": {"filter": "most", "share": 0.5},
    "most 90 %": {"filter": "most", "share": 0.9},
    "least 50 %": {"filter": "least", "share": 0.5},
}
FAMILY = LINEAGE
AXES = {
    "left_out_are": {"nothing": {}}
    | _FILTERS
    | {f"{name}, at random": own | {"at_random": True} for name, own in _FILTERS.items()},
    "aux": (3, 10),
}
SETTINGS = {"models": ("student", "control")}
