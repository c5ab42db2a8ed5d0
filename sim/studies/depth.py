"""How many hidden layers there are.

Published: little effect.

Found (digits, 16 seeds, m = 3 unless said): 1 layer .583, 2: .640, 3: .303, 4: .177: a large
effect here, where teachers stay at .97 to .98.
"""

AXES = {"depth": (1, 2, 3, 4)}
