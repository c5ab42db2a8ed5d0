"""Standard output and error, as a command writes on them: words may be lost, and nothing else is.

A disk may be full on which a table is to be written, and a stream closed from the beginning. What
is computed is kept all the same, and the figures drawn; in the end it is said.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import Any


class Stream:
    """A stream of words; `lost` is why some were not written, the first time that was so.

    nowhere: where words go that cannot be written. hears: whether a reader that leaves is to be
    heard of, by BrokenPipeError.
    """

    def __init__(self, stream: Any, nowhere: Any, *, hears: bool) -> None:
        self.lost = "" if stream else "it is closed"
        self._stream, self._nowhere, self._hears = stream or nowhere, nowhere, hears
        if isinstance(stream, TextIOWrapper):  # what it has no letter for is no error
            with suppress(ValueError):
                stream.reconfigure(errors="replace")

    def __getattr__(self, name: str) -> Any:
        """Be the stream in all else."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, if that can be done."""
        self._tried(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Write what waits, if that can be done."""
        self._tried(self._stream.flush)

    def _tried(self, write: Callable[[], Any]) -> None:
        try:
            write()
        except OSError as error:
            if self._hears and isinstance(error, BrokenPipeError):
                raise
            self.lost = self.lost or error.strerror or str(error)
            with suppress(OSError):  # what waits would fail again, at the latest as Python ends
                os.dup2(self._nowhere.fileno(), self._stream.fileno())


@contextmanager
def streams() -> Iterator[None]:
    """Go on where words cannot be written; exit code 1 if the output was not, and no other is."""
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        sys.stdout = out = Stream(sys.stdout, nowhere, hears=True)
        sys.stderr = err = Stream(sys.stderr, nowhere, hears=False)
        try:
            yield
        except SystemExit as stop:
            if stop.code:
                raise
        finally:
            sys.stdout, sys.stderr = before
        if out.lost:
            print(f"error: standard output cannot be written: {out.lost}", file=err)
            err.flush()
            raise SystemExit(1)
