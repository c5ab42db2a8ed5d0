"""How long students are distilled. (An epoch of MNIST is 59 steps.)"""

AXES = {"student_steps": (59, 118, 295, 590, 1180, 2360)}
