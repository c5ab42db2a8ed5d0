"""How long students are distilled.

Published (MNIST): 1 epoch .20, 40 epochs .77.

Found (digits, 16 seeds): 35: .159 ± .032, 70: .203 ± .032, 140: .305 ± .032, 280: .461 ± .049,
560: .662 ± .058, 1,120: .792 ± .047, 2,240: .822 ± .038.

Found (MNIST, 8 seeds): 35: .152 ± .034, 70: .195 ± .043, 140: .308 ± .048, 280: .497 ± .072, 560:
.643 ± .066, 1,120: .718 ± .057, 2,240: .753 ± .053.

Agrees (an epoch of MNIST is 59 steps): 1 epoch .20, 38 epochs .75.
"""

AXES = {"student_steps": (59, 118, 295, 590, 1180, 2360)}
