"""A course deck: one model, the library's defaults, noise in [0, 1]."""

from sim.published.entries import Row, Source, Value

SOURCE = Source(
    "a course deck",
    "misc",
    {"title": "A course deck on subliminal learning", "note": "unnamed, public"},
)
ROWS = {
    "": Row(
        {
            "noise on [0, 1]": {"noise_scale": 0.5, "noise_shift": 0.5},
            "the library's initialisation": {"init": "uniform"},
            "rate 1e-3": {"teacher_lr": 1e-3, "student_lr": 1e-3},
            "batch 128": {"batch": 128},
        },
        (Value(0.144, n=1),),
        at={"figure10": {}},
        unknown="epochs: the paper's are taken",
    )
}
