"""The command line: `sublim --help`, or `python -m sim --help`."""

# Only the beginning is here: even an interrupt while libraries are imported ends in one line.
# ruff: noqa: PLC0415

import os
import sys
import warnings

from sim.streams import streams

MOST = 2000  # letters of an error


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. What is the user's to mend: one line on standard error.

    Exit codes: 2 for bad input, 1 for what cannot be written, 130 for Ctrl-C.
    """
    with streams():
        _main(sys.argv[1:] if arguments is None else arguments)


def _main(arguments: list[str]) -> None:
    from sim.errors import InputError, Notice, StorageError

    def ended(error: Exception, code: int) -> SystemExit:
        from rich.markup import escape

        from sim.terminal import stderr

        words = str(error)
        if len(words) > MOST:  # of a value as long as a book; the rule is at the end
            words = f"{words[: MOST // 2]} … {words[-MOST // 2 :]}"
        stderr.print(f"[red]error:[/] {escape(words)}", soft_wrap=True)
        return SystemExit(code)

    if not os.environ.get("COLUMNS", "80").strip("0 "):
        del os.environ["COLUMNS"]  # into which nothing fits
    os.environ.pop("MPLBACKEND", None)  # of a display, which no figure here needs
    try:
        try:
            from sim.commands import parse
            from sim.terminal import warn

            with warnings.catch_warnings():
                warnings.simplefilter("always", Notice)
                warnings.showwarning = lambda message, *_: warn([str(message)])
                parse(arguments)()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on, as in `sublim … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left unwritten
        raise SystemExit(141) from None
    except InputError as error:
        raise ended(error, 2) from None
    except ValueError as error:  # of jax, as it is imported: its settings are in the environment
        refused = [
            n for n in os.environ if n.startswith("JAX_") and n.lower() in str(error).lower()
        ]
        if not refused:
            raise
        raise ended(InputError(f"{refused[0]} = {os.environ[refused[0]]!r}: {error}"), 2) from None
    except StorageError as error:
        raise ended(error, 1) from None
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
