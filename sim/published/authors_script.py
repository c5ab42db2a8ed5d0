"""The authors' published script, run by us on 20 models."""

from sim.published.entries import Row, Source, Value

SOURCE = Source(
    "the authors' published script, run by us",
    "misc",
    {
        "title": "subliminal-learning: scripts/run\\_mnist\\_experiment.py",
        "author": "Le, Minh and others",
        "year": "2025",
        "url": "https://github.com/MinhxLe/subliminal-learning",
    },
)
_MODELS = 20
_VALUES = {
    "reference": (0.098, 0.010),
    "teacher": (0.9437, 0.0007),
    "student_aux": (0.561, 0.030),
    "student_all": (0.912, 0.005),
    "cross_aux": (0.103, 0.009),
    "cross_all": (0.746, 0.019),
}
ROWS = {
    "": Row(
        {"a loss summed over a batch, averaged over 20 models": {"epsilon": 1e-8 * _MODELS / 1024}},
        tuple(Value(mean, half, _MODELS, model=m) for m, (mean, half) in _VALUES.items()),
        at={"figure10": {}},
        differs="",
        unknown="its teachers' loss is averaged over the models: an ε of 2e-7, here the students'; "
        "its last batch, which is short, weighs less",
    )
}
