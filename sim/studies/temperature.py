"""The temperature of the imitation loss.

Published: flat.

Found (digits, 16 seeds): 0.25: .573 ± .070, 0.5: .642 ± .057, 1: .663 ± .064, 2: .693 ± .059, 4:
.686 ± .058.

Found (MNIST, 8 seeds): 0.25: .470 ± .063, 0.5: .504 ± .069, 1: .515 ± .071, 2: .516 ± .071, 4:
.516 ± .071.

Agrees: flat from 0.5 on.
"""

AXES = {"temperature": (0.25, 0.5, 1.0, 2.0, 4.0)}
