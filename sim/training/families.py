"""Families of networks: who starts from whom, and learns what from whom.

A network is named by its origin: the hash of its own stage's settings and of its parents' names.
Whatever has one name (and one seed) is one network, whichever command asks for it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, NamedTuple, get_args

from sim.errors import require
from sim.settings.declare import Of, declared, plain
from sim.settings.grid import Point, taken
from sim.settings.lengths import steps
from sim.settings.setup import Hyper, Optimizer, Setup

INIT, OTHER_INIT = "init", "other_init"  # drawn from a seed's own keys
#: Settings of which a member's own is counted on from the family's: two that differ always do.
COUNTED_ON = ("order", "draw")
AUX, CLASS, ALL = "aux", "class", "all"  # which logits are imitated
HIDDEN = "hidden"  # in their place, the units of the last hidden layer


class Labels(NamedTuple):
    """To learn the labels of the task's training images, some of which carry a trait."""

    trait: bool = False

    @property
    def of(self) -> Of:
        """Whose settings that takes."""
        return Of.TEACHER | Of.TRAIT if self.trait else Of.TEACHER


class Pretraining(NamedTuple):
    """To learn what the setting `base` says."""

    of = Of.TEACHER | Of.BASE


class Imitation(NamedTuple):
    """To learn a member's logits, on inputs that are no task's.

    logits: which; unless said, the setting's. base, control: members whose answers a filter may
    ask for. others: more like control, as many as the setting untaught says.
    """

    teacher: str
    logits: str | None = None
    base: str | None = None
    control: str | None = None
    others: tuple[str, ...] = ()

    @property
    def of(self) -> Of:
        """Whose settings that takes."""
        return _of_students(bool(self.logits), bool(self.control))

    def seen(self, point: Point) -> tuple[Any, ...] | None:
        """Name the logits that students must have in common to train side by side, at a point.

        A channel is made once for all of them, of what they see; what is soft and whole is not.
        """
        setup, hyper = point
        if setup.outputs == "soft" and not hyper.output_noise and not asks(point):
            return None
        return self.logits or setup.logits, hyper.channel or setup.aux

    def beside(self, point: Point | None = None) -> dict[str, str]:
        """Name the members whose answers are asked for beside the teacher's, at a point or ever."""
        if not self.control or (point and not asks(point)):
            return {}
        more = [*self.others][: point.setup.untaught - 1 if point else None]
        untaught = {f"untaught_{k}": name for k, name in enumerate(more, 2)}
        return {"base": self.base, "control": self.control} | untaught


@cache  # grids have many points, and flags are slow
def _of_students(said: bool, asks: bool) -> Of:
    own = Of.INPUTS | Of.CHANNEL | Of.STUDENT
    return own | (Of.NOTHING if said else Of.LOGITS) | (Of.FILTER if asks else Of.NOTHING)


class Change(NamedTuple):
    """To be another network without training: changed, by a number, toward another member."""

    name: str
    number: str | None = None  # the setting
    other: str | None = None
    of = Of.CHANGE


Lesson = Labels | Pretraining | Imitation | Change


class Member(NamedTuple):
    """A network: its start, a draw or another member, and what it learns from there, if it does.

    own: settings in which it is not like the others, by name.
    """

    start: str
    learns: Lesson | None = None
    own: Mapping[str, Any] = {}

    def at(self, point: Point) -> Point:
        """Take its settings at a point of a grid."""
        if not self.own and not isinstance(self.learns, Pretraining):
            return point
        counted = {k: v + point.values[k] for k, v in self.own.items() if k in COUNTED_ON}
        of = {**self.own, **counted}
        if isinstance(self.learns, Pretraining):  # as a teacher does, without trait and skill
            setup, hyper = point
            length = {"teacher_steps": setup.base_steps, "teacher_lr": hyper.base_lr}
            of = length | {"strength": 0.0, "skilled": 0.0} | of
        parts = ({k: v for k, v in of.items() if hasattr(part, k)} for part in point)
        return Point(*(replace(part, **own) for part, own in zip(point, parts, strict=True)))

    def lesson(self, point: Point) -> Lesson | None:
        """Say what it learns at a point.

        An untrained base, nothing; one of the task, labels, without the class that is withheld from
        all who are not taught it.
        """
        if not isinstance(self.learns, Pretraining):
            return self.learns
        named = {"untrained": None, "task": Labels(trait=_without(point) == "withheld")}
        return named.get(point.setup.base, self.learns)

    @property
    def parents(self) -> Iterator[str]:
        """Name the members that it needs, its start first."""
        yield self.start
        if isinstance(self.learns, Imitation):
            yield from (self.learns.teacher, *self.learns.beside().values())
        if isinstance(self.learns, Change) and self.learns.other:
            yield self.learns.other


Family = dict[str, Member]
labels, imitate, pretrained, changed = Labels, Imitation, Pretraining, Change

#: The paper's figure 10; and a placebo, whose teacher has learnt nothing.
FIGURE_10: Family = {
    "reference": Member(INIT),
    "teacher": Member("reference", labels()),
    "student_aux": Member("reference", imitate("teacher", AUX)),
    "student_all": Member("reference", imitate("teacher", ALL)),
    "cross_aux": Member(OTHER_INIT, imitate("teacher", AUX)),
    "cross_all": Member(OTHER_INIT, imitate("teacher", ALL)),
    "placebo_aux": Member("reference", imitate("reference", AUX)),
}
#: With a trait and without it, of the same base, in another order than everybody else's: along the
#: difference of their parameters others are measured.
AXIS = ("axis_teacher", "axis_control")
#: treatment -> the control that it is paired with
CONTROLS = {"student_aux": "cross_aux", "student_all": "cross_all"}


def ancestry(family: Family, names: Iterable[str]) -> set[str]:
    """Name members, and all that they descend from or ask."""
    found: set[str] = set()
    left = [*names]
    while left:
        if (name := left.pop()) in family and name not in found:
            found.add(name)
            left += family[name].parents
    return found


KINDS = {"labels": Labels, "base": Pretraining, "logits": Imitation, "change": Change}


def described(family: Family) -> dict[str, dict[str, Any]]:
    """Write a family as plain tables: each member's start, what it learns, its own settings."""
    kinds = {kind: word for word, kind in KINDS.items()}
    found = {}
    for name, (start, learns, own) in family.items():
        lesson = {} if learns is None else {"learns": kinds[type(learns)]} | learns._asdict()
        lesson = {k: v for k, v in lesson.items() if v not in (None, ())}
        found[name] = {"start": start} | lesson | {**own}
    return found


def read(tables: Mapping[str, Mapping[str, Any]]) -> Family:
    """Read a family from what `described` writes. Errors: InputError for what is no member's."""
    settings = declared(Setup) | declared(Hyper)
    found: dict[str, Member] = {}
    for name, table in tables.items():
        own = name.isprintable() and name not in ("", INIT, OTHER_INIT)
        require("members", name, own, f"names that can be printed, not {INIT} or {OTHER_INIT}")
        require(
            name, table, isinstance(table, Mapping) and "start" in table, "a table with a start"
        )
        left = dict(table)
        start, word = left.pop("start"), left.pop("learns", None)
        known = [*found, INIT, OTHER_INIT]
        require(f"{name}.start", start, start in known, "a member above, init or other_init")
        require(f"{name}.learns", word, word in (None, *KINDS), "one of " + ", ".join(KINDS))
        learns = None
        if word:
            kind = KINDS[word]
            fields = {k: left.pop(k) for k in kind._fields if k in left and not _own(k, kind, left)}
            missing = [k for k in kind._fields if k not in {*fields, *kind._field_defaults}]
            require(name, word, not missing, "given with " + ", ".join(missing))
            learns = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})
            for other in Member(start, learns).parents:
                require(name, other, other in known, "of members above it")
        for k, v in left.items():
            require(f"{name}.{k}", v, k in settings, "a setting, or what its lesson takes")
        found[name] = Member(start, learns, {k: plain(settings[k], v) for k, v in left.items()})
    return found


def _own(key: str, kind: type, table: Mapping[str, Any]) -> bool:
    """Tell whether a word is a member's own setting, though its lesson has a field so called."""
    return kind is Labels and key == "trait" and not isinstance(table[key], bool)


def traits(family: Family) -> bool:
    """Tell whether a family's members are taught traits, so that these are measured."""
    return any(isinstance(m.learns, Labels) and m.learns.trait for m in family.values())


def takes(family: Family, setting: str, at: Mapping[str, Any] = {}) -> bool:
    """Tell whether a setting has an effect on some member of a family, or on what is recorded.

    at: the other settings, as far as they are known.
    """
    of = (declared(Setup) | declared(Hyper))[setting].of
    if not of or of & Of.NETWORK or (setting == "target" and at.get("against", "none") != "none"):
        return True
    for member in family.values():
        if member.learns is None or (setting in member.own and setting not in COUNTED_ON):
            continue
        number = isinstance(member.learns, Change) and member.learns.number
        if setting == number if of & Of.CHANGE else of & member.learns.of:
            return True
    return False


class Names:
    """What the networks of a family are called, by all that their numbers hang on; each found once.

    images: the task's for training. given: of members whose parameters were handed in, a digest.
    """

    def __init__(self, family: Family, images: int, given: Mapping[str, str] = {}) -> None:
        self.family, self.images, self.given = family, images, given
        self.traits = traits(family)
        axis = AXIS if {*AXIS} <= {*family} else ()
        # Students, those who are changed, and all that come after them: named at every point.
        self._anew = {
            name
            for name in family
            if any(
                isinstance(family[one].learns, Imitation | Change)
                for one in ancestry(family, [name, *axis])
            )
        }
        self._said = lru_cache(lambda of, at: repr(sorted(stage(at, of, images).items())))
        self._points: dict[int, tuple[Point, int]] = {}
        self._alike: dict[tuple[Any, ...], int] = {}
        self._keys: dict[tuple[str, int], str] = {}
        self._records: dict[tuple[str, int], str] = {}

    def key(self, name: str, point: Point) -> str:
        """Name a network by its origin."""
        where = self._where(name, point)
        if where not in self._keys:
            self._keys[where] = self._origin(name, point)
        return self._keys[where]

    def record(self, name: str, point: Point) -> str:
        """Name what is measured of a network."""
        where = self._where(name, point)
        if where not in self._records:
            self._records[where] = self._measured(name, point)
        return self._records[where]

    def _where(self, name: str, point: Point) -> tuple[str, int]:
        """Tell points apart, for those who are no students by what can move them."""
        if id(point) not in self._points:
            number = self._alike.setdefault(_before(point), len(self._alike))
            self._points[id(point)] = point, number  # which keeps the point, and so its id
        return name, id(point) if name in self._anew else self._points[id(point)][1]

    def _of_stage(self, origin: dict[str, Any], point: Point, of: Of) -> str:
        return _hash(repr(sorted(origin.items())) + self._said(of, point))

    def _origin(self, name: str, point: Point) -> str:
        if name in (INIT, OTHER_INIT):
            return self._of_stage({"start": name}, point, Of.NETWORK)
        member = self.family[name]
        if name in self.given:  # and where it started, by which others are measured
            given = {"given": self.given[name], "start": self.key(member.start, point)}
            return self._of_stage(given, point, Of.NETWORK)
        own = member.at(point)
        origin: dict[str, Any] = {"start": self.key(member.start, point)}
        learns = member.lesson(own)
        if learns is None:
            return origin["start"]  # untrained, it is its start
        if isinstance(learns, Change):
            number = learns.number and own.values[learns.number]
            other = learns.other and self.key(learns.other, point)
            return _hash(repr((origin, learns.name, number, other)))
        if isinstance(learns, Pretraining):
            origin["learns"] = "base"
        if isinstance(learns, Imitation):
            logits = learns.logits or own.setup.logits
            origin["imitates"] = self.key(learns.teacher, point), logits
            if beside := learns.beside(own):
                origin["beside"] = {role: self.key(one, point) for role, one in beside.items()}
            if asks(own) or own.setup.outputs != "soft" or own.setup.against != "none":
                origin["target"] = own.hyper.target  # which these may go by
            if own.setup.against == "taught":
                origin["not to serve"] = own.setup.trait
        return self._of_stage(origin, own, learns.of)

    def _measured(self, name: str, point: Point) -> str:
        """Name what is measured of a network.

        Of one that is not trained that hangs on more than it: its accuracy on how it computes, its
        loss on the lesson of labels that it is measured by. Where traits are measured, on which.
        """
        measured, member = {"measured": self.key(name, point)}, self.family[name]
        own = member.at(point)
        trained = not isinstance(member.lesson(own), Change | None) and name not in self.given
        if self.traits:
            measured |= {"trait": own.setup.trait, "target": own.hyper.target}
            if own.setup.skill != "none":
                measured["skill"] = own.setup.skill
            if {*AXIS} <= {*self.family} and name not in ancestry(self.family, AXIS):
                measured |= {"axis": "-".join(self.key(one, point) for one in AXIS)}
        elif trained:
            return measured["measured"]
        by = Of.NOTHING if trained else Of.NETWORK | Of.TEACHER
        return self._of_stage(measured, own, by)


def asks(point: Point) -> bool:
    """Tell whether a channel asks for other answers than the teacher's."""
    setup, hyper = point
    passes = setup.filter != "none" or setup.outputs in ("preferred", "averaged")
    return passes or hyper.dilution > 0 or hyper.pull > 0


def stage(point: Point, of: Of, images: int) -> dict[str, Any]:
    """Name the settings that one stage of a network's making depends on, where not as usual."""
    names = _settings_of(of)
    found = {name: value for name, value in _unusual(point).items() if name in names}
    found["of"] = of.value  # which they are, where all are as usual
    if found.get("strength") == 0 and _without(point) == "kept":
        # Without the trait it is the same network, whichever trait that is.
        gone = {*_settings_of(Of.TRAIT)} - {"strength", "skill", "skilled"}
        if "skill" in found and found.get("skilled") != 0:
            gone -= {"target"}  # which the skill may be about
        found = {name: value for name, value in found.items() if name not in gone}
    for player, count in steps(point.setup, images).items():
        if f"{player}_steps" in names:  # however it was given
            found["steps"] = count
    if "aux" in names:  # a channel of m logits is the same thing in a network that has more of them
        found["aux"] = point.hyper.channel or point.setup.aux
        if _by_all(point):
            found["of all"] = point.setup.aux
    for name in SAID_OTHERWISE:
        found.pop(name, None)
    return found


#: Settings that a stage names by what they come to.
SAID_OTHERWISE = {"teacher_epochs", "teacher_steps", "student_epochs", "student_steps", "channel"}


@cache
def _settings_of(of: Of) -> frozenset[str]:
    """Name the settings of some stages."""
    return frozenset(s.name for s in (declared(Setup) | declared(Hyper)).values() if s.of & of)


@lru_cache
def _unusual(point: Point) -> dict[str, Any]:
    """Take the settings at a point that are not at their defaults: once for all its networks."""
    return {name: value for name, value in point.values.items() if value != _USUAL[name]}


_USUAL = {name: s.default for name, s in (declared(Setup) | declared(Hyper)).items()}
_OF_STUDENTS = Of.INPUTS | Of.CHANNEL | Of.LOGITS | Of.FILTER | Of.STUDENT
#: What those hang on who are no students, and more.
_before = taken(lambda s: s.of & ~_OF_STUDENTS)


def _by_all(point: Point) -> bool:
    """Tell whether a student, or what is measured of it, hangs on logits that it does not see.

    By what is drawn for an array at once, or by a mean over it; functions from outside may. Weights
    that decay move with no gradient, which displacements and updates have in them.
    """
    setup, hyper = point
    of_array = setup.storage == "stochastic" or setup.removed == "random"
    return of_array or hyper.weight_decay > 0 or setup.optimizer not in _BY_NUMBER


#: Optimisers that treat each number by itself.
_BY_NUMBER = {*get_args(Optimizer)} - {"adam_frozen"}


def _hash(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()[:16]


def _without(point: Point) -> str:
    """Say what becomes of examples that could carry the trait and do not."""
    from sim.training.traits import TRAITS  # noqa: PLC0415 (--help knows families, and no jax)

    return TRAITS[point.setup.trait].without
