"""The batch with the students' epochs held fixed, as published: small batches take more steps.

Published (MNIST): 64 .75, 1,024 .55, 16,384 .18. Here teachers take the recipe's steps.

Found (digits, 16 seeds): 64: .662 ± .058, 256: .363 ± .053, 1,024: .171 ± .037, 4,096: .129 ±
.028.

Found (MNIST, 8 seeds): 64: .819 ± .061, 256: .744 ± .070, 1,024: .514 ± .071, 4,096: .247 ± .034.

Agrees: large batches lose, by taking fewer steps (see batch).
"""

AXES = {"batch": (64, 256, 1024, 4096, 16384)}
HOLD = ("teacher_steps",)
