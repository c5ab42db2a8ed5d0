"""gaetanX21: one hidden layer, the library's initialisation, a larger rate."""

from sim.published.entries import Row, Source, Value

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
# The ten accuracies of its table have a standard deviation of .0436 (.041 if divided by n, as some
# quote it for ±); the half-width is of their mean.
ROWS = {
    "": Row(
        {
            "one hidden layer": {"widths": (256,)},
            "the library's initialisation": {"init": "uniform"},
            "rate 1e-3": {"teacher_lr": 1e-3, "student_lr": 1e-3},
        },
        (Value(0.761, 0.031, 10),),
        at={"figure10": {}, "depth": {"depth": 1}},
        differs="rate 1e-3, the library's initialisation",
    )
}
