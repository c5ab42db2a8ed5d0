"""A re-run with a validation split, and a control without fixed points."""

from sim.published.entries import LIBRARY, Row, Source, Value

SOURCE = Source(
    "a re-run with a validation split",
    "misc",
    {
        "title": "A re-run with a validation split and a fixed-point-free control",
        "note": "unnamed, public",
    },
)
ROWS = {
    "": Row(
        {"50,000 training images": {"teacher_steps": 245}},
        (Value(0.463, 0.023, 125),),
        at={"figure10": {}},
        unknown="how many inputs students had; 50,000 images are taken for their 49 steps an epoch",
        supposed=LIBRARY,
    )
}
