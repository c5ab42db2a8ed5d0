"""How many auxiliary logits it takes.

Published (MNIST, noise inputs, KL, 10 seeds): m = 1 chance, 3: .76, 5: .83, 7: .87, flat from
10 on.

Found (digits, 16 seeds): 1: .113 ± .028, 2: .457 ± .053, 3: .660 ± .059, 5: .860 ± .030, 10: .948
± .010, 30: .965 ± .005, 100: .968 ± .005.

Found (MNIST, 8 seeds): 1: .101 ± .003, 2: .333 ± .042, 3: .513 ± .078, 5: .685 ± .054, 10: .820 ±
.038, 30: .894 ± .015, 100: .914 ± .009.

Agrees in shape: chance, then a rise; on MNIST it ends later (m = 30) than published (10).
"""

AXES = {"aux": (1, 2, 3, 5, 10, 20, 50, 100)}
