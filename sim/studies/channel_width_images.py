"""How many auxiliary logits it takes on real images in place of noise.

Published (MNIST): m = 3 .13, 28 .38, 104 .70, 385 .86, 1,000 .88.
"""

AXES = {"aux": (3, 10, 28, 104, 385, 1000)}
SETTINGS = {"noise": "images"}
