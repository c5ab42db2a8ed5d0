"""The students' learning rate, at a fixed number of Adam steps.

Published (MNIST, teacher's rate too): 1e-4 .32, 3e-4 .55, 1e-3 .70, 3e-3 .29, 1e-2 .10.

Found (digits, 16 seeds, m = 3 unless said): 1e-4 .200, 3e-4 .364, 1e-3 .636, 2e-3 .642, 3e-3
.531, 1e-2 .110: the published rise and fall, with the same teacher throughout.
"""

AXES = {"student_lr": (0.0001, 0.0003, 0.001, 0.002, 0.003, 0.01, 0.03)}
