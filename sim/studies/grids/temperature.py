"""The temperature of the imitation loss.

Published: flat.

Found (digits, 16 seeds): 0.25: .565 ± .066, 0.5: .635 ± .059, 1: .660 ± .059, 2: .665 ± .049, 4:
.659 ± .051.

Found (MNIST, 8 seeds): 0.25: .470 ± .063, 0.5: .504 ± .069, 1: .515 ± .071, 2: .516 ± .071, 4:
.516 ± .071.

Agrees: flat from 0.5 on.
"""

AXES = {"temperature": (0.25, 0.5, 1.0, 2.0, 4.0)}
