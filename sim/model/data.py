"""Tasks: labelled images as arrays; embedded, generated, or read from files."""

import hashlib
import importlib.util
import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from sim.errors import InputError, require
from sim.model import sources
from sim.model.arrays import image_sides, listed, put


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Task:
    """A classification task, as arrays on the host.

    Images are float32 [n, d_in] in about [-1, 1]; y is int32 [n] in 0 … classes-1, places in
    `labels`, which holds the labels as they were; the validation part may have n = 0. `digest` is
    the head of a SHA-256 over all six arrays: two tasks with one digest are the same data. `notes`
    say, a line each, what was not plain in reading them.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    name: str = field(metadata={"static": True})
    labels: tuple[int, ...] = field(metadata={"static": True})
    digest: str = field(metadata={"static": True})
    notes: tuple[str, ...] = field(metadata={"static": True})

    def __str__(self) -> str:
        return self.name

    @property
    def d_in(self) -> int:
        return self.x_train.shape[-1]

    @property
    def arrays(self) -> "Data":
        """List the six arrays by the names that they have here."""
        return Data(*(getattr(self, name) for name in Data._fields))

    @property
    def classes(self) -> int:
        return len(self.labels)


class Data(NamedTuple):
    """The arrays of a task, as programs take them: images [n, d_in] in [−1, 1] and labels [n]."""

    x_train: Float[Array, "images d"]
    y_train: Int[Array, " images"]
    x_val: Float[Array, "v d"]
    y_val: Int[Array, " v"]
    x_test: Float[Array, "t d"]
    y_test: Int[Array, " t"]


def task(x: Any, y: Any, x_test: Any, y_test: Any, name: str = "mine") -> Task:
    """Make a task of one's own arrays, to be given wherever a data set is.

    Args:
      x, x_test: training and test images [n, …], of one shape: whole numbers from 0 to 255, or
        floats in [0, 1] or [−1, 1]; a last axis of channels counts as neighbours in a row.
      y, y_test: a whole number for each, its label; those of training are numbered from 0.
      name: what folders, tables and commands call it, in place of an earlier one of that name.

    Errors: InputError for arrays that are none of this, or a name that is taken.

    >>> import numpy as np, sim
    >>> x = np.random.default_rng(0).uniform(-1, 1, (90, 4, 4))
    >>> mine = sim.task(x[:60], x[:60, 0, 0] > 0, x[60:], x[60:, 0, 0] > 0)
    >>> ds = sim.figure10(mine, seeds=2, teacher_steps=2, student_steps=2)
    >>> ds.attrs["dataset"], ds.attrs["classes"]
    ('mine', 2)

    """
    own = str(name) not in sources.KNOWN and not sources.embedded(str(name))
    require("name", name, own, "a name of its own: a data set of ours has this")
    put(name, x, y, x_test, y_test)
    return load(name)


def named(dataset: str | Path | Task) -> str:
    """Name a data set, as settings do. Errors: InputError for a task whose name means another."""
    if isinstance(dataset, Task):
        same = load(dataset.name).digest == dataset.digest
        require("dataset", dataset.name, same, "what this name means now: one name for each task")
    return str(dataset)


def load(
    dataset: str | Path = "digits", *, data_dir: Path | str | None = None, validation: float = 0.0
) -> Task:
    """Load the task called `dataset`: of `sources.KNOWN`, `synthetic:DxC`, or a user's own.

    That is the name of a `task`, an .npz file with arrays x, y, x_test, y_test, or an IDX folder.

    A name wins over a folder of that name (write ./mnist for the folder); `sources.read` says where
    published sets are looked for. `validation` is the fraction [0, 1) of the training examples held
    out; digits and synthetic have a fixed split. The labels that training has are numbered from 0.

    Raises InputError for an unknown name, a bad argument, a file missing or broken, no network.
    """
    dataset = os.path.expanduser(str(dataset))
    if not 0 <= validation < 1:
        raise InputError(f"validation {validation}: must be a fraction in [0, 1)")
    if sources.embedded(dataset):
        if validation:
            raise InputError(
                f"validation {validation}: {dataset} has its own fixed validation split; leave it 0"
            )
        return _digits() if dataset == "digits" else synthetic(*_sizes(dataset))
    x, y, x_test, y_test = sources.read(dataset, data_dir)
    labels, y = np.unique(y, return_inverse=True)
    held = round(validation * len(x))
    if validation and not 0 < held < len(x):
        raise InputError(f"validation {validation}: holds out {held} of {len(x)} training examples")
    order = np.random.default_rng(0).permutation(len(x))
    kept, last = np.sort(order[: len(x) - held]), order[len(x) - held :]
    if len(gone := np.setdiff1d(y, y[kept])):
        unseen = f"leaves training no image of label {listed(labels[gone])}"
        raise InputError(f"validation {validation}: {unseen}")
    # Split while still as in the file: of bytes, each float copy is four times the size.
    parts = ((x[kept], y[kept]), (x[last], y[last]), (x_test, np.searchsorted(labels, y_test)))
    white = 255 if x.dtype.kind != "f" else 1 if min(x.min(), x_test.min()) >= 0 else None
    arrays = (a for images, y in parts for a in (_floats(images, white), y))
    path = Path(dataset).resolve()
    name = dataset if dataset in sources.MD5 else path.stem if os.path.isfile(path) else path.name
    if os.path.isfile(path) and name in sources.KNOWN:
        name = path.name  # a file of the user's is not the published set
    notes = (f"{name}: {note}" for note in _notes(labels, x, white))
    return _task(name, labels.tolist(), *arrays, notes=notes)


def synthetic(
    dimension: int = 64,
    classes: int = 10,
    train: int = 2000,
    test: int = 500,
    separation: float = 6.0,
    *,
    validation: int = 500,
) -> Task:
    """Draw from `classes` Gaussians with random centres and unit noise, the same at each call.

    `train`, `test`, `validation` count examples, in equal parts per class. `separation` is the
    root mean square distance of two centres in units of the noise: at the default the best
    classifier is right on nearly all of 64 dimensions and 10 classes, and on less where many
    classes crowd few dimensions. Values are scaled to variance 1/4, so 95% lie in [-1, 1].
    """
    name = f"synthetic:{dimension}x{classes}"
    if dimension < 1 or not 2 <= classes <= train or test < 1:
        raise InputError(f"{name}: needs 1 dimension or more, 2 to {train} classes, a test example")
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

    return _task(name, range(classes), *draw(train), *draw(validation), *draw(test))


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
    return _task("digits", range(10), *(a[part] for part in parts for a in (x, y)))


def first_classes(task: Task, classes: int | None) -> Task:
    """Keep the first few classes of a task; all for None.

    Raises InputError for more than there are, for one, and where a part would have no image.
    """
    if classes is None or classes == task.classes:
        return task
    if not 2 <= classes <= task.classes:
        raise InputError(f"classes = {classes}: must be 2 to {task.classes}, those of {task.name}")
    parts = ((task.x_train, task.y_train), (task.x_val, task.y_val), (task.x_test, task.y_test))
    labels = task.labels[:classes]
    for part, (_, y) in zip(("training", "validation", "test"), parts, strict=True):
        if len(y) and not (y < classes).any():
            lack = f"no {part} image of {task.name} has label {listed(labels)}"
            raise InputError(f"classes = {classes}: {lack}")
    arrays = (a[y < classes] for x, y in parts for a in (x, y))
    return _task(task.name, labels, *arrays, notes=task.notes)


def _task(name: str, labels: Iterable[int], *arrays: np.ndarray, notes: Iterable[str] = ()) -> Task:
    arrays = (*(a if a.dtype == np.float32 else a.astype(np.int32) for a in arrays),)
    digest = hashlib.sha256()
    for a in arrays:
        digest.update(str(a.shape).encode())
        digest.update(a.reshape(-1).view(np.uint8))
    static = {"labels": tuple(labels), "digest": digest.hexdigest()[:16], "notes": tuple(notes)}
    return Task(*arrays, name=name, **static)


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


def _notes(labels: np.ndarray, images: np.ndarray, white: float | None) -> Iterator[str]:
    """Say what is not plain in how files were read."""
    if labels[-1] != len(labels) - 1 or labels[0] != 0:
        yield f"labels {listed(labels)} are numbered 0 to {len(labels) - 1}"
    if white == 255 and (brightest := images.max()) < 128:
        yield f"no pixel is above {brightest}, where white is 255: the images are nearly black"
    if white != 255:
        yield f"pixels are floats: {0 if white else -1} is taken for black, 1 for white"
    if images.ndim == 4 and 1 not in images.shape[1:]:
        yield f"the {images.shape[-1]} values of a pixel are taken for neighbours in a row"
    there = images.shape[1], math.prod(images.shape[2:])
    if images.ndim > 2 and (taken := image_sides(math.prod(there))) != there:
        said = " × ".join(map(str, images.shape[1:]))
        yield (
            f"images of {said} are taken for {taken[0]} × {taken[1]} by what knows neighbours: "
            "noise that is blurred, spectrum or perlin, the cnn, traits backdoor and turned"
        )
