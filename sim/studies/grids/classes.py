"""How many classes there are to tell apart.

Teachers take as many epochs, which on fewer classes' images are fewer steps. Chance is one over
their number.
"""

AXES = {"classes": (2, 3, 4, 6, 8, 10)}
