"""Tables as text, for a page or a paper: Markdown and LaTeX."""

import re
from collections.abc import Iterable, Sequence


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Write a table in Markdown; what a name has in it ends no cell and begins no tag."""
    rows = [head, ["---"] * len(head), *lines]
    cells = ([re.sub(r"\||<(?=[A-Za-z/!?])", r"\\\g<0>", cell) for cell in row] for row in rows)
    return "".join("| " + " | ".join(row) + " |\n" for row in cells)


def latex(head: Sequence[str], lines: Iterable[Sequence[str]], about: str) -> str:
    r"""Write a table in LaTeX, under a caption; it needs \usepackage{booktabs}."""
    rows = [_row(map(_tex, line)) + r" \\" for line in (head, *lines)]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_tex(about)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            rows[0],
            r"\midrule",
            *rows[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _row(cells: Iterable[str]) -> str:
    r"""Join cells; behind \\, a bracket or star that begins a row would be taken for its own."""
    row = " & ".join(cells)
    return f"{{{row[0]}}}{row[1:]}" if row.startswith(("[", "*")) else row


def _tex(text: str) -> str:
    """Write words in LaTeX, which has its own for some letters."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\^{}", "–": "--"}
    special |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}  # ¡, ¿, — else
    special |= {c: f"\\{c}" for c in "&%$#_{}"} | {"±": r"$\pm$", "×": r"$\times$", "−": "$-$"}
    return "".join(special.get(c, c) for c in text)
