"""How many hidden layers there are."""

AXES = {"depth": (1, 2, 3, 4)}
