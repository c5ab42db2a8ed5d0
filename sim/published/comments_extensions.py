"""Comments & Extensions of Subliminal Learning: squared error on raw logits."""

from sim.published.entries import Row, Source, Value

SOURCE = Source(
    "Comments & Extensions of Subliminal Learning (2025)",
    "misc",
    {
        "title": "Comments \\& Extensions of Subliminal Learning",
        "author": "Miyamoto, Clark and Nagashima, Tets and Jiang, Alex",
        "howpublished": "Apart Research",
        "year": "2025",
        "url": "https://apartresearch.com/project/comments-extensions-of-subliminal-learning-ui8u",
    },
)
ROWS = {
    "": Row(
        {"squared error on raw logits": {"loss": "squared_error"}},
        (Value(0.271, 0.033, 20),),
        at={"figure10": {}, "loss": {"loss": "squared_error"}},
        unknown="all else: the paper's is taken",
    )
}
