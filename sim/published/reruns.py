"""Four independent re-runs of the recipe."""

from sim.published.entries import Row, Source, Value

SOURCE = Source(
    "four re-runs of the recipe",
    "misc",
    {"title": "Four independent re-runs of the recipe, 25 models each", "note": "unnamed, public"},
)
ROWS = {
    "": Row(
        {},
        (Value(0.548, 0.037, 25, to=0.551),),
        at={"figure10": {}, "inputs": {"inputs": "uniform"}},
        unknown="how their loss was averaged",
    )
}
