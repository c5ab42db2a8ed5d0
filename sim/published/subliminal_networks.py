"""SubliminalNetworks: fresh Gaussian noise, small batches, two laws of initial weights."""

from sim.published.entries import Row, Source, Value

SOURCE = Source(
    "SubliminalNetworks",
    "misc",
    {
        "title": "SubliminalNetworks",
        "author": "{Dezmon}",
        "year": "2025",
        "url": "https://github.com/Dezmon/SubliminalNetworks",
    },
)
_ALIKE = {
    "Gaussian noise": {"noise": "gaussian"},
    "10 epochs of fresh inputs": {"noise_images": 600_000, "student_epochs": 1},
    "rate 1e-3": {"teacher_lr": 1e-3, "student_lr": 1e-3},
    "batch 64": {"batch": 64},
    "3 teacher epochs": {"teacher_epochs": 3},
}
_SAID = "images, scaled there to mean 0 and deviation 1, are on [−1, 1] here"


def _row(law: str, init: str, same: float, other: float) -> Row:
    values = Value(same, n=1), Value(other, n=1, model="cross_aux")
    return Row({law: {"init": init}} | _ALIKE, values, at={"figure10": {}}, unknown=_SAID)


ROWS = {
    "he": _row("He-normal weights", "he_normal", 0.7677, 0.1270),
    "small": _row("N(0, .02²) weights", "small_normal", 0.2232, 0.1679),
}
