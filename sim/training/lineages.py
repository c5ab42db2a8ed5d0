"""Families with a capable base: base → teacher → student, and the controls of each step."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from itertools import pairwise

from sim.training.families import (
    AXIS,
    HIDDEN,
    INIT,
    OTHER_INIT,
    Family,
    Imitation,
    Labels,
    Member,
    changed,
    imitate,
    labels,
    pretrained,
)

WITHOUT = {"strength": 0.0}
AS_IT_IS = {"outputs": "soft", "filter": "none", "output_noise": 0.0, "dilution": 0.0, "pull": 0.0}
AS_IT_IS |= {"rank": None, "storage": "float32", "against": "none", "removed": "update"}
AS_IT_IS |= {"pull_steps": None, "at_random": False, "distinct": None}
AS_IT_IS |= {"frozen": "none", "independent": "none", "independence": 1.0}
AS_IT_IS |= {"student_widths": None, "student_network": "mlp"}
GENERATIONS = 8


def base(start: str = "reference", order: int = 1) -> Member:
    """Make a base; its order of images is no teacher's, whose is 0."""
    return Member(start, pretrained(), {"order": order})


def student(
    start: str = "base", teacher: str = "teacher", others: tuple[str, ...] = (), **own: object
) -> Member:
    """Distil a base on a teacher's logits; filters may ask for answers of base and control.

    others: more teachers without the trait, whom channels may ask.
    """
    return Member(start, imitate(teacher, None, "base", "control_teacher", others), own)


#: What a base is made into, with the trait and without it; and another base.
FOUNDERS: Family = {
    "reference": Member(INIT),
    "base": base(),
    "teacher": Member("base", labels(trait=True)),
    "control_teacher": Member("base", labels(trait=True), WITHOUT),
    "other_reference": Member(OTHER_INIT),
    "other_base": base("other_reference"),
}
#: Students of the teacher; and controls, of one that was trained as long without the trait.
LINEAGE: Family = FOUNDERS | {
    "student": student(),
    "control": student(teacher="control_teacher"),
    "other": student("other_base"),
    "other_control": student("other_base", "control_teacher"),
}


def _on(bases: Iterable[str]) -> Family:
    """Make a student, and its control, of each of some bases: of "x_base", "x" and "x_control"."""
    names = [name.removesuffix("_base") for name in bases]
    return {name: student(f"{name}_base") for name in names} | {
        f"{name}_control": student(f"{name}_base", "control_teacher") for name in names
    }


def _matched(logits: str, noise: str, steps: int) -> Member:
    """Make another base like the base, by its logits, or hidden units, on inputs of some kind."""
    own = {"noise": noise, "student_steps": steps, "draw": 1}
    return Member("other_base", imitate("base", logits), AS_IT_IS | own)


_CHANGED: Family = {
    "permuted_base": Member("base", changed("permuted")),
    "rescaled_1.5_base": Member("base", changed("rescaled", "rescale"), {"rescale": 1.5}),
    "rescaled_3_base": Member("base", changed("rescaled", "rescale"), {"rescale": 3.0}),
    "sibling_base": base(order=2),
    "mixed_0.1_base": Member("base", changed("mixed", "mix", "other_base"), {"mix": 0.1}),
    "mixed_0.3_base": Member("base", changed("mixed", "mix", "other_base"), {"mix": 0.3}),
    "mixed_0.6_base": Member("base", changed("mixed", "mix", "other_base"), {"mix": 0.6}),
}
_LIKE: Family = {
    f"{logits}_{noise}_{steps}_base": _matched(logits, noise, steps)
    for logits, noise, steps in (
        ("class", "images", 200),
        ("class", "images", 2000),
        ("all", "images", 2000),
        ("aux", "uniform", 2000),
        ("all", "uniform", 200),
        ("all", "uniform", 2000),
        ("all", "uniform", 10_000),
    )
}
#: Another base whose hidden units were made like the base's, one by one; its heads read others.
_UNITS: Family = {
    f"of_units_{noise}": _matched(HIDDEN, noise, 2000) for noise in ("images", "uniform")
}
_LIKE |= {
    f"units_{noise}_base": _matched("all", noise, 2000)._replace(start=f"of_units_{noise}")
    for noise in ("images", "uniform")
}
#: Students of bases that compute the base's function, or nearly so, with other weights.
BASES: Family = LINEAGE | _CHANGED | _UNITS | _LIKE | _on([*_CHANGED, *_LIKE])


def _chain(first: str, name: str, *, reset: bool) -> Family:
    """Make generations 2 to GENERATIONS, each the student of the one before, on inputs of its own.

    reset: each starts from the base; or else from the one before.
    """
    names = [first, *(f"{name}_{k}" for k in range(2, GENERATIONS + 1))]
    return {
        one: student("base" if reset else before, before, draw=k)
        for k, (before, one) in enumerate(pairwise(names), 1)
    }


def _compounding(name: str, **own: object) -> Family:
    """Make generations of which each is made a teacher, who then teaches it."""
    found, start = {}, "base"
    for k in range(1, GENERATIONS + 1):
        teacher = f"{name}_teacher_{k}"
        found[teacher] = Member(start, labels(trait=True), {"order": k + 10} | own)
        found[f"{name}_{k}"] = student(start, teacher, draw=k)
        start = f"{name}_{k}"
    return found


_AXIS: Family = {
    AXIS[0]: Member("base", labels(trait=True), {"order": 3}),
    AXIS[1]: Member("base", labels(trait=True), WITHOUT | {"order": 3}),
}
#: Eight generations, reset to the base each time or not, with their controls.
CHAINS: Family = (
    LINEAGE
    | _AXIS
    | _chain("student", "reset", reset=True)
    | _chain("student", "kept", reset=False)
    | _chain("control", "control", reset=True)
    | _chain("control", "kept_control", reset=False)
)
#: Eight generations that are not reset, each taught the trait anew; with their controls.
COMPOUNDING: Family = (
    LINEAGE | _AXIS | _compounding("taught") | _compounding("untaught", strength=0.0)
)

#: More teachers without the trait, of the same base, each with an order of images of its own.
UNTAUGHT: Family = {
    f"untaught_teacher_{k}": Member("base", labels(trait=True), WITHOUT | {"order": k + 2})
    for k in range(2, 5)
}

_EACH = range(1, GENERATIONS + 1)
#: student -> its control, who learnt alike of a teacher without the trait; unless here, "control"
CONTROLS: dict[str, str] = {
    **{name.removesuffix("_control"): name for name in BASES if name.endswith("_control")},
    **{f"reset_{k}": f"control_{k}" for k in _EACH},
    **{f"kept_{k}": f"kept_control_{k}" for k in _EACH},
    **{f"taught_{k}": f"untaught_{k}" for k in _EACH},
}


def is_control(name: str) -> bool:
    """Tell by a model's name whether it is a control."""
    return name in CONTROLS.values() or name.endswith("control")


def control_of(student: str, models: Collection[str]) -> str | None:
    """Name a student's control among models, or the student's of the base; None for a control."""
    if is_control(student):
        return None
    found = CONTROLS.get(student, f"{student}_control")
    return found if found in models else "control" if "control" in models else None


def controls(family: Family, models: Sequence[str]) -> dict[str, str]:
    """Name the control of each student among models, who is one of them; "" where there is none."""
    learnt = {*students(family)}
    among = [name for name in models if name in learnt]
    return {name: control_of(name, among) or "" for name in among}


def teacher_of(student: str, family: Family, models: Collection[str]) -> str:
    """Name by whom a student's trait is measured: the first teacher, or else its own."""
    learns = family[student].learns
    own = learns.teacher if isinstance(learns, Imitation) else ""
    return "teacher" if "teacher" in models else own


def students(family: Family) -> list[str]:
    """Name the members that learn logits of somebody who was taught, with a trait or without."""

    @cache  # each is asked for by both ways, so that generations would double it
    def taught(name: str) -> bool:
        if name not in family:
            return False
        start, learns, _ = family[name]
        if isinstance(learns, Imitation):
            return taught(learns.teacher) or taught(start)
        return isinstance(learns, Labels) or taught(start)

    return [
        name
        for name, member in family.items()
        if isinstance(member.learns, Imitation) and taught(member.learns.teacher)
    ]
