"""How many hidden layers there are.

Published: little effect.

Found (digits, 16 seeds): 1: .578 ± .046, 2: .663 ± .064, 3: .320 ± .070, 4: .192 ± .039.

Found (MNIST, 8 seeds): 1: .612 ± .055, 2: .515 ± .071, 3: .388 ± .111, 4: .274 ± .064.

Does not agree: a large effect here, while teachers stay as good or better.
"""

AXES = {"depth": (1, 2, 3, 4)}
