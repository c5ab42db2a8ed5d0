"""What rounding the operands of the matrix products to bfloat16 costs.

Students start alike and see alike with either: compare them pair by pair.
"""

AXES = {"matmul": ("float32", "bfloat16")}
