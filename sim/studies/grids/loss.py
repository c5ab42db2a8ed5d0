"""Which imitation loss the students have.

Published: squared error beats KL in two studies (.566 and .451; .654 and .517) and loses in one
(.27 to .55).

Found (digits, 16 seeds): kl: .660 ± .059, squared_error: .804 ± .045.

Found (MNIST, 8 seeds): kl: .513 ± .078, squared_error: .625 ± .067.

Squared error wins, as in two of the three.
"""

AXES = {"loss": ("kl", "squared_error")}
