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
# ± .073 and .03 there are standard deviations of the ten; the half-widths are of their means.
_ADAM = {"Adam without bias correction": {"optimizer": "adam_uncorrected"}}
_CHAIN = {"teacher": 0.96, "student": 0.63} | {
    f"reset_{k}": value for k, value in enumerate((0.36, 0.26, 0.20, 0.17, 0.15), 2)
}
ROWS = {
    "": Row(
        _ADAM,
        (Value(0.630, 0.055, 10), Value(0.09, 0.023, 10, model="cross_aux")),
        at={"figure10": {}},
        unknown="that its library's Adam corrects no bias is taken from the library",
    ),
    "chain": Row(
        _ADAM,
        tuple(Value(value, n=8, model=model) for model, value in _CHAIN.items()),
        at={"chain": {"noise_images": 20_000}},
        differs="another Adam, fresh inputs for each generation",
        command="study chain",
    ),
}
