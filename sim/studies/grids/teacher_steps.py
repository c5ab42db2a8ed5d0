"""How long the teacher was trained. (An epoch of MNIST is 59 steps.)"""

AXES = {"teacher_steps": (15, 30, 59, 118, 295, 590, 1180)}
