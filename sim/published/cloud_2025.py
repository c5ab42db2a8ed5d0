"""The paper: its recipe, and its figure 10."""

from sim.published.entries import Row, Source, Value

SOURCE = Source(
    "the paper",
    "article",
    {
        "title": "Language models transmit behavioural traits through hidden signals in data",
        "author": "Cloud, Alex and Le, Minh and Chua, James and Betley, Jan and Sztyber-Betley, "
        "Anna and Hilton, Jacob and Marks, Samuel and Evans, Owain",
        "journal": "Nature",
        "volume": "652",
        "pages": "615--621",
        "year": "2026",
        "eprint": "2507.14805",
        "archiveprefix": "arXiv",
    },
)
ROWS = {"": Row({}, (Value(0.5, n=100, how=">"),), at={"figure10": {}})}
