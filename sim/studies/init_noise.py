"""How far from the teacher's initialisation a student may start.

Published (MNIST): N(0, σ) added to the start: σ = 0 .551, .01 .393, .05 chance.

Found (digits, 16 seeds, m = 3 unless said): σ = 0 .640, .003 .635, .01 .601, .03 .383, .1 .097,
which is chance. The scale to compare with is that of the weights: 1/8 in the first layer here,
1/28 on MNIST.
"""

AXES = {"init_noise": (0.0, 0.003, 0.01, 0.03, 0.1)}
