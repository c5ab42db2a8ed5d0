"""Which imitation loss the students have.

Published: squared error beats KL in two studies (.566 and .451; .654 and .517) and loses in one
(.27 to .55).

Found (digits, 16 seeds, m = 3 unless said): KL .642, squared error .786: squared error wins, as
in two of three.
"""

AXES = {"loss": ("kl", "squared_error")}
