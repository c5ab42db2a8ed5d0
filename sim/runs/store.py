"""What is kept: files written whole or not at all, with checksums that are verified on reading.

Bytes are made and verified in memory: the library of the file format never sees a disk that is
full, nor a file that is damaged.
"""

import errno
import hashlib
import json
import os
import re
import uuid
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from os import fsync
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, where nobody can remove a file that is open
    flock = None

import h5py
import numpy as np
import xarray as xr
from flax.traverse_util import flatten_dict, unflatten_dict

from sim.errors import Notice, StorageError

MARK = b"\nsublim sha256 "  # and 64 digits, behind a file's content: readers of netCDF skip them
TAIL = len(MARK) + 64
PART = ".sublim-part-"  # how the name begins of what is half-written
PARAMS, ABOUT = "params", "sublim"  # their folder; the entry that says whose they are
UNREADABLE = (OSError, ValueError, KeyError, TypeError, RuntimeError, BadZipFile)  # of bad bytes


class DamagedError(ValueError):
    """A file's bytes are not those that were written; the message says how."""


def write(path: Path, content: bytes) -> None:
    """Put a file in place, whole or not at all. Errors: StorageError.

    Any number of processes may write at once, even where the file system has no locks.
    """
    part = path.with_name(f"{PART}{uuid.uuid4().hex}")
    try:
        try:
            sweep(path.parent)
            with part.open("xb") as file:
                _claim(file)
                file.write(content)
                file.flush()
                fsync(file.fileno())
                if not part.exists():  # swept before the claim, or where nodes' locks are their own
                    return write(path, content)
                if flock is None:
                    file.close()  # Windows renames no file that is open
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(_why(path, error)) from None


def _claim(file: IO[bytes], how: int = 0) -> bool:
    """Lock an open file for as long as it is open: not after its process has died.

    False if it is another's, or there are no locks here: then nobody sweeps either.
    """
    if flock is not None:
        with suppress(OSError):
            flock(file, LOCK_EX | how)
            return True
    return False


def is_anothers(file: IO[bytes]) -> bool:
    """Claim an open file unless another process has it; without locks nobody has."""
    if flock is None:
        return False
    at_once: int = LOCK_NB
    try:
        flock(file, LOCK_EX | at_once)
    except OSError as error:  # or a file system without locks
        return isinstance(error, BlockingIOError)
    return False


def _settled(folder: Path) -> bool:
    """Have a folder's own entries on the disk, before others are removed for them; or say no."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return True  # Windows opens no folders
    try:
        fsync(number)
    except OSError as error:
        return error.errno in (errno.EINVAL, errno.ENOTSUP)  # a file system that syncs no folders
    finally:
        os.close(number)
    return True


def sweep(folder: Path) -> None:
    """Remove what is half-written and nobody's: whoever writes has claimed it, and is alive."""
    names = [name for name in os.listdir(folder) if name.startswith(PART)]
    for part in map(folder.joinpath, names):
        with suppress(OSError):
            if flock is None:
                part.unlink()
                continue
            with part.open("r+b") as file:
                if _claim(file, LOCK_NB):
                    part.unlink()


def save(ds: xr.Dataset, path: Path) -> None:
    """Write a Dataset as netCDF 4, with its checksum behind it. Errors: StorageError."""
    content = _written(ds) if _is_plain(ds) else bytes(ds.to_netcdf(engine="h5netcdf"))
    write(path, sealed(content))


def load(path: Path) -> xr.Dataset:
    """Read a Dataset that `save` has written. Errors: DamagedError; OSError if it is not there."""
    content = unsealed(path.read_bytes())
    with h5py.File(BytesIO(content)) as file:
        for name in file:  # what lies elsewhere was never under this checksum
            inside = isinstance(file.get(name, getlink=True), h5py.HardLink)
            of = file[name] if inside else None
            if not inside or (isinstance(of, h5py.Dataset) and (of.is_virtual or of.external)):
                raise DamagedError(f"{name} points to another file")
        if (ds := _plain(file)) is None:
            # A unit of time makes no date of a number: as versions of xarray differ in, too.
            ds = xr.load_dataset(BytesIO(content), engine="h5netcdf", decode_times=False)
    for variable in ds.variables.values():
        variable.encoding = {}  # else the width of these words would cut longer ones later on
    return ds


#: Attributes by which netCDF keeps its own accounts, and what xarray says of how it wrote.
_ACCOUNTS = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "dtype", "_FillValue"}
_ACCOUNTS |= {"_Netcdf4Dimid", "_Netcdf4Coordinates"}
_LONG = {"REFERENCE_LIST"}  # of those, what takes long to read
#: What is said of a variable that changes nothing of how it is read.
_SAID = {"long_name", "units", "valid_range", "when", "coordinates"}


def _plain(file: h5py.File) -> xr.Dataset | None:
    """Read a Dataset of numbers, truth values and words, and what is said of them; or None.

    As xarray reads it, in less time: a store has such a file for every block of networks, and a
    finished run is one.
    """
    data, coords, named = {}, {}, set()
    for name, variable in file.items():
        attrs = {n: variable.attrs[n] for n in variable.attrs if n not in _LONG}
        scale = "CLASS" in attrs  # a coordinate along its own dimension
        alone = scale or variable.ndim == 0 if isinstance(variable, h5py.Dataset) else False
        if (said := _said(attrs)) is None or not (alone or "DIMENSION_LIST" in attrs):
            return None
        if b"not a netCDF variable" in attrs.get("NAME", b"") or not _unset(attrs):
            return None
        dims = attrs.get("DIMENSION_LIST", ())
        dims = [name] if scale else [h5py.h5r.get_name(at[0], file.id)[1:].decode() for at in dims]
        values = _text(variable) if h5py.check_string_dtype(variable.dtype) else variable[()]
        kind = bool if attrs.get("dtype") == "bool" else values.dtype
        named |= {*said.pop("coordinates", "").split()}  # beside those of dimensions
        (coords if scale else data)[name] = dims, values.astype(kind, copy=False), said
    words = {name: value for name, value in file.attrs.items() if name != "_NCProperties"}
    if not all(isinstance(value, str) or np.shape(value) == (1,) for value in words.values()):
        return None
    if not named <= data.keys() or "coordinates" in words:
        return None
    coords |= {name: data.pop(name) for name in [*data] if name in named}
    attrs = {n: value if isinstance(value, str) else value[0] for n, value in words.items()}
    return xr.Dataset(data, coords, attrs)


def _text(variable: h5py.Dataset) -> np.ndarray:
    """Read words: of plain letters, as most are, in a third of the time."""
    try:
        return np.asarray(variable[()], "S").astype(str)
    except UnicodeDecodeError:
        return np.asarray(variable.asstr()[()], str)


def _said(attrs: dict[str, Any]) -> dict[str, Any] | None:
    """Take what is said of a variable; None if xarray may read something into it."""
    said = {name: value for name, value in attrs.items() if name not in _ACCOUNTS}
    plain = (isinstance(v, str) or np.asarray(v).dtype.kind in "iuf" for v in said.values())
    if said.keys() - _SAID or not all(plain):
        return None
    return {n: v[0] if np.shape(v) == (1,) else v for n, v in said.items()}


def _is_plain(ds: xr.Dataset) -> bool:
    """Tell whether `_written` can write a Dataset, and `_plain` read it."""
    each, beside = ds.variables.values(), {*map(str, ds.coords)} - {*ds.dims}
    return (
        {*ds.dims} <= {*ds.coords}
        and beside <= {name for v in ds.data_vars.values() for name in _beside(ds, v)}
        and all(_can_be_said(value) for value in ds.attrs.values())
        and all(v.dtype.kind in "biufU" and not v.encoding for v in each)
        and all(v.attrs.keys() <= _SAID and all(map(_can_be_said, v.attrs.values())) for v in each)
        and "coordinates" not in {*ds.attrs}.union(*(v.attrs for v in each))
    )


def _can_be_said(value: Any) -> bool:
    """Tell whether an attribute is words, a number, or a row of them."""
    return isinstance(value, str) or (np.ndim(value) < 2 and np.asarray(value).dtype.kind in "iuf")


def _beside(ds: xr.Dataset, variable: xr.DataArray) -> list[str]:
    """Name a variable's coordinates beside those of its dimensions, as netCDF has them."""
    names = (name for name in variable.coords if name not in ds.dims)
    return sorted(name for name in names if isinstance(name, str) and " " not in name)


def _written(ds: xr.Dataset) -> bytes:
    """Make netCDF 4 of a plain Dataset, as xarray would, in a tenth of the time."""
    page = BytesIO()
    with h5py.File(page, "w", track_order=True) as file:
        made = {}
        for name, variable in ds.variables.items():
            text = h5py.string_dtype() if variable.dtype.kind == "U" else variable.dtype
            values = variable.values.astype(text, copy=False)
            made[name] = file.create_dataset(name, data=values, track_order=True)
            said = variable.attrs | ({"dtype": "bool"} if variable.dtype == bool else {})
            if name in ds.data_vars and (beside := _beside(ds, ds[name])):
                said["coordinates"] = " ".join(beside)
            _say(made[name], said)
        for dim in ds.dims:
            h5py.h5ds.set_scale(made[dim].id, str(dim).encode())
        for name, variable in ds.variables.items():
            for i, dim in enumerate(variable.dims if name not in ds.dims else ()):
                h5py.h5ds.attach_scale(made[name].id, made[dim].id, i)
        _say(file, ds.attrs)
    return page.getvalue()


def _say(of: h5py.File | h5py.Dataset, attrs: Mapping[Any, Any]) -> None:
    for name, value in attrs.items():
        of.attrs[name] = value if isinstance(value, str) else np.atleast_1d(value)


def _unset(attrs: dict[str, Any]) -> bool:
    """Tell whether nothing but NaN stands for what is not set."""
    value = np.asarray(attrs.get("_FillValue", np.nan))
    return value.dtype.kind == "f" and bool(np.isnan(value).all())


def sealed(content: bytes) -> bytes:
    """Add the checksum to a file's content."""
    return content + _tail(content)


def unsealed(content: bytes) -> bytes:
    """Take the checksum off, verified. Errors: DamagedError."""
    content, tail = content[:-TAIL], content[-TAIL:]
    if not tail.startswith(MARK):
        raise DamagedError("has no checksum: cut off, or not written by sublim")
    if tail != _tail(content):
        raise DamagedError("its checksum is another's: it was changed or damaged")
    return content


def _tail(content: bytes) -> bytes:
    return MARK + hashlib.sha256(content).hexdigest().encode()


def checksum(path: Path) -> str:
    """Read the checksum that a file carries, without verifying it. Errors: OSError."""
    return path.read_bytes()[-64:].decode(errors="replace")


class Store:
    """Parts of results by name, in memory and, given a folder, each in a file of its own there.

    Every file names the identity of the results it is part of: one that was damaged, or copied from
    elsewhere, is set aside with a line and counts as missing. A part that could not be written is
    tried again with the next one. Parameters of which there is no file, for want of a folder or of
    room, are kept only if `remembers` is set.
    """

    remembers = False

    def __init__(self, folder: Path | None, identity: dict[str, Any]) -> None:
        self.folder = folder
        self.identity = digest(identity)
        self.unsaved: dict[str, xr.Dataset] = {}
        self._parts: dict[str, xr.Dataset] = {}
        self._failed = False  # the last time that something was written
        self._remembered: dict[tuple[str, int], Any] = {}  # parameters

    def __iter__(self) -> Iterator[str]:
        """Name all parts that are there and whole."""
        return self.named("")

    def named(self, like: str) -> Iterator[str]:
        """Name those of them whose names end as a pattern has it: no other file is opened."""
        ends, names = re.compile(f"(?:{like})$"), {*self._parts}
        while new := self._listed() - names:  # another process may put many in one meanwhile
            names |= new
            for name in filter(ends.search, new):
                self.get(name)
        return (name for name in sorted(names) if ends.search(name) and name in self)

    def _listed(self) -> set[str]:
        there = self.folder and os.path.isdir(self.folder)
        return {file.stem for file in self.folder.glob("[!.]*.nc")} if there else set()

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def get(self, name: str) -> xr.Dataset | None:
        """Read a part, or None if it is not there."""
        if name not in self._parts and self.folder and os.path.isfile(file := self._file(name)):
            try:
                part = load(file)
                if (part.attrs.get("part"), part.attrs.get("identity")) != (name, self.identity):
                    raise DamagedError("belongs to other results")
                self._parts[name] = part
            except FileNotFoundError:
                pass  # another process has put it into a larger file meanwhile
            except UNREADABLE as error:
                set_aside(file, error)
        return self._parts.get(name)

    def is_kept(self, name: str) -> bool:
        """Tell whether a part is there, and in a file if there is a folder."""
        return name in self and name not in self.unsaved

    def put(self, name: str, part: xr.Dataset) -> None:
        """Keep a part; where that fails, say so, go on without, and try again the next time."""
        self._parts[name] = part.assign_attrs(part=name, identity=self.identity)
        if self.folder:
            self.unsaved[name] = self._parts[name]
            with self._tried():
                for one in [*self.unsaved]:
                    save(self.unsaved[one], self._file(one))
                    del self.unsaved[one]

    def drop(self, names: Iterable[str]) -> None:
        """Remove parts that others stand for; what cannot be removed does no harm."""
        if self.folder and not _settled(self.folder):
            return
        for name in names:
            self._parts.pop(name, None)
            self.unsaved.pop(name, None)
            if self.folder:
                with suppress(OSError):
                    self._file(name).unlink()

    def put_params(self, network: str, seeds: Sequence[int], θ: Any) -> None:
        """Keep the parameters θ [seed, …] of a network, a file a seed; failing that, say so."""
        flat = {name: np.asarray(leaf) for name, leaf in flattened(θ).items()}
        of_seed = {s: {name: leaf[i] for name, leaf in flat.items()} for i, s in enumerate(seeds)}
        if self.folder:
            with self._tried():
                _make(self.folder / PARAMS)  # not the folder itself, if it is gone
                _make(self.folder / PARAMS / network)
                for seed, arrays in of_seed.items():
                    page, about = BytesIO(), [network, str(seed), self.identity]
                    np.savez(page, **{ABOUT: about}, **arrays)
                    write(self._params(network, seed), sealed(page.getvalue()))
        if self.remembers and (self._failed or not self.folder):
            self._remembered |= {(network, s): unflattened(one) for s, one in of_seed.items()}

    def params(self, network: str, seed: int) -> Any | None:
        """Read a network's parameters of a seed, or None if they are not there."""
        if not self.folder or not os.path.isfile(file := self._params(network, seed)):
            return self._remembered.get((network, seed))
        try:
            arrays = dict(np.load(BytesIO(unsealed(file.read_bytes()))))
            if arrays.pop(ABOUT).tolist() != [network, str(seed), self.identity]:
                raise DamagedError("belongs to another network")
            return unflattened(arrays)
        except UNREADABLE as error:
            if not isinstance(error, FileNotFoundError):  # another process found it damaged
                set_aside(file, error)
            return self._remembered.get((network, seed))

    def has_params(self, network: str, seed: int) -> bool:
        """Tell whether a network's parameters of a seed are there, by the file's name."""
        here = (network, seed) in self._remembered
        return here or (bool(self.folder) and os.path.isfile(self._params(network, seed)))

    @contextmanager
    def _tried(self) -> Iterator[None]:
        """Say why something cannot be written here, once until it can again, and go on."""
        try:
            yield
            self._failed = False
        except StorageError as error:
            if not self._failed:
                notice(f"{error}; what was kept before is safe, this goes on without keeping")
            self._failed = True

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.nc"

    def _params(self, network: str, seed: int) -> Path:
        return self.folder / PARAMS / network / f"{seed:06d}.npz"


def flattened(θ: Any) -> dict[str, Any]:
    """Name the arrays of nested dicts by their paths: {"hidden_0/kernel": …}."""
    return flatten_dict(θ, sep="/")


def unflattened(arrays: dict[str, Any]) -> Any:
    """Put named arrays back into nested dicts."""
    return unflatten_dict(arrays, sep="/")


def digest(identity: dict[str, Any]) -> str:
    """Hash what results depend on."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _make(folder: Path) -> None:
    """Make a folder in one that is there. Errors: StorageError."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StorageError(_why(folder, error)) from None


def set_aside(file: Path, error: Exception) -> None:
    """Move a file out of the way that cannot be read as it was written, and say so."""
    aside = file.with_name(f"{file.name}.damaged")
    try:
        file.replace(aside)
        where = f"set aside as {aside.name}"
    except OSError:  # a folder that is only read
        where = "left where it is"
    notice(f"{file}: {error}; {where}, to be computed again")


def notice(text: str) -> None:
    """Say something that a user should know and that stops nothing."""
    warnings.warn(text, Notice, stacklevel=3)


def _why(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path.parent}: no space left to write {path.name}"
    if error.errno == errno.ENOENT:
        return f"{path.parent}: the folder is gone, {path.name} cannot be written"
    return f"{path}: cannot be written ({error.strerror})"
