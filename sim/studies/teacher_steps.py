"""How long the teacher was trained.

Published (MNIST): best at 1 to 2 epochs (.60 to .63), .55 at 5, .37 at 20.

Found (digits, 16 seeds, m = 3 unless said): half an epoch .494, 1: .627, 2: .623, 4: .641, 8:
.640, 20: .592, 80: .534: a broad best, then a slow fall, as published.
"""

AXES = {"teacher_steps": (9, 17, 34, 68, 136, 340, 1360)}
