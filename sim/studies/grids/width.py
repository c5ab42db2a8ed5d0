"""How wide the hidden layers are.

Published (MNIST): width 64 to 1,024: .42 .48 .45 .34 .22, while the teacher rises.

Found (digits, 16 seeds): 16: .415 ± .056, 32: .541 ± .051, 64: .677 ± .049, 128: .726 ± .040,
256: .660 ± .059, 512: .356 ± .060, 1,024: .140 ± .027.

Found (MNIST, 8 seeds): 16: .258 ± .081, 32: .318 ± .083, 64: .527 ± .106, 128: .580 ± .105, 256:
.515 ± .071, 512: .350 ± .051, 1,024: .236 ± .043.

Agrees: a rise and a fall, while the teacher rises.
"""

AXES = {"width": (16, 32, 64, 128, 256, 512, 1024)}
