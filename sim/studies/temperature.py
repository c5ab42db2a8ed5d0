"""The temperature of the imitation loss.

Published: flat.

Found (digits, 16 seeds, m = 3 unless said): .564 at 0.25, .625 at 0.5, then flat (.640 .646
.641).
"""

AXES = {"temperature": (0.25, 0.5, 1.0, 2.0, 4.0)}
