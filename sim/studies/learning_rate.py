"""The students' learning rate, at a fixed number of Adam steps.

Published (MNIST, teacher's rate too): 1e-4 .32, 3e-4 .55, 1e-3 .70, 3e-3 .29, 1e-2 .10.

Found (digits, 16 seeds): 0.0001: .198 ± .039, 0.0003: .376 ± .048, 0.001: .637 ± .052, 0.002:
.663 ± .064, 0.003: .529 ± .075, 0.01: .120 ± .030, 0.03: .102 ± .023.

Found (MNIST, 8 seeds): 0.0001: .252 ± .044, 0.0003: .515 ± .071, 0.001: .653 ± .080, 0.002: .592
± .091, 0.003: .369 ± .114, 0.01: .120 ± .038, 0.03: .101 ± .016.

Agrees: a rise and a fall, here with the same teacher throughout.
"""

AXES = {"student_lr": (0.0001, 0.0003, 0.001, 0.002, 0.003, 0.01, 0.03)}
