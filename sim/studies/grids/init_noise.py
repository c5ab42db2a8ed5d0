"""How far from the teacher's initialisation a student may start.

Published (MNIST): N(0, σ) added to the start: σ = 0 .551, .01 .393, .05 chance.

Found (digits, 16 seeds): 0: .660 ± .059, 0.003: .659 ± .056, 0.01: .613 ± .053, 0.03: .391 ±
.055, 0.1: .094 ± .017.

Found (MNIST, 8 seeds): 0: .513 ± .078, 0.003: .504 ± .082, 0.01: .380 ± .070, 0.03: .149 ± .037,
0.1: .108 ± .025.

Agrees. The scale to compare with is that of the weights: 1/28 in MNIST's first layer, 1/8 in
digits'.
"""

AXES = {"init_noise": (0.0, 0.003, 0.01, 0.02, 0.05, 0.1)}
