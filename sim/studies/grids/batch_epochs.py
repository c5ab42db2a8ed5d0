"""The batch with the students' epochs held fixed, as published: small batches take more steps.

Teachers take the recipe's steps at every batch.
"""

AXES = {"batch": (64, 256, 1024, 4096, 16384)}
HOLD = ("teacher_steps",)
