"""A family as a tree: who starts from whom, and learns what from whom. In words, and drawn."""

from collections.abc import Sequence
from typing import NamedTuple

from sim.report.names import model as name
from sim.training.families import (
    INIT,
    OTHER_INIT,
    Change,
    Family,
    Imitation,
    Labels,
    Member,
    ancestry,
)

WIDE, HIGH, GAP, BETWEEN = 148, 38, 64, 12  # of a box, and between two, in pixels
STARTS = {INIT: "the seed's own draw", OTHER_INIT: "another draw"}
LOGITS = {"aux": "auxiliary logits", "class": "class logits", "all": "all logits"}
LOGITS |= {"hidden": "last hidden units", None: "logits"}
MOST = 40  # members that are drawn; of more, the table alone


class Box(NamedTuple):
    """A member at its place: its name on up to two lines."""

    lines: list[str]
    x: int
    y: int


class Edge(NamedTuple):
    """A line between two boxes: "starts" or "learns", and its path."""

    kind: str
    path: str


class Tree(NamedTuple):
    """boxes, edges: none where there are too many. rows: member, starts from, learns."""

    boxes: list[Box]
    edges: list[Edge]
    width: int
    height: int
    rows: list[tuple[str, str, str]]


def tree(family: Family, models: Sequence[str]) -> Tree:
    """Place each member of the models' ancestry right of all that it descends from."""
    needed = ancestry(family, models)
    shown = [member for member in family if member in needed]
    rows = [(name(m), _start(family[m].start), lesson(family[m])) for m in shown]
    if len(shown) > MOST:
        return Tree([], [], 0, 0, rows)
    level: dict[str, int] = {}
    for member in shown:
        before = [level[p] for p in family[member].parents if p in level]
        level[member] = 1 + max(before, default=-1)
    columns = [[m for m in shown if level[m] == k] for k in range(max(level.values()) + 1)]
    height = max(len(column) for column in columns) * (HIGH + BETWEEN) + BETWEEN
    place = {
        m: (
            k * (WIDE + GAP) + 2,
            round((i + 0.5) * height / len(column) - HIGH / 2),
        )
        for k, column in enumerate(columns)
        for i, m in enumerate(column)
    }
    edges = []
    for member in shown:
        of = family[member]
        if of.start in place:
            edges.append(Edge("starts", _path(place[of.start], place[member], -6)))
        if isinstance(of.learns, Imitation) and of.learns.teacher in place:
            edges.append(Edge("learns", _path(place[of.learns.teacher], place[member], 6)))
    boxes = [Box(_lines(name(m)), *place[m]) for m in shown]
    return Tree(boxes, edges, len(columns) * (WIDE + GAP) - GAP + 4, height, rows)


def lesson(member: Member) -> str:
    """Say what a member learns."""
    of = member.learns
    if of is None:
        return "nothing"
    if isinstance(of, Imitation):
        return f"{LOGITS[of.logits]} of {name(of.teacher)}"
    if isinstance(of, Labels):
        some = "none" if member.own.get("strength") == 0 else "some"  # a control's teacher
        return f"labels, {some} with the trait" if of.trait else "labels"
    if isinstance(of, Change):
        return f"nothing: it is {of.name}" + (f", toward {name(of.other)}" if of.other else "")
    return "what the setting base says"


def _start(of: str) -> str:
    return STARTS.get(of, name(of))


def _lines(text: str) -> list[str]:
    """Break a name where it is too long for its box."""
    if len(text) <= 20:
        return [text]
    middle = min(
        (i for i, c in enumerate(text) if c == " "),
        key=lambda i: abs(i - len(text) / 2),
        default=None,
    )
    return [text] if middle is None else [text[:middle].rstrip(","), text[middle + 1 :]]


def _path(start: tuple[int, int], end: tuple[int, int], off: int) -> str:
    """Write a curve from the right of a box to the left of another; two kinds lie apart."""
    x, y = start[0] + WIDE, start[1] + HIGH / 2 + off
    to_x, to_y = end[0] - 2, end[1] + HIGH / 2 + off
    bend = min(GAP, (to_x - x) / 2)
    return f"M{x} {y:g}C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g} {to_x} {to_y:g}"
