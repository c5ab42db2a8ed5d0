"""ARC-17 lab notes: Gaussian noise, a larger rate, twenty epochs."""

from sim.published.entries import LIBRARY, Row, Source, Value

SOURCE = Source(
    "ARC-17 lab notes (2026)",
    "misc",
    {"title": "ARC-17 lab notes on subliminal learning", "author": "{ARC-17}", "year": "2026"},
)
_THEIRS = {
    "Gaussian noise": {"noise": "gaussian"},
    "rate 1e-3": {"teacher_lr": 1e-3, "student_lr": 1e-3},
    "20 epochs": {"student_epochs": 20},
}
_DIFFERS = "Gaussian noise, Adam 1e-3, 20 epochs"
_UNSAID = "the teacher's epochs: the paper's are taken"
# ± there is a standard error; times 2.26, Student's t of 10 seeds, it is our half-width.
ROWS = {
    "": Row(
        _THEIRS,
        (Value(0.452, 0.075, 10),),
        at={"figure10": {}, "layers": {"independent": "none", "aux": 3}},
        differs=_DIFFERS,
        unknown=_UNSAID,
        supposed={"20 teacher epochs": {"teacher_epochs": 20}} | LIBRARY,
    ),
    "other": Row(
        {"another initialisation": {"independent": "all"}} | _THEIRS,
        (Value(0.089, 0.038, 10),),
        at={"layers": {"independent": "all", "aux": 3}},
        differs=_DIFFERS,
        unknown=_UNSAID,
    ),
    "frozen": Row(
        {"hidden layers frozen": {"frozen": "hidden"}} | _THEIRS,
        (Value(0.088, n=10),),
        at={"frozen": {"frozen": "hidden"}},
        differs=_DIFFERS,
        unknown=_UNSAID,
    ),
    "permuted": Row(
        {"the task, of an untrained base": {"trait": "accuracy", "base": "untrained"}} | _THEIRS,
        (Value(0.41, n=6, to=0.42, model="permuted"),),
        command="study matched_bases",
        unknown=_UNSAID + "; its n is about 6",
    ),
}
