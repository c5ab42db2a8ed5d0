"""What the distillation inputs are.

Published (MNIST): uniform .551, Gaussian .543, real images .15.
"""

AXES = {"noise": ("uniform", "gaussian", "images")}
