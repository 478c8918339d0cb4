"""The programs of the gallery, on small settings: they reach their figures and draw."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

GALLERY = sorted((Path(__file__).parents[1] / "examples" / "gallery").glob("*.py"))
LONGEST = 120  # lines that are not blank
SIGNATURES = {".png": b"\x89PNG", ".gif": b"GIF8"}


@pytest.fixture
def pyplot(monkeypatch):
    """Matplotlib, drawing into memory; figures are closed behind a program."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    plt = pytest.importorskip("matplotlib.pyplot", reason="the gallery is drawn by Matplotlib")
    yield plt
    plt.close("all")


@pytest.mark.filterwarnings("default")  # other libraries' warnings are not ours to mend
@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_a_program_reaches_its_figure_and_draws(path, tmp_path, monkeypatch, capsys, pyplot):
    kind = ".gif" if "PICTURE.gif" in path.read_text(encoding="utf-8") else ".png"
    picture = tmp_path / f"picture{kind}"
    monkeypatch.setattr("sys.argv", [str(path), "--small", str(picture)])
    try:
        runpy.run_path(str(path), run_name="__main__")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("fastconv"):
            raise
        pytest.skip(f"{path.name} needs {error.name}")
    assert capsys.readouterr().out
    assert picture.read_bytes().startswith(SIGNATURES[kind])


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_a_program_is_short(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sum(bool(line.strip()) for line in lines) <= LONGEST
