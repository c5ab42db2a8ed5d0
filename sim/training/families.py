"""Families of networks: who starts from whom, and learns what from whom.

A network is named by its origin: the hash of its own stage's settings and of its parents' names.
Whatever has one name (and one seed) is one network, whichever command asks for it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sim.settings.declare import Of, declared
from sim.settings.grid import Point
from sim.settings.lengths import steps

INIT, OTHER_INIT = "init", "other_init"  # drawn from a seed's own keys
AUX, ALL = "aux", "all"  # which logits are imitated


class Labels(NamedTuple):
    """To learn the labels of the task's training images."""

    of = Of.TEACHER  # whose settings that takes


class Imitation(NamedTuple):
    """To learn some of a member's logits, on inputs that are no task's."""

    teacher: str
    logits: str
    of = Of.INPUTS | Of.STUDENT


class Member(NamedTuple):
    """A network: its start, a draw or another member, and what it learns from there, if it does."""

    start: str
    learns: Labels | Imitation | None = None


Family = Mapping[str, Member]
labels, imitate = Labels, Imitation

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
#: treatment -> the control that it is paired with
CONTROLS = {"student_aux": "cross_aux", "student_all": "cross_all"}


def key(family: Family, name: str, point: Point, images: int, given: Mapping[str, str] = {}) -> str:
    """Name a network by its origin, on a task with so many training images.

    `given`: of members whose parameters were handed in, a digest of those.
    """
    if name in given:
        return hashed({"given": given[name]} | stage(point, Of.NETWORK, images))
    if name in (INIT, OTHER_INIT):
        return hashed({"start": name} | stage(point, Of.NETWORK, images))
    start, learns = family[name]
    origin: dict[str, Any] = {"start": key(family, start, point, images, given)}
    if learns is None:
        return origin["start"]  # untrained, it is its start
    if isinstance(learns, Imitation):
        origin["imitates"] = key(family, learns.teacher, point, images, given), learns.logits
    return hashed(origin | stage(point, learns.of, images))


def record(
    family: Family, name: str, point: Point, images: int, given: Mapping[str, str] = {}
) -> str:
    """Name what is measured of a network. Of one that is not trained that hangs on more than it.

    Its accuracy on how it computes, its loss on the lesson of labels that it is measured by.
    """
    named = key(family, name, point, images, given)
    if family[name].learns is not None and name not in given:
        return named
    return hashed({"measured": named} | stage(point, Of.NETWORK | Of.TEACHER, images))


def stage(point: Point, of: Of, images: int) -> dict[str, Any]:
    """Name the settings that one stage of a network's making depends on, with their values."""
    settings = declared(type(point.setup)) | declared(type(point.hyper))
    found = {name: value for name, value in point.values.items() if settings[name].of & of}
    lengths = {
        f"{player}_{unit}" for player in ("teacher", "student") for unit in ("epochs", "steps")
    }
    for player, count in steps(point.setup, images).items():
        if f"{player}_steps" in found:  # however it was given
            found["steps"] = count
    if "aux" in found:  # a channel of m logits is the same thing in a network that has more of them
        found["aux"] = found["channel"] or found["aux"]
    return {name: value for name, value in found.items() if name not in {*lengths, "channel"}}


def hashed(origin: Mapping[str, Any]) -> str:
    """Hash an origin."""
    return hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()[:16]
