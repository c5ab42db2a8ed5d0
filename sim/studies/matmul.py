"""What rounding the operands of the matrix products to bfloat16 costs.

Published: nothing. Students start alike and see alike with either: compare them pair by pair.
"""

AXES = {"matmul": ("float32", "bfloat16")}
SETTINGS = {"models": ("student_aux", "student_all", "cross_aux", "cross_all")}
