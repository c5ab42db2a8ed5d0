"""GhostTrace: models one by one, in a library whose Adam corrects no bias; and a chain."""

from sim.published.entries import Row, Source, Value

SOURCE = Source(
    "GhostTrace",
    "misc",
    {
        "title": "The Behavioral Half-Life: How Subliminally-Transmitted Traits Decay Under "
        "Recursive Self-Distillation",
        "author": "Lovell, Jason",
        "year": "2026",
        "url": "https://github.com/jlov7/GhostTrace",
    },
)
# Their .073 and .032 are standard deviations of the ten, divided by n and not n − 1; half-widths
# here are of means, and of the chain from its eight branches.
_ADAM = {"Adam without bias correction": {"optimizer": "adam_uncorrected"}}
_CHAIN = {
    "teacher": (0.96, 0.002),
    "student": (0.63, 0.071),
    "reset_2": (0.36, 0.081),
    "reset_3": (0.26, 0.052),
    "reset_4": (0.20, 0.038),
    "reset_5": (0.17, 0.033),
    "reset_6": (0.15, 0.028),
}
ROWS = {
    "": Row(
        _ADAM,
        (Value(0.630, 0.055, 10), Value(0.09, 0.024, 10, model="cross_aux")),
        at={"figure10": {}},
        unknown="that its library's Adam corrects no bias is taken from the library",
    ),
    "chain": Row(
        _ADAM,
        tuple(Value(mean, half, 8, model=m) for m, (mean, half) in _CHAIN.items()),
        at={"chain": {"noise_images": 60_000}},
        differs="another Adam, and the paper's rate, batch and steps",
        command="study chain",
    ),
}
