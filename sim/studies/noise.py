"""What the distillation inputs are.

Published (MNIST): uniform .551, Gaussian .543, real images .15.

Found (digits, 16 seeds, m = 3 unless said): uniform .642, Gaussian .634, real images .164: as
published. (Digits has 1,077 training images, shown again and again.)
"""

AXES = {"noise": ("uniform", "gaussian", "images")}
