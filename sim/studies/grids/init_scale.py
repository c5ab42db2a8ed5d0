"""How large the initial weights are.

Published (MNIST): ×0.5 .32, ×2 .21, ×4 .11, of .55 at ×1.

Found (digits, 16 seeds): 0.5: .357 ± .059, 0.7: .500 ± .075, 1: .660 ± .059, 1.4: .738 ± .029, 2:
.588 ± .039, 4: .220 ± .034.

Found (MNIST, 8 seeds): 0.5: .339 ± .078, 0.7: .480 ± .070, 1: .515 ± .071, 1.4: .461 ± .044, 2:
.248 ± .030, 4: .114 ± .007.

Agrees on MNIST; on digits the best is a little above 1.
"""

AXES = {"init_scale": (0.5, 0.7, 1.0, 1.4, 2.0, 4.0)}
