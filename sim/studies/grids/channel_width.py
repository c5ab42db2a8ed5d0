"""How many auxiliary logits it takes."""

from sim.report.published import OF_100, SURVEY, TAKE_HOME, Published, series

AXES = {"aux": (1, 2, 3, 5, 10, 20, 50, 100)}
_MODELS_100 = {1: 0.103, 2: 0.348, 3: 0.537, 5: 0.704, 10: 0.835, 20: 0.894, 50: 0.917}
PUBLISHED = (
    *series("aux", _MODELS_100, OF_100, n=100),
    Published({"aux": 1}, None, SURVEY, n=10, how="chance"),
    *series("aux", {3: 0.76, 5: 0.83, 7: 0.87}, SURVEY, n=10),
    *(Published({"aux": m}, 0.86, SURVEY, n=10, to=0.89) for m in (10, 20, 50, 100)),
    Published({"aux": 4096}, 0.927, TAKE_HOME, 0.003, 25),
)
