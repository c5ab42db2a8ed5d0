"""How far from the teacher's initialisation a student may start.

Published (MNIST): N(0, σ) added to the start: σ = 0 .551, .01 .393, .05 chance.
"""

AXES = {"init_noise": (0.0, 0.003, 0.01, 0.03, 0.1)}
