"""The command line: ``python -m fastconv demo`` and ``info``."""

from __future__ import annotations

import subprocess
import sys

import pytest

import fastconv as fc
from fastconv.__main__ import main


def test_demo_learns_draws_and_reports(tmp_path, capsys):
    pytest.importorskip("sklearn", reason="the demo's digits come from scikit-learn")
    pytest.importorskip("matplotlib", reason="the demo's picture is drawn by Matplotlib")
    picture = tmp_path / "demo.png"
    assert main(["demo", "--epochs", "1", "--threads", "1", "--plot", str(picture)]) == 0
    out = capsys.readouterr().out
    accuracy = float(out.split("test accuracy")[1].split("%")[0])
    assert accuracy > 60
    assert "time per epoch" in out
    assert "reference" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("missing", "named"), [("sklearn", "scikit-learn"), ("matplotlib.figure", "Matplotlib")]
)
def test_demo_says_what_to_install(monkeypatch, capsys, missing, named):
    if missing != "sklearn":
        pytest.importorskip("sklearn", reason="the demo's digits come from scikit-learn")
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["demo", "--plot", "x.png"]) == 1
    captured = capsys.readouterr()
    assert f'{named} is not installed; run: pip install "fastconv[demo]"' in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(("file", "message"), [("x.docx", "must end in"), ("no/x.png", "existing")])
def test_demo_refuses_a_hopeless_picture_before_it_trains(capsys, file, message):
    pytest.importorskip("sklearn", reason="the demo's digits come from scikit-learn")
    pytest.importorskip("matplotlib", reason="the demo's picture is drawn by Matplotlib")
    assert main(["demo", "--plot", file]) == 1
    assert message in capsys.readouterr().err


def test_info_and_version_run_as_a_module():
    for argument in ("info", "--version"):
        done = subprocess.run(
            [sys.executable, "-m", "fastconv", argument],
            capture_output=True,
            text=True,
            timeout=200,
            check=True,
        )
        assert fc.__version__ in done.stdout
