"""Tasks: labelled images as arrays; embedded, generated, fetched, or read from a folder.

IDX is the format of MNIST (LeCun, Cortes and Burges): a magic number 0 0 8 ndim (8 says ubyte),
ndim big-endian uint32 sizes, then the bytes, last axis fastest.
"""

import difflib
import gzip
import hashlib
import importlib.util
import math
import os
import re
import tempfile
import textwrap
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np
import platformdirs

from sim.errors import InputError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
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
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
}
KNOWN = {
    "digits": "1,797 handwritten digits, 8x8, 10 classes (scikit-learn, embedded)",
    "synthetic": "Gaussian mixture, 64 dimensions, 10 classes; synthetic:DxC for other sizes",
    "mnist": "70,000 handwritten digits, 28x28, 10 classes (LeCun et al.; 11 MB)",
    "fashion_mnist": "70,000 pieces of clothing, 28x28, 10 classes (Xiao et al. 2017; 30 MB)",
}
# What reading or downloading a bad file raises; the errors of `requests` are OSErrors.
_BROKEN = (OSError, EOFError, zlib.error, ValueError)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Task:
    """A classification task, as arrays on the host.

    Images are float32 [n, d_in] in about [-1, 1], labels int32 [n] in 0 … classes-1; the
    validation part may have n = 0. `digest` is the head of a SHA-256 over all six arrays: two
    tasks with one digest are the same data.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    name: str = field(metadata={"static": True})
    classes: int = field(metadata={"static": True})
    digest: str = field(metadata={"static": True})

    @property
    def d_in(self) -> int:
        return self.x_train.shape[-1]


def load(
    dataset: str | Path = "digits", *, data_dir: Path | str | None = None, validation: float = 0.0
) -> Task:
    """The task called `dataset`: a name in `KNOWN`, `synthetic:DxC`, or a folder of IDX files.

    A name wins over a folder of that name (write ./mnist for the folder). A published set is
    looked for in `data_dir`, else in $SUBLIM_DATA_DIR, else in the user's cache folder; there, in
    the folder of its name, then in the folder itself; and fetched if in neither. `validation` is
    the fraction [0, 1) of the training examples held out; digits and synthetic have a fixed split.

    Raises InputError for an unknown name, a bad argument, a file missing or broken, no network.
    """
    dataset = str(dataset)
    if not 0 <= validation < 1:
        raise InputError(f"validation {validation}: must be a fraction in [0, 1)")
    if _embedded(dataset):
        if validation:
            raise InputError(
                f"validation {validation}: {dataset} has its own fixed validation split; leave it 0"
            )
        return _digits() if dataset == "digits" else synthetic(*_sizes(dataset))
    x, y, x_test, y_test = _read(_obtain(dataset, data_dir)[1], dataset)
    held = round(validation * len(x))
    if validation and not 0 < held < len(x):
        raise InputError(f"validation {validation}: holds out {held} of {len(x)} training examples")
    order = np.random.default_rng(0).permutation(len(x))
    kept, last = np.sort(order[: len(x) - held]), order[len(x) - held :]
    # Split while still bytes: each float copy is four times the size.
    parts = ((x[kept], y[kept]), (x[last], y[last]), (x_test, y_test))
    arrays = (a for images, labels in parts for a in (_floats(images), labels))
    name = dataset if dataset in MD5 else Path(dataset).resolve().name
    return _task(name, int(y.max()) + 1, *arrays)


def synthetic(
    dimension: int = 64,
    classes: int = 10,
    train: int = 2000,
    test: int = 500,
    separation: float = 6.0,
    *,
    validation: int = 500,
) -> Task:
    """A mixture of `classes` Gaussians with random centres and unit noise, the same at each call.

    `train`, `test`, `validation` count examples, in equal parts per class. `separation` is the
    root mean square distance of two centres in units of the noise: at the default the best
    classifier is right on about 0.99 of 64 dimensions and 10 classes, and on less where many
    classes crowd few dimensions. Values are scaled to variance 1/4, so 95% lie in [-1, 1].
    """
    name = f"synthetic:{dimension}x{classes}"
    if dimension < 1 or not 2 <= classes <= train:
        raise InputError(f"{name}: needs 1 dimension or more and 2 to {train} classes")
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((classes, dimension), np.float32)
    centres *= separation / math.sqrt(2 * dimension)
    scale = 0.5 / math.sqrt(1 + separation**2 / (2 * dimension))

    def draw(n):
        y = rng.permutation(np.arange(n) % classes)
        x = rng.standard_normal((n, dimension), np.float32)
        x += centres[y]
        x *= scale
        return x, y

    return _task(name, classes, *draw(train), *draw(validation), *draw(test))


def status(name: str, data_dir: Path | str | None = None) -> str:
    """Where the data set `name`, of `KNOWN`, is: by its files' names, nothing is verified."""
    if _embedded(name):
        return "embedded"
    folder, files = _locate(name, data_dir)
    whole = len(files) == len(FILES)
    return f"found in {folder}" if whole else f"not here: sublim data fetch {name}"


def fetch(name: str, data_dir: Path | str | None = None) -> Path:
    """The folder of the published set `name`, verified; downloaded if it is not there.

    Raises InputError if it is embedded or unknown, cannot be downloaded, or is there but wrong.
    """
    folder, files = _obtain(name, data_dir)
    _read(files, name)
    return folder


def verify(name: str | Path, data_dir: Path | str | None = None) -> list[tuple[str, str]]:
    """(file, verdict) for each of the four files of a published set or of a folder.

    Raises InputError, naming the file, at the first that is missing or wrong.
    """
    name = str(name)
    folder, files = _locate(name, data_dir)
    arrays = _read(_whole(folder, files, name), name)
    checked = "checksum as published" if name in MD5 else "well-formed, no published checksum"
    shapes = ("x".join(map(str, array.shape)) for array in arrays)
    return [
        (str(files[file]), f"{shape} bytes, {checked}")
        for file, shape in zip(FILES, shapes, strict=True)
    ]


def _embedded(name: str) -> bool:
    return name == "digits" or name.partition(":")[0] == "synthetic"


def _sizes(spec: str) -> tuple[int, ...]:
    match = re.fullmatch(r"synthetic(?::([0-9]{1,5})x([0-9]{1,5}))?", spec)
    if not match:
        raise InputError(f"dataset '{spec}': must be synthetic or synthetic:DxC, as synthetic:20x4")
    return tuple(int(size) for size in match.groups() if size)


def _digits() -> Task:
    # The file that sklearn.datasets.load_digits reads, without that module: it takes seconds to
    # import, which a command that only shows saved results would have to wait for.
    folder = Path(importlib.util.find_spec("sklearn").origin).parent
    table = np.loadtxt(folder / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    x, y = (table[:, :-1] / 8 - 1).astype(np.float32), table[:, -1].astype(np.int32)
    parts = np.split(np.random.default_rng(0).permutation(len(x)), [1077, 1437])
    return _task("digits", 10, *(a[part] for part in parts for a in (x, y)))


def first_classes(task: Task, classes: int | None) -> Task:
    """The task of telling its first few classes apart; None for all. Errors: InputError."""
    if classes is None or classes == task.classes:
        return task
    if classes > task.classes:
        raise InputError(f"classes = {classes}: {task.name} has {task.classes}")
    parts = ((task.x_train, task.y_train), (task.x_val, task.y_val), (task.x_test, task.y_test))
    return _task(task.name, classes, *(a[y < classes] for x, y in parts for a in (x, y)))


def _task(name: str, classes: int, *arrays: np.ndarray) -> Task:
    arrays = [a if a.dtype == np.float32 else a.astype(np.int32) for a in arrays]
    digest = hashlib.sha256()
    for a in arrays:
        digest.update(str(a.shape).encode())
        digest.update(a.reshape(-1).view(np.uint8))
    return Task(*arrays, name=name, classes=classes, digest=digest.hexdigest()[:16])


def _floats(images: np.ndarray) -> np.ndarray:
    """Bytes [n, …] as float32 [n, d] in [-1, 1], with no second float copy on the way."""
    x = images.reshape(len(images), math.prod(images.shape[1:])).astype(np.float32)
    x /= 255
    x -= 0.5
    x /= 0.5
    return x


def _files(folder: Path) -> dict[str, Path]:
    """Those of `FILES` that lie in `folder`, under any of their names."""
    # Compressed last: a fetched file then wins over whatever else lay there before.
    ends = ((dot, end) for end in ("", ".gz") for dot in (".idx", "-idx"))
    paths = [
        (file, folder / (file.replace("-idx", dot) + end)) for dot, end in ends for file in FILES
    ]
    return {file: path for file, path in paths if os.path.isfile(path)}


def _whole(folder: Path, files: dict[str, Path], name: str) -> dict[str, Path]:
    missing = ", ".join(file for file in FILES if file not in files)
    if missing:
        remedy = f"run: sublim data fetch {name}" if name in MD5 else "put the four IDX files there"
        raise InputError(f"{folder}: lacks {missing} (plain or .gz); {remedy}")
    return files


def _locate(name: str, data_dir: Path | str | None) -> tuple[Path, dict[str, Path]]:
    """The folder of a published set or of the user's, and those of `FILES` that are there."""
    if _embedded(name):
        raise InputError(f"{name} is embedded: nothing to fetch or verify")
    if name not in MD5:
        if os.path.isdir(name):
            return Path(name), _files(Path(name))
        near = difflib.get_close_matches(name.lower(), KNOWN, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        names = ", ".join(KNOWN)
        raise InputError(f"dataset '{name}': must be {names}, synthetic:DxC or a folder{hint}")
    chosen = data_dir or os.environ.get("SUBLIM_DATA_DIR")
    root = Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("sublim") / "data"
    own, shared = _files(root / name), _files(root)
    if len(own) < len(FILES) == len(shared) and not _another(name, shared[FILES[1]]):
        return root, shared
    return root / name, own


def _another(name: str, labels: Path) -> bool:
    """Whether a file of training labels is another set's: all sets' files have the same names."""
    try:
        md5 = _md5(_content(labels))
    except _BROKEN:
        return False
    return any(md5 == md5s[1] for other, md5s in MD5.items() if other != name)


def _obtain(name: str, data_dir: Path | str | None) -> tuple[Path, dict[str, Path]]:
    """As `_locate`, with all four files: else from the first mirror that has them all, intact."""
    folder, files = _locate(name, data_dir)
    if len(files) == len(FILES) or name not in MD5:
        return folder, _whole(folder, files, name)
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
                return folder, _files(folder)
    except OSError as error:
        fault = f"{error.strerror}; choose one that can be written to"
        raise InputError(f"data folder {root}: {fault}") from error
    raise InputError(
        f"no complete {name} in {root}, and none could be fetched ({'; '.join(faults)}): offline, "
        f"use --dataset digits or put the four files {', '.join(FILES)} (plain or .gz) in {folder}"
    )


def _download(name: str, mirror: str, folder: Path) -> list[Path]:
    """The four files, downloaded and verified. Raises ValueError."""
    import pooch  # noqa: PLC0415 (slow to import, seldom needed)

    # Only pooch's downloader: its own checks are of the compressed file, ours of the content,
    # which is the same however a mirror compresses it.
    download = pooch.HTTPDownloader(chunk_size=1 << 16)
    paths = [folder / f"{file}.gz" for file in FILES]
    for path, md5 in zip(paths, MD5[name], strict=True):
        try:
            download(mirror + path.name, str(path), None)
            _content(path, md5)
        except _BROKEN as error:
            # Errors of the network speak at length: their kind and their beginning will do.
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}, "
            reason = kind + textwrap.shorten(str(error), 100)
            raise ValueError(f"{mirror}{path.name}: {reason}") from error
    return paths


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _content(path: Path, md5: str | None = None) -> bytes:
    """A file's content, decompressed, and if `md5` is given, verified. Raises one of _BROKEN."""
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):  # gzip's mark, which no IDX file begins with
        content = gzip.decompress(content)
    if md5 and _md5(content) != md5:
        raise ValueError(f"wrong checksum (MD5 {_md5(content)}, published {md5})")
    return content


def _idx(content: bytes, ndim: int) -> np.ndarray:
    """The uint8 array of an IDX file, a view of its bytes. Raises ValueError."""
    magic, start = bytes([0, 0, 8, ndim]), 4 + 4 * ndim
    if content[:4] != magic:
        raise ValueError(f"bad magic number {content[:4].hex()}, must be {magic.hex()}")
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    if len(content) != start + math.prod(shape):
        raise ValueError(f"{len(content)} bytes long, its header {shape} says otherwise")
    if 0 in shape:
        raise ValueError(f"empty, its header says {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read(files: dict[str, Path], name: str) -> list[np.ndarray]:
    """The uint8 arrays of the four `FILES`, in their order, checked one by one and together."""
    remedy = f"move or delete it and run: sublim data fetch {name}" if name in MD5 else "replace it"
    arrays = []
    for file, md5 in zip(FILES, MD5.get(name, [None] * len(FILES)), strict=True):
        try:
            arrays.append(_idx(_content(files[file], md5), 3 if "images" in file else 1))
        except _BROKEN as error:
            raise InputError(f"{files[file]}: {error}; {remedy}") from error
    x, y, x_test, y_test = arrays
    for file, right, fault in (
        (FILES[1], len(x) == len(y), f"{len(y)} labels for {len(x)} images"),
        (FILES[3], len(x_test) == len(y_test), f"{len(y_test)} labels for {len(x_test)} images"),
        (FILES[2], x.shape[1:] == x_test.shape[1:], "images of another size than in training"),
        (FILES[3], y_test.max() <= y.max(), f"label {y_test.max()}, training has 0 to {y.max()}"),
    ):
        if not right:
            raise InputError(f"{files[file]}: {fault}; {remedy}")
    return arrays
