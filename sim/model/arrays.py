"""Arrays as tasks: a user's own, from Python or an .npz file; and what makes images and labels."""

import os
import textwrap
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError, require
from sim.model.idx import MOST, described

NAMES = ("x", "y", "x_test", "y_test")
ALSO = {"x": "x_train", "y": "y_train"}  # what others call them in files
RULE = "whole numbers from 0 to 255, or floats in [0, 1] or [−1, 1]"
_HEADER = (MemoryError, tokenize.TokenError)  # of one that claims too much, or is no Python
# What reading a bad file raises.
BROKEN = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, *_HEADER)
_PUT_IN: dict[str, list[np.ndarray]] = {}  # by the name that was given


def put(name: str, *four: Any) -> None:
    """Put arrays in, to be asked for by a name. Errors: InputError for what is no task."""
    plain = isinstance(name, str) and name.replace("-", "_").isidentifier()
    require("name", name, plain, "a word: letters, digits, _ and -")
    _PUT_IN[name] = [array.copy() for array in checked(four, "")]


def given(dataset: str) -> list[np.ndarray] | None:
    """Take the arrays of a task that is a user's own: put in by that name, or of an .npz file.

    None for anything else. Errors: InputError for a file that is broken, or holds no task.
    """
    if dataset in _PUT_IN:
        return _PUT_IN[dataset]
    path = Path(os.path.expanduser(dataset))
    if path.suffix != ".npz" or not os.path.isfile(path):
        return None
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("one array, of a .npy")
        with file:
            names = [ALSO.get(n) if n not in file and ALSO.get(n) in file else n for n in NAMES]
            lacks = ", ".join(name for name in names if name not in file)
            rule = f"arrays {', '.join(NAMES)}; there are {', '.join(file) or 'none'}"
            if lacks:
                raise InputError(f"{dataset}: lacks {lacks}: must have {rule}")
            size = sum(part.file_size for part in file.zip.infolist())
            if size > MOST:  # unpacked, of which nothing is read
                raise ValueError(f"{size:,} bytes unpacked: must be at most {MOST:,}")
            four = [file[name] for name in names]
    except BROKEN as error:
        if isinstance(error, InputError):
            raise
        reason = textwrap.shorten(str(error), 60, placeholder=" …")
        raise InputError(f"{dataset}: no .npz file that can be read ({reason})") from error
    return checked(four, f"{dataset}: ")


def checked(four: Sequence[Any], where: str) -> list[np.ndarray]:
    """Check that arrays are images and labels of training and test, and go together.

    where: what a message begins with. Errors: InputError.
    """
    parts = []
    for name, of in zip(NAMES, four, strict=True):
        try:
            array = np.asarray(of)
            if array.dtype.kind == "b":  # a label, or a pixel that is black or white
                array = array.astype(np.float32 if name.startswith("x") else np.int8)
            require("type", str(array.dtype), array.dtype.kind in "uif", "numbers")
            parts.append(images(array) if name.startswith("x") else labels(array))
        except ValueError as error:
            raise InputError(f"{where}{name}: {error}") from error
    for i, fault in faults(*parts):
        raise InputError(f"{where}{NAMES[i]}: {fault}")
    return parts


def images(of: np.ndarray) -> np.ndarray:
    """Take images [n, …]. Raises ValueError for pixels of unplain meaning: no file says black."""
    if of.ndim < 2 or not of.size:
        raise ValueError(f"{described(of.shape, of.dtype)}: must be images")
    low, high = of.min(), of.max()
    if not (-1 <= low <= high <= 1 if of.dtype.kind == "f" else 0 <= low <= high <= 255):
        raise ValueError(f"pixels from {low:g} to {high:g}: must be {RULE}")
    return of


def labels(of: np.ndarray) -> np.ndarray:
    """Take a label for each image [n]. Raises ValueError for what is none."""
    if of.ndim == 2 and of.shape[1] == 1:
        of = of[:, 0]
    if of.ndim != 1 or of.dtype.kind == "f" or not of.size:
        raise ValueError(f"{described(of.shape, of.dtype)}: must be a whole number for each image")
    return of


def faults(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray
) -> Iterator[tuple[int, str]]:
    """Say in what four arrays do not go together: at which of them, and what is wrong."""
    absent = np.setdiff1d(y_test, y)
    for i, right, fault in (
        (1, len(x) == len(y), f"{len(y)} labels for {len(x)} images"),
        (3, len(x_test) == len(y_test), f"{len(y_test)} labels for {len(x_test)} images"),
        (2, x.shape[1:] == x_test.shape[1:], "images of another size than in training"),
        (
            2,
            (x.dtype.kind == "f") == (x_test.dtype.kind == "f"),
            "pixels of another type than in training",
        ),
        (1, (y != y[0]).any(), f"a single class, of label {y[0]}: must be at least 2"),
        (3, not absent.size, f"labels not in training: {listed(absent)}"),
    ):
        if not right:
            yield i, fault


def image_sides(d: int) -> tuple[int, int]:
    """Height and width of d pixels as an image: as nearly square as d allows, read row by row."""
    height = max(side for side in range(1, int(d**0.5) + 1) if d % side == 0)
    return height, d // height


def listed(labels: Sequence[int] | np.ndarray) -> str:
    """Sorted labels in words: 0, 2, 4; or 1 to 26; not more than ten of them."""
    shown = [str(label) for label in labels]
    if len(shown) > 2 and int(labels[-1]) - int(labels[0]) == len(shown) - 1:
        return f"{shown[0]} to {shown[-1]}"
    return ", ".join(shown if len(shown) <= 10 else [*shown[:8], "…", shown[-1]])
