"""Functions from outside, as they are sent to workers: by value, with what they refer to.

Dask's own cloudpickle writes them down, so that a worker needs no file of who asks. Modules that
they import must be there.
"""

import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sim.errors import InputError
from sim.runs import identity
from sim.settings.rules import ADDED


def packed() -> bytes:
    """Write down what was put into our tables. Errors: InputError for what cannot be sent."""
    import cloudpickle  # noqa: PLC0415 (an extra's)

    own = [*identity.from_outside()]
    names = {identity.function(one).__module__ for _, _, one in own}
    # Else those of a module would be sent as its name, which says nothing elsewhere.
    modules = [sys.modules[name] for name in names if name != "__main__" and name in sys.modules]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps((own, ADDED))
    except (pickle.PicklingError, TypeError, ValueError, RecursionError) as error:
        said = ", ".join(f"{kind} {name}" for kind, name, _ in own)
        rule = "of what can be sent to another process, or without a cluster"
        raise InputError(f"{said}: must be {rule}: {error}") from None
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


@contextmanager
def put_in(sent: bytes) -> Iterator[None]:
    """Have what was sent in our tables, on a worker, for as long as one computes for who sent it.

    Errors: InputError for a missing module.
    """
    own, words = _unpacked(sent) if sent else ([], {})
    tables = [*identity.TABLES.values(), ADDED]
    before = [dict(table) for table in tables]
    try:
        for kind, name, one in own:
            identity.TABLES[kind][name] = one
        ADDED.update(words)
        yield
    finally:
        for table, ours in zip(tables, before, strict=True):
            table.clear()
            table.update(ours)


@cache  # one object for all units: another would be compiled anew
def _unpacked(sent: bytes) -> tuple[list[tuple[str, str, Any]], dict[Any, list[str]]]:
    try:
        return pickle.loads(sent)
    except ImportError as error:
        module = getattr(error, "name", None) or error
        raise InputError(f"a worker has no module {module}: must have it, as here") from None
