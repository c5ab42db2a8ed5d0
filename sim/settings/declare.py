"""A setting is one line: its default, whose it is, its rule, when it has an effect, its label.

All else about settings follows from these lines: checks, keys of networks, what compiles anew, what
students of one program may differ in, axes and their labels, and the groups of --help.
"""

import ast
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from enum import Flag, auto
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sim.errors import InputError, a_path, like, require
from sim.settings.rules import COUNT, Only, Rule, one_of


class Of(Flag):
    """Whose a setting is: their numbers move with it, and so do those of all that descend."""

    NOTHING = 0  # no network's: when to measure, what to keep
    NETWORK = auto()  # every network's, from its initialisation on
    BASE = auto()  # a base's, before a teacher is made of it
    TEACHER = auto()  # whoever is trained on labels
    TRAIT = auto()  # whoever is taught a trait, and what is measured of it
    CHANGE = auto()  # whoever is another network, changed
    INPUTS = auto()  # what all students of a seed are shown alike, and how long
    CHANNEL = auto()  # what is passed on of a teacher's logits
    LOGITS = auto()  # of which of them, where the member does not say
    FILTER = auto()  # which examples are left out
    STUDENT = auto()  # each student's own: those trained side by side may differ in numbers, masks


@dataclass(frozen=True)
class Setting:
    """One setting, as it was declared."""

    name: str
    default: Any
    hint: Any  # its annotation
    kinds: tuple[Any, ...]  # types of its values
    doc: str
    of: Flag
    rule: Rule | None
    only: Only | None
    somewhere: Only | None
    label: str
    group: str
    compiles: bool

    @cached_property
    def items(self) -> tuple[Any, ...]:
        """Types of what a list holds; none for a setting that takes one value at a time."""
        return next((get_args(kind)[:1] for kind in self.kinds if get_origin(kind) is tuple), ())


def setting(
    default: Any,
    *,
    of: Flag = Of.NETWORK,
    rule: Rule | None = None,
    only: Only | None = None,
    somewhere: Only | None = None,
    label: str = "",
    group: str = "",
    compiles: bool = True,
) -> Any:
    """Declare a setting, a field of a dataclass.

    Args:
      default: what it is unless given.
      of: whose it is. One that does not say is everybody's: nothing kept is mistaken for it.
      rule: what a value must be, beyond its type: one of a Literal's words, a positive int.
      only: when any but the default has an effect.
      somewhere: the same, where one point of a grid is enough: at the others it stands idle.
      label: of an axis, with its unit; unless given, the name in words.
      group: where --help shows it; unless given, that of the networks it belongs to.
      compiles: whether a new value is a new program; what is not, and a student's own, is a mask.
        (A number of a registered pytree never is.)

    """
    group = group or next((one.name.lower() for one in type(of) if one in of), "run")
    given = {"of": of, "rule": rule, "only": only, "somewhere": somewhere, "label": label}
    return field(default=default, metadata=given | {"group": group, "compiles": compiles})


@cache
def declared(cls: type) -> dict[str, Setting]:
    """Read the settings of a dataclass by name; what they mean stands below them in the source."""
    tree: Any = ast.parse(inspect.getsource(cls)).body[0]
    docs = {
        ast.unparse(line.target): " ".join(ast.literal_eval(text.value).split())
        for line, text in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(line, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
    hints, found = get_type_hints(cls), {}
    for f in fields(cls):
        hint, given = hints[f.name], dict(f.metadata)
        kinds = (hint,) if get_origin(hint) in (None, Literal, tuple) else get_args(hint)
        word = next((kind for kind in kinds if get_origin(kind) is Literal), None)
        given["rule"] = given["rule"] or (one_of(word) if word else COUNT if int in kinds else None)
        given["label"] = given["label"] or f.name.replace("_", " ")
        found[f.name] = Setting(
            f.name, f.default, hint, kinds, " ".join(docs[f.name].split()), **given
        )
    return found


def replaced(given: Mapping[str, Any], *parts: Any) -> tuple[Any, ...]:
    """Replace settings by name, in whichever of the dataclasses has them, and check them all.

    Numbers may be numpy's, lists tuples, folders text. Errors: InputError for a name that is no
    setting, with the nearest that is; for a value that breaks a rule.
    """
    owned = [declared(type(part)) for part in parts]
    for name in given:
        if not any(name in own for own in owned):
            known = {name for own in owned for name in own}
            near, every = like(name, known).removeprefix("."), ", ".join(sorted(known))
            raise InputError(f"{name} = {given[name]!r}: no such setting.{near} There are {every}")
    each = ({name: value for name, value in given.items() if name in own} for own in owned)
    return check(
        *(_with(part, own) if own else part for part, own in zip(parts, each, strict=True))
    )


def _with(part: Any, own: Mapping[str, Any]) -> Any:
    """Replace settings as `dataclasses.replace` does, in a tenth of its time: grids have many."""
    new = object.__new__(type(part))
    vars(new).update(vars(part) | own)
    return new


def check(*parts: Any) -> tuple[Any, ...]:
    """Return the same settings as plain values. Errors: InputError, the first broken rule."""
    parts, given = zip(*map(_plainly, parts), strict=True)
    values: dict[str, Any] = {}
    for part in parts:
        values |= vars(part)
    for s in (s for of_part in given for s in of_part):
        value = values[s.name]
        if s.rule and value is not None:
            s.rule.check(s.name, value, values)
        if s.only and value != s.default:
            require(s.name, value, s.only.has(values), unless(s, s.only))
    return parts


def unless(s: Setting, only: Only) -> str:
    """Say when a setting may be another than its default."""
    word = f"{s.default:g}" if isinstance(s.default, float) else s.default
    return f"{word} unless {only.says}"


def _plainly(part: Any) -> tuple[Any, list[Setting]]:
    """Take a part's values as plain ones; and list its settings that are not at their defaults.

    Those at them are right whatever the others are. (Grids have many points.)
    """
    values = vars(part)
    given = [s for name, s in declared(type(part)).items() if values[name] is not s.default]
    odd = [s for s in given if type(values[s.name]) not in s.kinds]
    new = {s.name: plain(s, values[s.name]) for s in odd}
    same = all(repr(value) == repr(values[name]) for name, value in new.items())  # numpy's are not
    return (part if same else replace(part, **new)), given


def plain(s: Setting, value: Any) -> Any:
    """Take a value as people have it for what the setting holds: numpy's numbers, lists, paths."""
    if s.items and not isinstance(value, type(None)):
        value = (value,) if isinstance(value, str) and int not in s.items else value
        listed = isinstance(value, (tuple, list)) or getattr(value, "ndim", 0) == 1
        require(s.name, value, listed, s.rule.words({}) if s.rule else "a list")
        return tuple(_single(s.name, s.items, one) for one in value)
    return _single(s.name, s.kinds, value)


def usual(part: Any, which: Callable[[Setting], Any]) -> Any:
    """Put back the defaults of those settings for which a predicate holds."""
    settings = declared(type(part)).values()
    return replace(part, **{s.name: s.default for s in settings if which(s)})


def _single(name: str, kinds: tuple[Any, ...], value: Any) -> Any:
    if type(value) in kinds:  # as most are
        return value
    if hasattr(value, "item") and not getattr(value, "ndim", 0):
        value = value.item()  # a number of numpy's
    if value is None and type(None) in kinds:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if float in kinds:
        require(name, value, number, "a number")
        with suppress(OverflowError):  # an int that no float is near
            return float(value)
        require(name, value, False, "a number")
    if int in kinds:
        require(name, value, number and value % 1 == 0, "a whole number")
        return int(value)
    if bool in kinds:
        require(name, value, isinstance(value, bool), "true or false")
        return value
    require(name, value, isinstance(value, (str, Path)), "a word")
    return a_path(name, value) if Path in kinds else str(value)
