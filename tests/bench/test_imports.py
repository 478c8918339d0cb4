"""No circle of imports in bench/, and no import that the table in its README does not allow."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
TOP = "top"
"""The modules beside the folders: the command line and what pytest collects."""
Graph = dict[str, set[str]]


def test_no_module_imports_itself_by_way_of_others():
    found = circle(imports(BENCH))
    assert not found, " -> ".join(found)


def test_folders_import_as_the_table_allows():
    graph = imports(BENCH)
    assert {folder(name) for name in graph} == set(allowed()), "a folder without a row, or a row"
    assert forbidden(graph, allowed()) == []


def test_the_table_allows_no_circle_of_folders():
    assert circle(allowed()) == []


def test_what_a_wheel_has_is_imported_by_relative_names():
    """There the package is called fastconv.bench."""
    shipped = [p for p in BENCH.rglob("*.py") if not re.match("bench_|conftest", p.name)]
    assert len(shipped) > 30
    for path in shipped:
        assert not re.search(r"^\s*(from|import) bench\b", path.read_text("utf-8"), re.MULTILINE), (
            path
        )


TYPING = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .. import items"


@pytest.mark.parametrize(
    ("first", "second", "wrong"),
    [
        ("from ..race.clock import now", "", ""),
        ("from ..race.clock import now", "from ..items.layer import Layer", "circle"),
        ("import bench.race.clock", "def f():\n    from ..items import layer", "circle"),
        ("", TYPING, "arrow"),
    ],
)
def test_the_check_finds_circles_and_forbidden_imports(first, second, wrong, tmp_path):
    bench = tmp_path / "bench"
    for path, text in {"items/__init__": "", "items/layer": first, "race/clock": second}.items():
        file = bench / f"{path}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    graph = imports(bench)
    assert bool(circle(graph)) == (wrong == "circle")
    table = {"items": {"race"}, "race": set()}
    assert bool(forbidden(graph, table)) == (wrong != "")


def imports(root: Path) -> Graph:
    """Which module of a package imports which, wherever in the file it stands."""
    paths = {module(path, root): path for path in root.rglob("*.py")}
    return {name: set(targets(path, name, paths)) - {name} for name, path in paths.items()}


def module(path: Path, root: Path) -> str:
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def targets(path: Path, name: str, known: dict[str, Path]) -> list[str]:
    """The modules of the package that a file imports."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            # `from . import x` imports the module x where there is one, else the package.
            parts = [f"{source}.{alias.name}" for alias in node.names]
            names += [part if part in known else source for part in parts]
    return [found for found in names if found in known]


def circle(graph: Graph) -> list[str]:
    """The names along a circle; nothing where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def folder(name: str) -> str:
    """The folder of a module; a package is a folder too."""
    parts = name.split(".")
    is_folder = len(parts) > 2 or (len(parts) == 2 and (BENCH / parts[1]).is_dir())
    return parts[1] if is_folder else TOP


def forbidden(graph: Graph, table: Graph) -> list[str]:
    return [
        f"{name} imports {target}"
        for name, found in graph.items()
        for target in sorted(found)
        if folder(target) != folder(name) and folder(target) not in table[folder(name)]
    ]


def allowed() -> Graph:
    """The table of bench/README.md: a folder, what it holds, which others it may import."""
    text = (BENCH / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)/?` \|[^|\n]*\|([^|\n]*)\|$", text, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)/`", others)) for name, others in rows}
