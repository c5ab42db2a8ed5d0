"""How long the teacher was trained.

Published (MNIST): best at 1 to 2 epochs (.60 to .63), .55 at 5, .37 at 20.
"""

AXES = {"teacher_steps": (9, 17, 34, 68, 136, 340, 1360)}
