"""Steering vector distillation: whether optimisers must be adaptive, in language models."""

from sim.published.entries import Row, Source

SOURCE = Source(
    "arXiv 2606.00995",
    "misc",
    {
        "title": "Subliminal Learning Is Steering Vector Distillation",
        "year": "2026",
        "eprint": "2606.00995",
        "archiveprefix": "arXiv",
        "url": "https://github.com/agu18dec/steering-vector-distillation",
    },
)
ROWS = {
    "optimizers": Row(
        {},
        said="in language models plain SGD passes nothing on; sign-SGD, and SGD with a frozen Adam "
        "second moment, do",
        command="study optimizers",
    )
}
