"""A family of defences: a trait that should not pass, a skill that should, by the same logits."""

from sim.training.families import Family, Imitation, Member, changed
from sim.training.lineages import FOUNDERS, UNTAUGHT, student

OTHERS = (*UNTAUGHT,)
_TAUGHT = {name: FOUNDERS[name] for name in ("teacher", "control_teacher")} | UNTAUGHT
#: All teachers, with the trait and without it, without the skill that is wanted.
UNSKILLED: Family = {
    f"unskilled_{name}": member._replace(own={**member.own} | {"skilled": 0.0})
    for name, member in _TAUGHT.items()
}
_NOISE = {"init_noise": 0.02}
#: The base with noise on its weights, and teachers that are made of that.
NOISY: Family = {"noisy_base": Member("base", changed("noisy", "init_noise"), _NOISE)} | {
    f"noisy_{name}": member._replace(start="noisy_base")
    for name, member in (_TAUGHT | UNSKILLED).items()
    if name in ("teacher", "control_teacher", "unskilled_teacher")
}
NOTHING = "nothing"
#: What is done to a student, or asked of its teacher, so that the trait does not pass.
DEFENDED_BY: dict[str, dict[str, object]] = {
    NOTHING: {},
    "stopped": {"student_steps": 100},
    "noise_0.02": {"init_noise": 0.02},
    "noise_0.05": {"init_noise": 0.05},
    "new_head": {"independent": "aux_head"},
    "own_class": {"filter": "own_class"},
    "most_50_%": {"filter": "most", "share": 0.5},
    "most_90_%": {"filter": "most", "share": 0.9},
    "hard": {"outputs": "hard"},
    "2_bits": {"outputs": "rounded", "bits": 2},
    "output_noise": {"output_noise": 0.5},
    "decay": {"optimizer": "adamw", "weight_decay": 1.0},
    "averaged_of_4": {"outputs": "averaged", "untaught": 3},
    "pull_0.001": {"pull": 0.001},
    "pull_0.01": {"pull": 0.01},
    "pull_0.1": {"pull": 0.1},
    "oracle": {"against": "backdoor"},
    "guess": {"against": "preference"},
    "rank_1": {"rank": 1},
    "rank_8": {"rank": 8},
    "bfloat16": {"storage": "bfloat16"},
    "stochastic": {"storage": "stochastic"},
}


def _defended(name: str, start: str = "base", of: str = "", **own: object) -> Family:
    """Make a student, its control, and one whose teachers lack the skill; `of` names teachers."""
    unskilled = Imitation(
        f"{of}unskilled_teacher",
        None,
        "base",
        "unskilled_control_teacher",
        tuple(f"unskilled_{other}" for other in OTHERS),
    )
    return {
        name: student(start, f"{of}teacher", OTHERS, **own),
        f"{name}_control": student(start, f"{of}control_teacher", OTHERS, **own),
        f"{name}_unskilled": Member(start, unskilled, own),
    }


_STUDENTS = (
    *(_defended(name, **own) for name, own in DEFENDED_BY.items()),
    _defended("noise_on_both", of="noisy_", **_NOISE),
    _defended("other", "other_base"),
)
#: Of each defence a student, its control, and one for the skill.
DEFENCES: Family = (
    FOUNDERS
    | UNTAUGHT
    | UNSKILLED
    | NOISY
    | dict(member for family in _STUDENTS for member in family.items())
)
