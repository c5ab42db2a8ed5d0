"""How far from the teacher's initialisation a student may start.

Published (MNIST): N(0, σ) added to the start: σ = 0 .551, .01 .393, .05 chance.

Found (digits, 16 seeds): 0: .663 ± .064, 0.003: .645 ± .063, 0.01: .632 ± .067, 0.03: .398 ±
.064, 0.1: .100 ± .018.

Found (MNIST, 8 seeds): 0: .515 ± .071, 0.003: .505 ± .068, 0.01: .382 ± .061, 0.03: .149 ± .031,
0.1: .104 ± .026.

Agrees. The scale to compare with is that of the weights: 1/28 in MNIST's first layer, 1/8 in
digits'.
"""

AXES = {"init_noise": (0.0, 0.003, 0.01, 0.03, 0.1)}
