"""How many auxiliary logits it takes on real images in place of noise.

Digits has 1,077 training images, shown again and again.
"""

from sim.report.published import SURVEY, series

AXES = {"aux": (3, 10, 28, 104, 385, 1000)}
SETTINGS = {"noise": "images"}
PUBLISHED = series("aux", {3: 0.13, 28: 0.38, 104: 0.70, 385: 0.86, 1000: 0.88}, SURVEY)
