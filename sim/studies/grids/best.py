"""How well students can do: at settings that a search chose, on validation images alone.

`best` has the paper's channel of three auxiliary logits, and noise; the others have one logit, and
real images as inputs, where the channel is poorest. Settings are of MNIST.
"""

from sim import published

AXES = {
    "setting": {
        "the recipe": {},
        **{name: published.preset(name) for name in ("best", "best_one_logit", "best_images")},
    }
}
SETTINGS = {"models": ("student_aux", "cross_aux"), "points": 1}
