"""The batch, with the number of steps held fixed.

Published only with epochs held fixed, where the number of steps varies too: see batch_epochs.

Found (digits, 16 seeds, m = 3 unless said): 16: .379, 64: .640, 256: .743, 1,024: .793. The
larger the batch the better: the published fall (batch_epochs) is that of the number of steps.
"""

AXES = {"batch": (16, 64, 256, 1024, 4096)}
HOLD = ("teacher_steps", "student_steps")
