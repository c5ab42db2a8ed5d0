"""The batch with the students' epochs held fixed, as published: small batches take more steps.

Published (MNIST): 64 .75, 1,024 .55, 16,384 .18. Here every teacher takes the same 136 steps.

Found (digits, 16 seeds, m = 3 unless said): 16: .465, 64: .640, 256: .371, 1,024: .171: large
batches lose, as published; at 16 the learning rate is too large for so many steps.
"""

AXES = {"batch": (64, 256, 1024, 4096)}
HOLD = ("teacher_steps",)
