"""What rounding the operands of the matrix products to bfloat16 costs.

Students start alike and see alike with either: compare them pair by pair.
"""

from sim.report.published import MADL, Published

AXES = {"matmul": ("float32", "bfloat16")}
PUBLISHED = (Published({}, None, MADL, how="no effect"),)
