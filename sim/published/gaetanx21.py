"""gaetanX21: one hidden layer, the library's initialisation, a larger rate; logits and images."""

from sim.published.entries import Row, Source, Value, along

SOURCE = Source(
    "gaetanX21",
    "misc",
    {
        "title": "Subliminal Learning \\& Information Bandwidth",
        "author": "{gaetanX21}",
        "year": "2025",
        "url": "https://github.com/gaetanX21/subliminal-learning",
    },
)
_HIS = {
    "one hidden layer": {"widths": (256,)},
    "the library's initialisation": {"init": "uniform"},
    "rate 1e-3": {"teacher_lr": 1e-3, "student_lr": 1e-3},
}
_DIFFERS = ", ".join(_HIS)
_ON_NOISE = {5: 0.83, 7: 0.87, **{m: Value(0.86, n=10, to=0.89) for m in (10, 20, 50, 100)}}
_ON_IMAGES = {3: 0.13, 28: 0.38, 104: 0.70, 385: 0.86, 1000: 0.88}
# The ten accuracies of its table have a standard deviation of .0436 (.041 if divided by n, as some
# quote it for ±); the half-width is of their mean.
ROWS = {
    "": Row(
        _HIS,
        (Value(0.761, 0.031, 10),),
        at={"figure10": {}, "depth": {"depth": 1}, "channel_width": {"aux": 3}},
        differs="rate 1e-3, the library's initialisation",
    ),
    **along(
        "aux",
        {1: Value(None, n=10, how="chance"), **_ON_NOISE},
        "channel_width",
        also=_HIS,
        n=10,
        differs=_DIFFERS,
    ),
    **{
        f"images_{name}": row
        for name, row in along(
            "aux",
            _ON_IMAGES,
            "channel_width_images",
            also=_HIS | {"real images": {"noise": "images"}},
            n=10,
            differs=_DIFFERS,
        ).items()
    },
}
