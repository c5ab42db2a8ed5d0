"""The batch, with the number of steps held fixed.

Published only with epochs held fixed, where the number of steps varies too: see batch_epochs.
"""

AXES = {"batch": (16, 64, 256, 1024, 4096)}
HOLD = ("teacher_steps", "student_steps")
