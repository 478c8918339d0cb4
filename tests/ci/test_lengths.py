"""The check of the lengths of files and functions, on small repositories."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECK = ROOT / ".ci" / "check_lengths.py"

pytest.importorskip("lizard", reason="counts the lines of C++ functions: pip install --group lint")
pytestmark = pytest.mark.skipif(not CHECK.exists(), reason="a source distribution has no .ci/")


@pytest.fixture
def check(tmp_path):
    """Commit files to a repository's index, and run the check on it."""

    def run(**files: str) -> subprocess.CompletedProcess[str]:
        subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True)
        command = [sys.executable, str(CHECK), str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True)

    return run


def python_function(statements: int, docstring: int = 0) -> str:
    """Of 1 + docstring + statements lines; ruff would not like it, nobody else reads it."""
    told = ['    """Text.', *["    More."] * (docstring - 2), '    """'] if docstring else []
    return "\n".join(["def long_one():", *told, *["    x = 1"] * statements]) + "\n"


def cpp_function(statements: int) -> str:
    """Of 2 + statements lines, in the manner of csrc/: a template in a namespace."""
    body = ["  x += x;"] * statements
    lines = ["namespace fc {", "template <class T>", "void long_one(T x) noexcept {", *body, "}"]
    return "\n".join([*lines, "}  // namespace fc"]) + "\n"


def test_what_just_fits_passes(check):
    done = check(a_dot_py=python_function(59), b_dot_cpp=cpp_function(58), c_dot_md="text\n" * 400)
    assert done.returncode == 0, done.stdout
    assert done.stdout == "3 files, median 63 lines\n2 functions, median 60 lines\n"


def test_a_long_python_function_fails(check):
    done = check(a_dot_py=python_function(60))
    assert done.returncode == 1
    assert "a.py:1: long_one has 61 lines; the limit is 60" in done.stdout


def test_a_long_docstring_does_not_fail(check):
    assert check(a_dot_py=python_function(59, docstring=100)).returncode == 0
    done = check(a_dot_py=python_function(60, docstring=100))
    assert done.returncode == 1
    assert "long_one has 61 lines" in done.stdout


@pytest.mark.parametrize("name", ["a_dot_h", "a_dot_cpp", "a_dot_c"])
def test_a_long_cpp_function_fails(check, name):
    done = check(**{name: cpp_function(59)})
    assert done.returncode == 1
    assert "long_one has 61 lines; the limit is 60" in done.stdout


@pytest.mark.parametrize(
    "name", ["a_dot_py", "a_dot_md", "ci__run", "a_dot_json", "docs__a_dot_md"]
)
def test_a_long_file_fails(check, name):
    done = check(**{name: "# text\n" * 401})
    assert done.returncode == 1
    assert "401 lines; the limit is 400" in done.stdout


@pytest.mark.parametrize(
    "name", ["bench__results__a_dot_json", "tests__bits__a_dot_json", "docs__pictures__a_dot_svg"]
)
def test_what_a_program_writes_may_be_long(check, name):
    done = check(**{name: "{}\n" * 401}, a_dot_md="text\n")
    assert done.returncode == 0, done.stdout


def test_no_text_is_not_counted(check, tmp_path):
    (tmp_path / "a.png").write_bytes(b"\xff\n" * 401)
    done = check(a_dot_md="text\n")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("1 files")
