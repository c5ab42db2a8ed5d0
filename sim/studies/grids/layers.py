"""Which layers have to start where the teacher's did.

Published (arXiv 2605.23645): random hidden layers with shared heads still pass something on when m
is large; a random class head never does, a random auxiliary head hardly.

Found (digits, 16 seeds), m = 3, 30, 300: none .66 .96 .97; hidden .13 .31 .89; class_head .10 .10
.11; aux_head .31 .34 .28. Found (MNIST, 8 seeds): none .51 .89 .92; hidden .09 .14 .32;
class_head .10 .12 .12; aux_head .15 .17 .18. Agrees in all three.
"""

AXES = {
    "independent": ("none", "hidden_0", "hidden_1", "hidden", "class_head", "aux_head", "all"),
    "aux": (3, 30, 300),
}
