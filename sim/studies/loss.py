"""Which imitation loss the students have.

Published: squared error beats KL in two studies (.566 and .451; .654 and .517) and loses in one
(.27 to .55).

Found (digits, 16 seeds): kl: .663 ± .064, squared_error: .782 ± .038.

Found (MNIST, 8 seeds): kl: .515 ± .071, squared_error: .623 ± .059.

Squared error wins, as in two of the three.
"""

AXES = {"loss": ("kl", "squared_error")}
