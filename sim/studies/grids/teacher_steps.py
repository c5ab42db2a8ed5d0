"""How long the teacher was trained.

Published (MNIST): best at 1 to 2 epochs (.60 to .63), .55 at 5, .37 at 20.

Found (digits, 16 seeds): 9: .500 ± .039, 17: .607 ± .029, 34: .637 ± .047, 68: .670 ± .049, 136:
.662 ± .058, 340: .617 ± .067, 1,360: .560 ± .060.

Found (MNIST, 8 seeds): 9: .394 ± .039, 17: .511 ± .056, 34: .559 ± .087, 68: .590 ± .090, 136:
.576 ± .083, 340: .491 ± .069, 1,360: .295 ± .054.

Agrees: a broad best, then a slow fall (MNIST: 1 epoch is 59 steps).
"""

AXES = {"teacher_steps": (15, 30, 59, 118, 295, 590, 1180)}
