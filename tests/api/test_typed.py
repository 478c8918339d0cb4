"""Type checkers accept the right calls, find the dtype of their results, and refuse wrong ones."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import fastconv

TYPED = Path(__file__).parent / "typed"
RIGHT, WRONG = TYPED / "right.py", TYPED / "wrong.py"
PACKAGES = Path(fastconv.__file__).parents[1]


def run(*command):
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES), "MYPYPATH": ""}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def by_mypy(tmp_path_factory):
    """The lines of both files that mypy complains of, with its words."""
    if find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    cache = str(tmp_path_factory.mktemp("mypy"))
    done = run(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary",
               "--hide-error-context", "--cache-dir", cache, str(RIGHT), str(WRONG))  # fmt: skip
    errors = re.findall(r"(\w+\.py):(\d+): error: (.*)", done.stdout)
    assert errors, done.stdout + done.stderr
    return errors


@pytest.fixture(scope="module")
def by_pyright():
    """The same by pyright."""
    if shutil.which("pyright") is None:
        pytest.skip("pyright is not installed")
    done = run("pyright", "--outputjson", "--pythonpath", sys.executable, str(RIGHT), str(WRONG))
    found = [d for d in json.loads(done.stdout)["generalDiagnostics"] if d["severity"] == "error"]
    return [
        (Path(d["file"]).name, d["range"]["start"]["line"] + 1, d["message"]) for d in found
    ]  # fmt: skip


def wrong_lines():
    lines = WRONG.read_text(encoding="utf-8").splitlines()
    return {i for i, line in enumerate(lines, 1) if line.endswith("# wrong")}


@pytest.mark.parametrize("checker", ["by_mypy", "by_pyright"])
def test_right_calls_are_accepted(checker, request):
    errors = request.getfixturevalue(checker)
    assert [e for e in errors if e[0] == "right.py"] == []


@pytest.mark.parametrize("checker", ["by_mypy", "by_pyright"])
def test_wrong_calls_and_only_those_are_refused(checker, request):
    errors = request.getfixturevalue(checker)
    assert {int(line) for name, line, _ in errors if name == "wrong.py"} == wrong_lines()
