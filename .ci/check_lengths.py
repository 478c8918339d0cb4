"""No file over 400 lines and no function over 60; prints the medians.

    python .ci/check_lengths.py [root of a git repository; default: the one where this script lies]

A file's median should stay near 100. A function's length is that of its lines from the first of its
name to its last brace in C and C++ (as lizard counts), and to its last statement in Python, without
its docstring: a help text may be as long as it needs to be.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import lizard

MOST_LINES = 400
MOST_IN_FUNCTION = 60
EXEMPT = {
    "bench/results/*": "written by the suite: as many rows as were timed",
    "docs/speed.md": "written by the suite: as many rows as were timed",
    "docs/pictures/*.svg": "drawn by the suite",
    "bench/data/*.csv": "data, a layer a line",
    "tests/bits/*.json": "recorded hashes, one for each case",
}
CPP = {".h", ".c", ".cpp"}


@dataclass(frozen=True)
class Function:
    path: str
    line: int
    name: str
    length: int


def tracked(root: Path) -> list[str]:
    command = ["git", "-C", str(root), "ls-files", "-z"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    present = (path for path in listing.split("\0") if path and (root / path).is_file())
    return [path for path in present if not any(fnmatch(path, pattern) for pattern in EXEMPT)]


def text_of(path: Path) -> str | None:
    """None where the file is no text: a picture."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def python_functions(path: str, text: str) -> list[Function]:
    found: list[Function] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                docstring = node.body[0]
                length -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
            found.append(Function(path, node.lineno, node.name, length))
    return found


def cpp_functions(path: str, text: str) -> list[Function]:
    return [
        Function(path, function.start_line, function.name, function.length)
        for function in lizard.analyze_file.analyze_source_code(path, text).function_list
    ]


def functions(path: str, text: str) -> list[Function]:
    if Path(path).suffix == ".py":
        return python_functions(path, text)
    return cpp_functions(path, text) if Path(path).suffix in CPP else []


def main(root: Path) -> int:
    texts = {path: text for path in tracked(root) if (text := text_of(root / path)) is not None}
    lengths = {path: len(text.splitlines()) for path, text in texts.items()}
    found = [function for path, text in texts.items() for function in functions(path, text)]
    bad = [
        f"{path}: {n} lines; the limit is {MOST_LINES}: split it by subject"
        for path, n in lengths.items()
        if n > MOST_LINES
    ]
    bad += [
        f"{f.path}:{f.line}: {f.name} has {f.length} lines; the limit is {MOST_IN_FUNCTION}: "
        "name its parts"
        for f in found
        if f.length > MOST_IN_FUNCTION
    ]
    print(f"{len(lengths)} files, median {statistics.median(lengths.values()):.0f} lines")
    if found:
        middle = statistics.median(f.length for f in found)
        print(f"{len(found)} functions, median {middle:.0f} lines")
    print(*bad, sep="\n", end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]))
