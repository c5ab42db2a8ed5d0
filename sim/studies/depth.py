"""How many hidden layers there are.

Published: little effect.
"""

AXES = {"depth": (1, 2, 3, 4)}
