"""What a function from outside does, written down: whatever changes it changes the bytes."""

import functools
import hashlib
import inspect
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import jax
import numpy as np

PACKAGES = ("sublim", "jax", "jaxlib", "flax", "optax", "numpy")
OURS = {"theory", "sim", *PACKAGES, "builtins"}  # modules that code or versions speak for
#: Of a class: what Python, or who sends it elsewhere, adds to what it says.
_NO_PART = {"__dict__", "__weakref__", "__doc__", "__module__", "__slotnames__", "_abc_impl"}
_NO_PART |= {"__abstractmethods__", "__firstlineno__", "__static_attributes__", "__annotations__"}
_NO_PART |= {"__dataclass_fields__", "__dataclass_params__", "__annotate_func__"}
_RULES = ("jvp", "fwd", "bwd")  # derivatives of one's own, beside the function: jax's custom_jvp
_Known = dict[int, tuple[Any, bytes]]


def fingerprint(thing: Any, known: _Known | None = None) -> bytes:
    """Write down what a function does: its code, and all that it refers to, however it holds it.

    What is of an installed package is named. What cannot be written down is taken for new in every
    process.
    """
    known = {} if known is None else known
    if id(thing) in known:
        return known[id(thing)][1]
    if not isinstance(thing, (types.FunctionType, type)) and type(thing).__module__ == "builtins":
        return _written(thing, known)  # words and numbers, and what holds them
    known[id(thing)] = thing, b"again"  # where it refers to itself
    digest = hashlib.sha256(_written(thing, known)).digest()
    known[id(thing)] = thing, digest
    return digest


def is_installed(module: str | None) -> bool:
    """Tell whether a module is of a package that is installed, or of Python: its names suffice."""
    top = (module or "").partition(".")[0]
    if top in ("__main__", "__mp_main__"):  # whose file may be a notebook's kernel
        return False
    file = getattr(sys.modules.get(module or ""), "__file__", None) or ""
    in_packages = "site-packages" in file or "dist-packages" in file
    return top in OURS or top in sys.stdlib_module_names or in_packages


def _written(thing: Any, known: _Known) -> bytes:  # noqa: PLR0911 (a kind of thing a line)
    write = functools.partial(fingerprint, known=known)
    if isinstance(thing, types.FunctionType):
        return _function(thing, known)
    if isinstance(thing, type):
        return _class(thing, known)
    if type(thing) in _HOLD or isinstance(thing, (np.ndarray, jax.Array, types.ModuleType)):
        return _held(thing, write)
    if isinstance(thing, functools.partial):
        return write([thing.func, thing.args, thing.keywords])
    if isinstance(thing, types.MethodType):
        return write([thing.__func__, thing.__self__])
    if isinstance(thing, types.CodeType):
        return thing.co_code + write([thing.co_consts, thing.co_names])
    if callable(thing) and (inner := inspect.unwrap(thing)) is not thing:  # jax's jit, custom_jvp
        rules = [getattr(thing, name, None) for name in _RULES]
        return write([type(thing).__qualname__, inner, rules])
    if not is_installed(type(thing).__module__):
        items = tuple(thing) if isinstance(thing, (list, tuple)) else ()
        slots = [name for base in type(thing).__mro__ for name in getattr(base, "__slots__", ())]
        own = {name: getattr(thing, name, None) for name in slots} | getattr(thing, "__dict__", {})
        return write([type(thing), items, own])
    try:
        return pickle.dumps(thing)
    except (pickle.PicklingError, TypeError, AttributeError):
        return repr((thing, id(thing))).encode()


_HOLD = (list, tuple, set, frozenset, dict, types.MappingProxyType)


def _held(thing: Any, write: Callable[[Any], bytes]) -> bytes:
    """Write what only holds other things: sets and tables in an order that is always the same."""
    if isinstance(thing, types.ModuleType):
        return thing.__name__.encode()
    if isinstance(thing, (np.ndarray, jax.Array)):
        return str((thing.dtype, thing.shape)).encode() + np.asarray(thing).tobytes()
    if isinstance(thing, (list, tuple)):
        return b"(" + b",".join(map(write, thing)) + b")"
    if isinstance(thing, (set, frozenset)):  # whose order is another in every process
        return b"{" + b",".join(sorted(map(write, thing))) + b"}"
    return b"{" + b",".join(sorted(write(k) + b":" + write(v) for k, v in thing.items())) + b"}"


def _function(of: types.FunctionType, known: _Known) -> bytes:
    """Write a function: by its name where that says all, else with all that it refers to."""
    write = functools.partial(fingerprint, known=known)
    name = f"{of.__module__}.{of.__qualname__}".encode()
    cells = [*_contents(of.__closure__ or ())]
    if is_installed(of.__module__):
        return name + (write(cells) if "<locals>" in of.__qualname__ else b"")
    names = {name for code in _codes(of.__code__) for name in code.co_names}
    used = {name: of.__globals__[name] for name in names if name in of.__globals__}
    asked = dict(_asked(names, used.values()))
    return write([of.__code__, of.__defaults__, of.__kwdefaults__, cells, used, asked])


def _asked(names: set[str], of: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """List what a function asks by name of modules of the user's own, and of modules in those."""
    left, seen = [*of], set()
    while left:
        module = left.pop()
        own = isinstance(module, types.ModuleType) and not is_installed(module.__name__)
        if own and module.__name__ not in seen:
            seen.add(module.__name__)
            found = {name: vars(module)[name] for name in names & vars(module).keys()}
            yield from ((f"{module.__name__}.{name}", one) for name, one in found.items())
            left += found.values()


def _class(of: type, known: _Known) -> bytes:
    """Write a class: by its name, or with its functions and what else it holds."""
    name = f"{of.__module__}.{of.__qualname__}".encode()
    if is_installed(of.__module__):
        return name
    held = {name: value for name, value in vars(of).items() if name not in _NO_PART}
    slots = (types.MemberDescriptorType, types.GetSetDescriptorType)
    held = {name: _bare(value) for name, value in held.items() if not isinstance(value, slots)}
    return fingerprint(of.__bases__, known) + fingerprint(held, known)


def _bare(value: Any) -> Any:
    """Take the functions out of what a class wraps them in."""
    if isinstance(value, (staticmethod, classmethod)):
        return value.__func__
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    return value


def _contents(cells: Iterable[types.CellType]) -> Iterator[Any]:
    for cell in cells:
        with suppress(ValueError):  # a name that has no value yet
            yield cell.cell_contents


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _codes(inner)
