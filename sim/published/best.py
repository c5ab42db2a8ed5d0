"""Ours: the settings at which students do best, of those that searches tried.

Chosen by accuracy on validation images alone (`sublim search`; docs/searches has the trials). What
they come to on the test images, `sublim study best` says.
"""

from sim.published.entries import Row, Source

SOURCE = Source(
    "the best of our searches",
    "misc",
    {
        "title": "sublim: a minimal-theory simulator of subliminal learning",
        "author": "{The sublim authors}",
        "year": "2026",
        "note": "settings chosen on validation images; see docs/replications.md",
    },
)
_SAID = "test accuracy in docs/replications.md"
_SQUARED = {"squared error": {"loss": "squared_error"}}


def _blurred(sd: float) -> dict[str, dict[str, object]]:
    return {f"noise blurred by {sd:g} pixels": {"noise": "blurred", "blur": sd}}


def _rates(teacher: float, student: float) -> dict[str, dict[str, float]]:
    words = f"rates {teacher:g} of the teacher, {student:g} of the student"
    return {words: {"teacher_lr": teacher, "student_lr": student}}


ROWS = {
    "": Row(
        _SQUARED
        | _blurred(1.26)
        | _rates(0.00131, 0.00132)
        | {"40 epochs": {"student_epochs": 40}},
        said=_SAID,
    ),
    "one_logit": Row(
        {"1 auxiliary logit": {"aux": 1}, "one hidden layer": {"widths": (256,)}}
        | _SQUARED
        | _blurred(1.87)
        | _rates(0.000948, 0.00263)
        | {"20 epochs": {"student_epochs": 20}, "2 teacher epochs": {"teacher_epochs": 2}},
        said=_SAID,
    ),
    "images": Row(
        {"real images": {"noise": "images"}, "one hidden layer": {"widths": (256,)}}
        | _SQUARED
        | _rates(0.00117, 0.000206)
        | {"10 epochs": {"student_epochs": 10}, "1 teacher epoch": {"teacher_epochs": 1}},
        said=_SAID,
    ),
}
