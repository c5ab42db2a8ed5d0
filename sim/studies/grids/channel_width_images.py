"""How many auxiliary logits it takes on real images in place of noise.

Digits has 1,077 training images, shown again and again.
"""

AXES = {"aux": (3, 10, 28, 104, 385, 1000)}
SETTINGS = {"noise": "images"}
