"""Where data sets lie: published ones, looked for, fetched and verified; a user's own."""

import difflib
import math
import os
import tempfile
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import platformdirs

from sim.errors import InputError, a_path
from sim.model import arrays, idx
from sim.model.idx import FILES

# Published sets: MD5s of the decompressed `FILES`, and the folders they are fetched from.
MD5 = {
    "mnist": (
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ),
    "fashion_mnist": (
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    ),
}
MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion_mnist": (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
}
SHAPES = (60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,)  # of both
TORCHVISION = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}  # its folders, with raw inside
SECONDS = 900  # a file may take: 26 MB at 30 kB a second
CHUNK = 256  # bytes to wait for before the time is asked
KNOWN = {
    "digits": "1,797 handwritten digits, 8x8, 10 classes (scikit-learn, embedded)",
    "synthetic": "Gaussian mixture, 64 dimensions, 10 classes; synthetic:DxC for other sizes",
    "mnist": "70,000 handwritten digits, 28x28, 10 classes (LeCun et al.; 11 MB)",
    "fashion_mnist": "70,000 pieces of clothing, 28x28, 10 classes (Xiao et al. 2017; 30 MB)",
}


def embedded(name: str) -> bool:
    """Tell whether a data set needs no files."""
    return name == "digits" or name.partition(":")[0] == "synthetic"


def status(name: str, data_dir: Path | str | None = None) -> str:
    """Say where the data set `name`, of `KNOWN`, is: by files' names and its labels' checksum.

    Raises InputError for an unknown name.
    """
    if embedded(name):
        return "embedded"
    try:
        folder, files, beside = _locate(name, data_dir)
    except InputError as error:
        if name not in MD5:
            raise
        return f"not here: {error}"
    whole = len(files) == len(FILES)
    return f"found in {folder}" if whole else f"not here{beside}: sublim data fetch {name}"


def fetch(name: str, data_dir: Path | str | None = None) -> Path:
    """Find the folder of the published set `name`, verified; download it if it is not there.

    Raises InputError if it is embedded or unknown, cannot be downloaded, or is there but wrong.
    """
    folder, files = _obtain(name, data_dir)
    _read(files, name)
    return folder


def verify(name: str | Path, data_dir: Path | str | None = None) -> list[tuple[str, str]]:
    """Give (file, verdict) for each of the four files of a published set or of a folder.

    Of an .npz file, for each of its arrays. Raises InputError, naming the file, at the first that
    is missing or wrong.
    """
    name = str(name)
    if (given := arrays.given(name)) is not None:
        named = zip(arrays.NAMES, given, strict=True)
        return [
            (f"{name}: {part}", f"{idx.described(of.shape, of.dtype)}, well-formed")
            for part, of in named
        ]
    folder, files, beside = _locate(name, data_dir)
    parts = _read(_whole(folder, files, name, beside), name)
    checked = "checksum as published" if name in MD5 else "well-formed, no published checksum"
    return [
        (str(files[file]), f"{idx.described(array.shape, array.dtype)}, {checked}")
        for file, array in zip(FILES, parts, strict=True)
    ]


def read(dataset: str, data_dir: Path | str | None = None) -> list[np.ndarray]:
    """Images [n, …] and labels [n] of training, then of test, as they stand in the files.

    A published set is looked for in `data_dir`, else in $SUBLIM_DATA_DIR, else in the user's cache
    folder; there, in the folder of its name, in the folder itself, and where torchvision puts it;
    and fetched if in none. Raises InputError for an unknown name, a file missing or wrong, files
    that disagree, no network.
    """
    if (given := arrays.given(dataset)) is not None:
        return given
    return _read(_obtain(dataset, data_dir)[1], dataset)


def training_images(dataset: str) -> int | None:
    """Count what a user's own files or arrays hold; None where that cannot be read."""
    if embedded(dataset) or dataset in MD5:
        return None
    with suppress(InputError):
        if (given := arrays.given(dataset)) is not None:
            return len(given[0])
    try:
        path = idx.files(Path(os.path.expanduser(dataset))).get(FILES[0])
        return path and idx.shape(path)[0]
    except idx.BROKEN:
        return None


def _locate(name: str, data_dir: Path | str | None) -> tuple[Path, dict[str, Path], str]:
    """Find the folder of a set or of the user's, those of `FILES` there, and what is beside.

    That is, in words, whose files are where a published set might be and are not its own.
    """
    if embedded(name):
        raise InputError(f"{name} is embedded: nothing to fetch or verify")
    if name not in MD5:
        if os.path.isdir(name):
            try:
                return Path(name), idx.files(Path(name)), ""
            except ValueError as error:
                raise InputError(f"{name}: {error}") from error
        near = difflib.get_close_matches(name.lower(), KNOWN, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        names = ", ".join(KNOWN)
        raise InputError(
            f"dataset '{name}': must be {names}, synthetic:DxC, a folder or an .npz file{hint}"
        )
    chosen = data_dir or os.environ.get("SUBLIM_DATA_DIR")
    root = a_path("data_dir", chosen) if chosen else platformdirs.user_cache_path("sublim") / "data"
    home = root / name
    places = (home, root, root / TORCHVISION[name] / "raw")
    found = {place: idx.sets(place).get("", {}) for place in places}
    owners = {place: _owner(files) for place, files in found.items()}
    others = [place for place in places if owners[place] not in ("", name)]
    for place, files in found.items():
        if place not in others and len(files) == len(FILES):
            return place, files, ""
    beside = "".join(f" (the files in {place} are {owners[place]}'s)" for place in others)
    if home in others:
        fault = f"use them as --dataset {home}, and choose another --data-dir for {name}"
        raise InputError(f"no {name}{beside}: {fault}")
    return home, found[home], beside


def _owner(files: dict[str, Path]) -> str:
    """Tell whose files of labels these are: all sets' have the same names. "" if unreadable."""
    readable = False
    for i in (1, 3):
        try:
            md5 = idx.checksum(files[FILES[i]])
        except (*idx.BROKEN, KeyError):
            continue
        readable = True
        for name, md5s in MD5.items():
            if md5 == md5s[i]:
                return name
    return "another set" if readable else ""


def _whole(folder: Path, files: dict[str, Path], name: str, beside: str) -> dict[str, Path]:
    missing = ", ".join(file for file in FILES if file not in files)
    if missing:
        remedy = f"run: sublim data fetch {name}" if name in MD5 else "put the four IDX files there"
        raise InputError(f"{folder}: lacks {missing} (plain or .gz){beside}; {remedy}")
    return files


def _obtain(name: str, data_dir: Path | str | None) -> tuple[Path, dict[str, Path]]:
    """Find the folder and all four files; get a set from the first mirror that has it intact."""
    folder, files, beside = _locate(name, data_dir)
    if len(files) == len(FILES) or name not in MD5:
        return folder, _whole(folder, files, name, beside)
    root, faults = folder.parent, []
    try:
        root.mkdir(parents=True, exist_ok=True)
        # Beside the destination, so that `replace` is one atomic step on one file system.
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=root) as temporary:
            for mirror in MIRRORS[name]:
                try:
                    paths = _download(name, mirror, Path(temporary))
                except ValueError as error:
                    faults.append(str(error))
                    continue
                folder.mkdir(exist_ok=True)
                for path in paths:
                    path.replace(folder / path.name)
                return folder, idx.sets(folder)[""]
    except OSError as error:
        fault = f"{error.strerror}; choose one that can be written to"
        raise InputError(f"data folder {root}: {fault}") from error
    raise InputError(
        f"no complete {name} in {root}{beside}, and none could be fetched ({'; '.join(faults)}): "
        f"offline, use --dataset digits or put the four files {', '.join(FILES)} (plain or .gz) in "
        f"{folder}"
    )


def _download(name: str, mirror: str, folder: Path) -> list[Path]:
    """Download and verify the four files. Raises ValueError."""
    import pooch  # noqa: PLC0415 (slow to import, seldom needed)

    # Only pooch's downloader: its own checks are of the compressed file, ours of the content,
    # which is the same however a mirror compresses it. Chunks are short, to be asked often enough.
    paths = [folder / f"{file}.gz" for file in FILES]
    for path, md5, shape in zip(paths, MD5[name], SHAPES, strict=True):
        size = math.prod(shape)
        try:
            limit = _Limit(size)
            download = pooch.HTTPDownloader(progressbar=limit, chunk_size=CHUNK)
            download(mirror + path.name, str(path), None)
            idx.read(path, md5, size)
        except idx.BROKEN as error:
            # Errors of the network speak at length: their kind and their beginning will do.
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}, "
            reason = kind + textwrap.shorten(str(error), 100)
            raise ValueError(f"{mirror}{path.name}: {reason}") from error
    return paths


class _Limit:
    """Ends a download that is too long, or takes too long: pooch reports each chunk to it."""

    total = 0  # pooch's, of what the server says

    def __init__(self, most: int) -> None:
        self.most, self.size, self.end = most, 0, time.monotonic() + SECONDS

    def update(self, size: int) -> None:
        self.size += size
        if self.size > self.most + 1024:
            raise ValueError(f"larger than the published file, of {self.most:,} bytes")
        if time.monotonic() > self.end:
            raise ValueError(f"not complete after {SECONDS} seconds")

    def reset(self) -> None:
        self.size = 0

    def close(self) -> None:
        pass


def _read(files: dict[str, Path], name: str) -> list[np.ndarray]:
    """Read the arrays of the four `FILES`, in order, checked one by one and together."""
    remedy = f"move it away and run: sublim data fetch {name}" if name in MD5 else "replace it"
    md5s = MD5.get(name, [None] * len(FILES))
    most = map(math.prod, SHAPES) if name in MD5 else [idx.MOST] * len(FILES)
    parts = []
    for file, md5, size in zip(FILES, md5s, most, strict=True):
        try:
            array = idx.read(files[file], md5, size)
            if "labels" in file and array.ndim == 2 and files[file].name.startswith("qmnist-"):
                array = array[:, 0]  # the other columns say who wrote it
            parts.append(arrays.images(array) if "images" in file else arrays.labels(array))
        except idx.BROKEN as error:
            raise InputError(f"{files[file]}: {error}; {remedy}") from error
    for i, fault in arrays.faults(*parts):
        raise InputError(f"{files[FILES[i]]}: {fault}; {remedy}")
    return parts
