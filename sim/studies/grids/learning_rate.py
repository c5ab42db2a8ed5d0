"""The students' learning rate, at a fixed number of Adam steps and with the same teacher."""

AXES = {"student_lr": (0.0001, 0.0003, 0.001, 0.002, 0.003, 0.01, 0.03)}
