"""Functions from outside, as they are sent to workers: by value, with what they refer to.

Dask's own cloudpickle writes them down, so that a worker needs no file of who asks. Packages that
they import must be there.
"""

import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

import jax

from sim.errors import InputError
from sim.runs import identity
from sim.runs.fingerprint import is_installed
from sim.settings.rules import ADDED


class Sent(NamedTuple):
    """Functions as bytes, and the fingerprint of each as it is read from them: none, of none."""

    words: bytes = b""
    fingerprints: tuple[tuple[str, str], ...] = ()


_IN_USE = Lock()  # by one who computes with functions from outside, which have names in our tables
_LAST = [b""]  # whose they were


def packed() -> Sent:
    """Write down what was put into our tables. Errors: InputError for what cannot be sent."""
    if not (own := [*identity.from_outside()]):
        return Sent()
    import cloudpickle  # noqa: PLC0415 (an extra's)

    # Else what is of a module would be sent as its name, which says nothing elsewhere.
    known = cloudpickle.list_registry_pickle_by_value()
    modules = [module for module in _users() if module.__name__ not in known]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        words = cloudpickle.dumps((own, ADDED))
        read, _ = pickle.loads(words)
    except (pickle.PicklingError, TypeError, ValueError, AttributeError, RecursionError) as error:
        said = ", ".join(f"{kind} {name}" for kind, name, _ in own)
        rule = "of what can be sent to another process, or without a cluster"
        raise InputError(f"{said}: must be {rule}: {error}") from None
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
    return Sent(words, tuple(identity.fingerprints(read)))


def _users() -> Iterator[types.ModuleType]:
    """List the modules of a user's own: no package that is installed, and nothing of Python's."""
    for name, module in [*sys.modules.items()]:
        own = isinstance(module, types.ModuleType) and getattr(module, "__name__", None) == name
        if own and not is_installed(name) and name not in ("__main__", "__mp_main__"):
            yield module


@contextmanager
def put_in(sent: Sent) -> Iterator[None]:
    """Have what was sent in our tables, on a worker, for as long as one computes for who sent it.

    Errors: InputError for a missing module, or for functions that are others here.
    """
    if not sent.words:
        yield
        return
    own, words = _unpacked(sent)
    with _IN_USE:
        if sent.words != _LAST[0]:
            jax.clear_caches()  # of programs that know others by the same names
            _LAST[0] = sent.words
        changed: list[tuple[dict[Any, Any], Any, Any]] = []
        for table, key, value in (
            *((identity.TABLES[kind], name, one) for kind, name, one in own),
            *((ADDED, literal, names) for literal, names in words.items()),
        ):
            changed.append((table, key, table.get(key)))
            table[key] = value
        try:
            yield
        finally:
            for table, key, before in reversed(changed):
                if before is None:
                    table.pop(key, None)
                else:
                    table[key] = before


@cache  # one object for all units: another would be compiled anew
def _unpacked(sent: Sent) -> tuple[list[tuple[str, str, Any]], dict[Any, list[str]]]:
    try:
        own, words = pickle.loads(sent.words)
    except (ImportError, AttributeError) as error:
        missing = getattr(error, "name", None) or error
        raise InputError(f"a worker has no module {missing}: must have it, as here") from None
    here = tuple(identity.fingerprints(own))
    if other := ", ".join(sorted({name for name, _ in {*here} ^ {*sent.fingerprints}})):
        raise InputError(f"a worker's functions are others, by what they refer to: {other}")
    return own, words
