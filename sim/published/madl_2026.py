"""Madl: rounding, of operands and of what is stored; and what coverage foretells."""

from sim.published.entries import Row, Source, Value

SOURCE = Source(
    "Madl, arXiv 2606.22019",
    "misc",
    {
        "title": "Channel Location Constrains the Auditability of Subliminal Learning",
        "author": "Madl",
        "year": "2026",
        "eprint": "2606.22019",
        "archiveprefix": "arXiv",
    },
)
ROWS = {
    "operands": Row(
        {"bfloat16 operands": {"matmul": "bfloat16"}},
        (Value(None, how="no effect"),),
        at={"matmul": {}},
    ),
    "storage": Row(
        {"parameters and moments stored in bfloat16": {"storage": "bfloat16"}},
        said="what passes falls from .51 to .04",
        unknown="of which networks, and in which unit",
    ),
    "coverage": Row(
        {},
        said="coverage at the first step ranks transfer, Spearman about .95",
        command="study prediction",
    ),
}
