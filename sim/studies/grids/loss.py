"""Which imitation loss the students have."""

from sim.report.published import COMMENTS, SURVEY, Published, series

AXES = {"loss": ("kl", "squared_error")}
PUBLISHED = (
    *series("loss", {"kl": 0.451, "squared_error": 0.566}, f"{SURVEY}, first"),
    *series("loss", {"kl": 0.517, "squared_error": 0.654}, f"{SURVEY}, second"),
    Published({"loss": "squared_error"}, 0.271, COMMENTS, 0.033, 20),
)
