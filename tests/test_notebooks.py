"""Notebooks run from their text, small; what is committed was executed and says the same."""

from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
SMALL = {
    "00_tour": """
dataset, seeds = "synthetic:12x4", 2
settings = dict(widths=(8, 8), noise_images=64, batch=16, teacher_steps=2, student_steps=2)
theorem = dict(activation=("tanh",), width=8, inputs=8, images=8, lazy_widths=(4, 8), lazy_aux=2,
               lazy_inputs=6, lazy_seeds=2, lazy_steps=5)
""",
    "01_figure10": """
dataset, seeds = "synthetic:12x4", 3
settings = dict(widths=(16, 16), noise_images=96, teacher_steps=6, student_steps=6, points=2)
""",
    "02_theorem": """
dataset, seeds = "synthetic:12x4", 3
settings = dict(activation=("tanh",), width=8, inputs=8, images=8, lazy_widths=(4, 8), lazy_aux=2,
                lazy_inputs=6, lazy_seeds=2, lazy_steps=5)
studies = {"depth": (2,)}
""",
    "03_your_own_question": """
seeds = 2
settings = dict(teacher_steps=3, student_epochs=1, points=1)
""",
    "03_many_steps": """
dataset, seeds = "synthetic:12x4", 2
settings = dict(widths=(8, 8), noise_images=64, batch=16, teacher_steps=2, student_steps=8)
""",
    "04_lineage": """
dataset, seeds, student_steps, generations = "synthetic:12x4", 2, 2, 3
settings = dict(widths=(8, 8), noise_images=64, batch=16, base_steps=2, teacher_steps=2)
""",
    "05_replications": """
dataset, seeds = "synthetic:12x4", 2
row, settings = "gaetanx21", dict(widths=(8, 8), noise_images=64, batch=16, teacher_steps=2,
                                  student_steps=2)
""",
}
PICTURES = {
    "00_tour": 2,
    "01_figure10": 2,
    "02_theorem": 5,
    "03_your_own_question": 2,
    "03_many_steps": 4,
    "04_lineage": 7,
    "05_replications": 2,
}


def test_every_notebook_is_known():
    assert {path.stem for path in NOTEBOOKS.glob("*.py")} == set(SMALL)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("00_tour", marks=pytest.mark.slow),
        pytest.param("01_figure10", marks=pytest.mark.slow),
        pytest.param("02_theorem", marks=pytest.mark.slow),
        pytest.param("03_your_own_question", marks=pytest.mark.slow),
        pytest.param("03_many_steps", marks=pytest.mark.slow),
        pytest.param("04_lineage", marks=pytest.mark.slow),
        pytest.param("05_replications", marks=pytest.mark.slow),
    ],
)
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own machinery
def test_runs_small(name, tmp_path):
    notebook = jupytext.read(NOTEBOOKS / f"{name}.py")
    (parameters,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    parameters.source = SMALL[name]
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    assert sum("image/png" in out.get("data", {}) for out in shown) == PICTURES[name]


@pytest.mark.parametrize("name", SMALL)
def test_committed_with_its_pictures_and_the_same_text(name):
    executed = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    text = jupytext.read(NOTEBOOKS / f"{name}.py")
    assert [cell.source for cell in executed.cells] == [cell.source for cell in text.cells]
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    shown = [out for cell in code for out in cell.outputs]
    assert sum("image/png" in out.get("data", {}) for out in shown) == PICTURES[name]
    assert not [out for out in shown if out.output_type == "error"]
