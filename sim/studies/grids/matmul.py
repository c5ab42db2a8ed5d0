"""What rounding the operands of the matrix products to bfloat16 costs.

Published: nothing. Students start alike and see alike with either: compare them pair by pair.

Found (digits, 16 seeds): float32: .660 ± .059, bfloat16: .664 ± .058.

Found (MNIST, 40 seeds, sublim figure10 with each): bfloat16 less float32, paired, ± half of the
95 % interval: teacher .0000 ± .0002, student_aux −.001 ± .006, student_all .000 ± .001, cross_aux
+.0003 ± .0010, cross_all −.001 ± .004: within 2 standard errors of none. It took 2/3 of the time.
"""

AXES = {"matmul": ("float32", "bfloat16")}
