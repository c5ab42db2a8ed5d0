"""Kitkana & Arora: gradients stay aligned, and taking the aligned part out stops the transfer."""

from sim.published.entries import Row, Source

SOURCE = Source(
    "Kitkana & Arora, arXiv 2604.25779",
    "misc",
    {
        "title": "Sustained Gradient Alignment Mediates Subliminal Learning in a Multi-Step "
        "Setting: Evidence from MNIST Auxiliary Logit Distillation Experiment",
        "author": "Kitkana, Chayanon and Arora, Shivam",
        "year": "2026",
        "eprint": "2604.25779",
        "archiveprefix": "arXiv",
    },
)
ROWS = {
    "alignment": Row(
        {},
        said="the cosine of trait and distillation gradients stays weakly positive, about .05",
        command="study alignment",
    ),
    "interventions": Row(
        {},
        said="taking the aligned part out where it is positive suppresses the transfer and leaves "
        "distillation alone; liminal training does not stop it",
        command="study interventions",
    ),
}
