"""IDX, the format of MNIST (LeCun, Cortes and Burges): the files of a set, and what is in one.

A file is a magic number 0 0 type ndim, ndim big-endian uint32 sizes, then the values, last axis
fastest. What a header claims is held against a cap before anything of that size is read.
"""

import gzip
import hashlib
import math
import os
import re
import zlib
from pathlib import Path
from typing import IO

import numpy as np

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
# Theirs too: a dot before idx, other types and dimensions, and sets with names of their own, as in
# emnist-letters-test-images-idx3-ubyte.gz and qmnist-train-labels-idx2-int.
_NAME = re.compile(r"(|[^.].*?-)(train|t10k|test)-(images|labels)[.-]idx[1-4]-[a-z]+(?:\.gz)?")
TYPES = {
    0x08: (np.dtype(">u1"), "unsigned bytes"),
    0x09: (np.dtype(">i1"), "signed bytes"),
    0x0B: (np.dtype(">i2"), "16-bit integers"),
    0x0C: (np.dtype(">i4"), "32-bit integers"),
    0x0D: (np.dtype(">f4"), "32-bit floats"),
    0x0E: (np.dtype(">f8"), "64-bit floats"),
}
MOST = 2**30  # bytes of values that are read of a file: 1.3 million images of MNIST's size
# What reading a bad file raises.
BROKEN = (OSError, EOFError, zlib.error, ValueError)


def sets(folder: Path) -> dict[str, dict[str, Path]]:
    """Find the sets in a folder: by what their files' names begin with, those of `FILES` there.

    Where a file lies under two names, a compressed one counts: what is fetched then wins over
    whatever else lay there before.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    found: dict[str, dict[str, Path]] = {}
    for name in sorted(names, key=lambda n: (n.endswith(".gz"), "-idx" in n, "t10k" in n, n)):
        if (match := _NAME.fullmatch(name)) and os.path.isfile(folder / name):
            beginning, part, kind = match.groups()
            file = FILES[2 * (part != "train") + (kind == "labels")]
            found.setdefault(beginning, {})[file] = folder / name
    return found


def files(folder: Path) -> dict[str, Path]:
    """Those of `FILES` in a folder of one set, or in its `raw`, where torchvision puts them.

    Raises ValueError if there are several sets, none of them under plain names.
    """
    found = sets(folder) or sets(folder / "raw")
    whole = [name for name, there in found.items() if len(there) == len(FILES)]
    if len(whole) > 1 and "" not in whole:
        names = ", ".join(name.strip("-") for name in whole)
        raise ValueError(f"holds {names}: put the four files of one into a folder of their own")
    best = max(found, key=lambda name: (len(found[name]), name == ""), default="")
    return found.get(best, {})


def shape(path: Path) -> tuple[int, ...]:
    """Read the shape of the values from the header, and no more. Raises one of `BROKEN`."""
    with _open(path) as file:
        return _header(file)[2]


def read(path: Path, md5: str | None = None, most: int = MOST) -> np.ndarray:
    """Read a plain or gzipped file's values, of the type and shape that its header says.

    `md5` is of the whole content, decompressed; of a file that claims more than `most` bytes of
    values, none is read. Raises one of `BROKEN` for a file that is malformed or has another MD5.
    """
    content, dtype, shape = _content(path, most)
    if md5 and (found := _md5(content)) != md5:
        raise ValueError(f"wrong checksum (MD5 {found}, published {md5})")
    return np.frombuffer(content, dtype, offset=4 + 4 * len(shape)).reshape(shape)


def checksum(path: Path) -> str:
    """Take MD5 of a file's content, decompressed. Raises one of `BROKEN`."""
    return _md5(_content(path, MOST)[0])


def described(shape: tuple[int, ...], dtype: np.dtype) -> str:
    """Describe an array in words: 60000x28x28 unsigned bytes."""
    sign = {"u": "unsigned ", "i": "signed " if dtype.itemsize == 1 else "", "f": ""}[dtype.kind]
    kind = "floats" if dtype.kind == "f" else "integers"
    one = "bytes" if dtype.itemsize == 1 else f"{8 * dtype.itemsize}-bit {kind}"
    return f"{'x'.join(map(str, shape)) or 'a single'} {sign}{one}"


def _content(path: Path, most: int) -> tuple[bytearray, np.dtype, tuple[int, ...]]:
    with _open(path) as file:
        header, dtype, shape = _header(file)
        size = math.prod(shape) * dtype.itemsize
        claimed = f"its header says {described(shape, dtype)}"
        if size > most:
            raise ValueError(f"{claimed}, {size:,} bytes: must be at most {most:,}")
        content, whole = bytearray(header), len(header) + size
        # Grows with what is there, not with what is claimed, and ends a byte behind that.
        while chunk := file.read(min(1 << 20, whole + 1 - len(content))):
            content += chunk
    if len(content) != whole or not size:
        there = "more" if len(content) > whole else f"{len(content) - len(header):,} bytes"
        raise ValueError(f"holds {there}, {claimed}")
    return content, dtype, shape


def _open(path: Path) -> IO[bytes]:
    """Open a file's content, gunzipped if it begins with gzip's mark, whatever its name."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return (gzip.open if packed else open)(path, "rb")


def _header(file: IO[bytes]) -> tuple[bytes, np.dtype, tuple[int, ...]]:
    """Read the header, and the type and sizes that it claims. Raises ValueError, in words."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise ValueError(f"no IDX file, begins with {magic!r}")
    _, _, code, ndim = magic
    if code not in TYPES:
        known = ", ".join(words for _, words in TYPES.values())
        raise ValueError(f"no IDX file, its values are of type {code}: must be {known}")
    sizes = file.read(4 * ndim)
    if not 1 <= ndim <= 4 or len(sizes) < 4 * ndim:
        raise ValueError(f"{ndim} dimensions, {len(sizes)} bytes of sizes: must be 1 to 4, 4 each")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * ndim, 4))
    return magic + sizes, TYPES[code][0], shape


def _md5(content: bytes | bytearray) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
