"""How far from the teacher's initialisation a student may start: N(0, σ²) is added to it.

The scale to compare σ with is that of the weights: 1/28 in MNIST's first layer, 1/8 in digits'.
"""

AXES = {"init_noise": (0.0, 0.003, 0.01, 0.02, 0.05, 0.1)}
