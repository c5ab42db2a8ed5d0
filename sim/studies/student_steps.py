"""How long students are distilled.

Published (MNIST): 1 epoch .20, 40 epochs .77.

Found (digits, 16 seeds, m = 3 unless said): .157 .216 .317 .459 .640 .773 .798 for 35 to 2,240
steps (1/16 to 4 epochs): as published.
"""

AXES = {"student_steps": (35, 70, 140, 280, 560, 1120, 2240)}
