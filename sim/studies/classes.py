"""How many classes there are to tell apart.

Published (MNIST): .84 with 2 classes, .54 with 10. Teachers take as many epochs, which on fewer
classes' images are fewer steps.

Found (digits, 16 seeds): 2: 1.000 ± .000, 3: .983 ± .009, 4: .952 ± .016, 6: .883 ± .021, 8: .771
± .052, 10: .663 ± .064.

Found (MNIST, 8 seeds): 2: .998 ± .001, 3: .949 ± .035, 4: .904 ± .046, 6: .755 ± .070, 8: .624 ±
.057, 10: .513 ± .071.

Agrees: the fewer the easier, though with 2 classes more passes on here. Chance is one over their
number.
"""

AXES = {"classes": (2, 3, 4, 6, 8, 10)}
