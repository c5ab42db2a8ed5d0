"""How wide the hidden layers are.

Published (MNIST): width 64 to 1,024: .42 .48 .45 .34 .22, while the teacher rises.

Found (digits, 16 seeds, m = 3 unless said): .418 .542 .678 .705 .640 .354 for 16 to 512, while
the teacher rises from .757 to .981: the published rise and fall.
"""

AXES = {"width": (16, 32, 64, 128, 256, 512, 1024)}
