"""What the base has learnt before a teacher is made of it that is taught the task.

untrained: the paper's base. The others have seen the images without labels, to tell an image from
a half of it, the rest shuffled or masked, or which other half is of the same (contrastive). The
control goes on with labels at random.
"""

from sim.training.lineages import LINEAGE

FAMILY = LINEAGE
AXES = {"base": ("untrained", "shuffled", "masked", "contrastive")}
SETTINGS = {"models": ("student", "control", "other", "other_control"), "trait": "accuracy"}
