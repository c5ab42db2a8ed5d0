"""How many hidden layers there are.

Published: little effect.

Found (digits, 16 seeds): 1: .582 ± .050, 2: .660 ± .059, 3: .299 ± .064, 4: .197 ± .034.

Found (MNIST, 8 seeds): 1: .612 ± .055, 2: .515 ± .071, 3: .388 ± .111, 4: .274 ± .064.

Does not agree: a large effect here, while teachers stay as good or better.
"""

AXES = {"depth": (1, 2, 3, 4)}
