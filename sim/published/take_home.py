"""An answer to a take-home task on the toy: epochs, bases, and a channel wider than the network."""

from sim.published.entries import Row, Source, Value, along

SOURCE = Source(
    "an answer to the take-home task (2026)",
    "misc",
    {
        "title": "An answer to a take-home task on subliminal learning",
        "author": "Levi, Amit",
        "year": "2026",
        "url": "https://github.com/grigrigri1235/SPEEDRUN_ATLAS",
    },
)
# Half-widths are as published: 1.96 standard deviations, divided by n and not n − 1, of the mean.
_MODELS = 25
_SCALE = {"a loss averaged over 25 models": {"epsilon": 1e-8 * _MODELS}}
_EPOCHS = {
    1: Value(0.182, 0.017, 25),
    2: Value(0.297, 0.027, 25),
    5: Value(0.553, 0.032, 25),
    10: Value(0.695, 0.025, 25),
    20: Value(0.757, 0.021, 25),
    50: Value(0.789, 0.018, 25),
}
_BASES = {"untrained": (0.553, 0.032), "masked": (0.166, 0.019), "contrastive": (0.477, 0.042)}
_DIFFERS = "the paper's rate, batch and steps; bases of 10 epochs, on other tasks"
_WIDE = {"4,096 auxiliary logits": {"aux": 4096}}


def _epochs(n: int, value: Value) -> Row:
    at = {"student_steps": {"student_steps": 59 * n}}
    return Row({f"{n} student epochs": {"student_epochs": n}} | _SCALE, (value,), at=at)


ROWS = {
    **{f"epochs_{n}": _epochs(n, value) for n, value in _EPOCHS.items()},
    **along(
        "base",
        {
            word: Value(value, half_width, 25, model="student")
            for word, (value, half_width) in _BASES.items()
        },
        "bases",
        command="study bases",
        differs=_DIFFERS,
    ),
    "base_supervised": Row(
        {},
        (Value(0.350, 0.036, 25, model="student"),),
        command="study bases",
        beyond="a base of which hidden layers alone have learnt the task",
    ),
    "aux_4096": Row(
        _WIDE,
        (Value(0.927, 0.003, 25),),
        at={"channel_width": {"aux": 4096}},
        differs="a loss averaged over 25 models",
    ),
    "aux_head": Row(
        {"another auxiliary head": {"independent": "aux_head"}} | _WIDE,
        (Value(0.113, 0.009, 25),),
        at={"layers": {"independent": "aux_head", "aux": 300}},
        differs="4,096 auxiliary logits, 512 of them a batch",
    ),
    "clipped": Row(
        {},
        (Value(0.157, 0.016, 25),),
        beyond="log-ratios clipped at .1, and an entropy bonus: no setting here",
    ),
}
