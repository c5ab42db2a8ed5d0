"""How many auxiliary logits it takes."""

AXES = {"aux": (1, 2, 3, 5, 10, 20, 50, 100)}
