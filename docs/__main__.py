"""Write the pages and tables of the documentation from saved tables of our runs.

`uv run python -m docs` writes them; `uv run python -m docs runs/*-*` first takes the tables and
figures of these run folders.
"""

import sys
from pathlib import Path

from docs import pages, saved, site
from sim.errors import InputError

if __name__ == "__main__":
    try:
        saved.take(map(Path, sys.argv[1:]))
    except InputError as error:
        sys.exit(str(error))
    for page, write in site.written().items():
        page.write_text(write())
        print(page.relative_to(pages.ROOT))
