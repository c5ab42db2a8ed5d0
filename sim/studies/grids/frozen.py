"""Which layers a student has to train.

Published: nothing on students. (Where the theorem's q is 0, as with all hidden layers frozen, the
class logits cannot follow.)

Found (digits, 16 seeds): none: .660 ± .059, hidden_0: .488 ± .048, hidden_1: .371 ± .052, hidden:
.113 ± .028, aux_head: .608 ± .047.

With all hidden layers frozen the class logits cannot follow, and do not; either of the two is
enough for a part.
"""

AXES = {"frozen": ("none", "hidden_0", "hidden_1", "hidden", "aux_head")}
