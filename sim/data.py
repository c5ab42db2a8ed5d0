"""Tasks: labelled images as arrays; embedded, generated, or read from files."""

import hashlib
import importlib.util
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np

from sim import sources
from sim.errors import InputError


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
    """The task called `dataset`: of `sources.KNOWN`, `synthetic:DxC`, or a folder of IDX files.

    A name wins over a folder of that name (write ./mnist for the folder); `sources.read` says where
    published sets are looked for. `validation` is the fraction [0, 1) of the training examples held
    out; digits and synthetic have a fixed split.

    Raises InputError for an unknown name, a bad argument, a file missing or broken, no network.
    """
    dataset = str(dataset)
    if not 0 <= validation < 1:
        raise InputError(f"validation {validation}: must be a fraction in [0, 1)")
    if sources.embedded(dataset):
        if validation:
            raise InputError(
                f"validation {validation}: {dataset} has its own fixed validation split; leave it 0"
            )
        return _digits() if dataset == "digits" else synthetic(*_sizes(dataset))
    x, y, x_test, y_test = sources.read(dataset, data_dir)
    held = round(validation * len(x))
    if validation and not 0 < held < len(x):
        raise InputError(f"validation {validation}: holds out {held} of {len(x)} training examples")
    order = np.random.default_rng(0).permutation(len(x))
    kept, last = np.sort(order[: len(x) - held]), order[len(x) - held :]
    # Split while still as in the file: of bytes, each float copy is four times the size.
    parts = ((x[kept], y[kept]), (x[last], y[last]), (x_test, y_test))
    white = 255 if x.dtype.kind != "f" else 1 if min(x.min(), x_test.min()) >= 0 else None
    arrays = (a for images, y in parts for a in (_floats(images, white), y))
    name = dataset if dataset in sources.MD5 else Path(dataset).resolve().name
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


def _floats(images: np.ndarray, white: float | None) -> np.ndarray:
    """Images [n, …] as float32 [n, d]: from [0, white] to [-1, 1], unless they are there already.

    There is no second float copy on the way.
    """
    x = images.reshape(len(images), math.prod(images.shape[1:])).astype(np.float32)
    if white:
        x /= white
        x -= 0.5
        x /= 0.5
    return x
