"""How wide the hidden layers are.

Published (MNIST): width 64 to 1,024: .42 .48 .45 .34 .22, while the teacher rises.
"""

AXES = {"width": (16, 32, 64, 128, 256, 512)}
