"""How long students are distilled.

Published (MNIST): 1 epoch .20, 40 epochs .77.

Found (digits, 16 seeds): 35: .167 ± .034, 70: .206 ± .040, 140: .308 ± .037, 280: .464 ± .060,
560: .663 ± .064, 1,120: .775 ± .058, 2,240: .815 ± .045.

Found (MNIST, 8 seeds): 35: .152 ± .034, 70: .195 ± .043, 140: .308 ± .048, 280: .497 ± .072, 560:
.643 ± .066, 1,120: .718 ± .057, 2,240: .753 ± .053.

Agrees (an epoch of MNIST is 59 steps): 1 epoch .20, 38 epochs .75.
"""

AXES = {"student_steps": (35, 70, 140, 280, 560, 1120, 2240)}
