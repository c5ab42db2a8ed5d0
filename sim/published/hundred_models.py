"""A study of 100 models: how many auxiliary logits it takes."""

from sim.published.entries import Source, along

SOURCE = Source(
    "a study of 100 models, unnamed",
    "misc",
    {"title": "A study of the number of auxiliary logits, 100 models", "note": "unnamed, public"},
)
ROWS = along(
    "aux",
    {1: 0.103, 2: 0.348, 3: 0.537, 5: 0.704, 10: 0.835, 20: 0.894, 50: 0.917},
    "channel_width",
    n=100,
)
