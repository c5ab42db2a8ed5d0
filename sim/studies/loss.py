"""Which imitation loss the students have.

Published: squared error beats KL in two studies (.566 and .451; .654 and .517) and loses in one
(.27 to .55).
"""

AXES = {"loss": ("kl", "squared_error")}
