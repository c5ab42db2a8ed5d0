"""Tables as text, for a page or a paper: Markdown and LaTeX."""

from collections.abc import Iterable, Sequence


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Write a table in Markdown; | begins no cell in a name, and < no tag."""
    special = str.maketrans({"|": r"\|", "<": r"\<"})
    rows = [head, ["---"] * len(head), *lines]
    return "".join("| " + " | ".join(c.translate(special) for c in row) + " |\n" for row in rows)


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
