"""What is built and installed runs outside of a checkout, without one beside it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHORT = ["--seeds=2", "--teacher-steps=2", "--student-steps=2", "--points=1"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("no uv on the PATH")
    place = tmp_path_factory.mktemp("built")
    subprocess.run([uv, "build", "--quiet", "--out-dir", place, ROOT], check=True)
    return uv, place


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_it_runs_outside_a_checkout(built, tmp_path, kind):
    uv, place = built
    (file,) = place.glob(kind)
    subprocess.run([uv, "venv", "--quiet", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", python, f"{file}[report]"]
    subprocess.run(install, check=True)
    free = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def sublim(*words):
        command = [tmp_path / "venv" / "bin" / "sublim", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=free, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert sublim("--version").startswith("sublim ")
    ours = [row["here"] for row in json.loads(sublim("catalogue", "--json"))]
    assert any(ours)  # the table that is kept beside the code
    told = json.loads(sublim("figure10", *SHORT, "--json"))
    run = tmp_path / told["folder"]
    assert {"figure10.png", "figure10.pdf", "results.nc"} <= {f.name for f in run.iterdir()}
    sublim("report", run, "-o", "page.html")
    assert (tmp_path / "page.html").stat().st_size > 5e5
    lines = "import sublim, theory; print(sublim.__file__, sublim.theory.__file__)"
    where = subprocess.run(
        [python, "-c", lines], cwd=tmp_path, env=free, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in where.stdout
