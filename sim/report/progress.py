"""Progress with the time left, and a stop that is heard at any moment."""

import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import escape

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

EVERY = 0.2  # seconds between what a notebook is told
UNKNOWN = "-:--:--"
INTERRUPTED = 130  # exit code of what was stopped by Ctrl-C


@contextmanager
def bar(console: Console, what: str) -> Iterator[Callable[[float, float], None]]:
    """Show a bar with the time left; its function takes the work done and the whole.

    It ends full, unless what it is of fails: also where there was nothing to do.
    """
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        _Left(),
    )
    with Progress(TextColumn(what), *columns, console=console) as progress:
        task, left = progress.add_task(what, total=None, end=None), time_left(time.monotonic)

        def tell(done: float, whole: float) -> None:
            seconds = left(done, whole)
            end = None if seconds is None else time.monotonic() + seconds
            progress.update(task, completed=done, total=whole, end=end)

        yield tell
        whole = progress.tasks[task].total or 1
        progress.update(task, completed=whole, total=whole, end=time.monotonic())


class _Left(ProgressColumn):
    """The time left, which goes down between one answer and the next: they may be minutes apart."""

    def render(self, task: Task) -> Text:
        end = task.fields["end"]
        seconds = None if end is None else max(0, end - time.monotonic())
        return Text(f"left {_duration(seconds)}", style="progress.remaining")


def time_left(clock: Callable[[], float]) -> Callable[[float, float], float | None]:
    """Make the function from the work done and the whole to the seconds left; None: not known yet.

    By the last third of the time since it was first asked, and from one answer to another: what
    begins is slow, as programs are compiled and workers come one by one, and workers that began
    together end together.
    """
    told: deque[tuple[float, float]] = deque()
    begun = None

    def left(done: float, whole: float) -> float | None:
        nonlocal begun
        now = clock()
        begun = now if begun is None else begun
        told.append((now, done))
        while len(told) > 1 and told[1][0] <= begun + 2 / 3 * (now - begun):
            told.popleft()
        at, before = told[0]
        return (now - at) * (whole - done) / (done - before) if done > before else None

    return left


def _duration(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else str(timedelta(seconds=round(seconds)))


@contextmanager
def cell(what: str) -> Iterator[Callable[[float, float], None]]:
    """Show a bar below the cell of a notebook that is running, until it is done; elsewhere none."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if not hasattr(shell, "kernel"):
        yield lambda done, whole: None
        return
    from IPython.display import display  # noqa: PLC0415

    place, shown, begun = display(_drawn(what), raw=True, display_id=True), 0.0, None
    left = time_left(time.monotonic)

    def tell(done: float, whole: float) -> None:
        nonlocal shown, begun
        now = time.monotonic()
        begun = now if begun is None else begun  # the work's: planning says nothing of it
        passed, seconds = now - begun, left(done, whole)
        if passed - shown < EVERY:
            return
        shown = passed
        words = f"{what}: {done / whole:.0%}, {_duration(passed)}, left {_duration(seconds)}"
        place.update(_drawn(words, done / whole), raw=True)

    try:
        yield tell
    finally:
        place.update({"text/plain": ""}, raw=True)


def _drawn(words: str, part: float = 0) -> dict[str, str]:
    bar = f'<progress value="{part:.4f}" style="width: 16em"></progress>'
    return {"text/plain": words, "text/html": f"<div role=status>{bar} {escape(words)}</div>"}


@contextmanager
def stopping(says: Callable[[], str]) -> Iterator[None]:
    """End the process at Ctrl-C, at once and whatever it is doing, with a line of what was saved.

    Python itself hears of an interrupt only between two of its instructions, and loses it in some
    callbacks: neither while a program is compiled or runs, nor always afterwards. So a thread of
    its own listens. Nothing needs to be tidied up: files are whole or not there, as after a kill.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, bell = socket.socketpair()
    bell.setblocking(False)

    def listen() -> None:
        with heard:
            while told := heard.recv(1):
                if told[0] == signal.SIGINT:
                    text, show_cursor = _said(says), "\x1b[?25h" if sys.stdout.isatty() else ""
                    sys.__stdout__.flush()
                    sys.__stderr__.write(f"{show_cursor}\n{text}\n")
                    sys.__stderr__.flush()
                    os._exit(INTERRUPTED)

    before = signal.signal(signal.SIGINT, lambda *_: None)
    wakeup = signal.set_wakeup_fd(bell.fileno())
    threading.Thread(target=listen, daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGINT, before)
        bell.close()  # the thread ends


def _said(says: Callable[[], str]) -> str:
    try:
        return says()
    except Exception:  # whatever the other thread was changing meanwhile
        return "Stopped."
