"""The batch, with the number of steps held fixed.

Published only with epochs held fixed, where the number of steps varies too: see batch_epochs.

Found (digits, 16 seeds): 16: .377 ± .050, 64: .662 ± .058, 256: .753 ± .050, 1,024: .806 ± .055,
4,096: .761 ± .050.

Found (MNIST, 8 seeds): 16: .172 ± .036, 64: .259 ± .035, 256: .454 ± .059, 1,024: .514 ± .071,
4,096: .539 ± .057.

The larger the batch the better, on digits up to 1,024: the published fall (batch_epochs) is that
of the number of steps.
"""

AXES = {"batch": (16, 64, 256, 1024, 4096)}
HOLD = ("teacher_steps", "student_steps")
