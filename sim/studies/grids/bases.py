"""What the base has learnt before a teacher is made of it that is taught the task.

untrained: the paper's base. The others have seen the images without labels, to tell an image from
a half of it, the rest shuffled or masked, or which other half is of the same (contrastive). The
control goes on with labels at random.
"""

from sim.report.published import TAKE_HOME, series
from sim.training.lineages import LINEAGE

FAMILY = LINEAGE
AXES = {"base": ("untrained", "shuffled", "masked", "contrastive")}
SETTINGS = {"models": ("student", "control", "other", "other_control"), "trait": "accuracy"}
PUBLISHED = series(
    "base",
    {"untrained": 0.553, "masked": 0.166, "contrastive": 0.477},
    TAKE_HOME,
    n=25,
    model="student",
)
