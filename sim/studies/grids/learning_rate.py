"""The students' learning rate, at a fixed number of Adam steps.

Published (MNIST, teacher's rate too): 1e-4 .32, 3e-4 .55, 1e-3 .70, 3e-3 .29, 1e-2 .10.

Found (digits, 16 seeds): 0.0001: .199 ± .038, 0.0003: .373 ± .046, 0.001: .650 ± .045, 0.002:
.660 ± .059, 0.003: .562 ± .049, 0.01: .110 ± .022, 0.03: .102 ± .022.

Found (MNIST, 8 seeds): 0.0001: .252 ± .042, 0.0003: .513 ± .078, 0.001: .647 ± .081, 0.002: .572
± .107, 0.003: .357 ± .099, 0.01: .102 ± .021, 0.03: .099 ± .002.

Agrees: a rise and a fall, here with the same teacher throughout.
"""

AXES = {"student_lr": (0.0001, 0.0003, 0.001, 0.002, 0.003, 0.01, 0.03)}
