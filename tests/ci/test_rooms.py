"""The check of includes between the folders of csrc/, on small trees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECK = ROOT / ".ci" / "check_rooms.py"

pytestmark = pytest.mark.skipif(not CHECK.exists(), reason="a source distribution has no .ci/")

TABLE = """# A small house

| Room | Holds | May include |
|---|---|---|
| `core/` | descriptors | nothing |
| `algorithms/common/` | blocks | `core` |
| `algorithms/dense/` | products | `core`, `algorithms/common` |
| `capi/` | C's functions | `algorithms/dense`, `small.h` |

`core/` is also named here, where no table is.
"""
FILES = {
    "core/types.h": "#include <cstddef>\n",
    "algorithms/common/blocks.h": '#include "core/types.h"\n',
    "algorithms/dense/tile.h": '#include "algorithms/common/blocks.h"\n',
    "algorithms/dense/tile.cpp": '#include "algorithms/dense/tile.h"\n\n#include "core/types.h"\n',
    "capi/table.cpp": '#include "algorithms/dense/tile.h"\n#include "small.h"\n',
}


@pytest.fixture
def check(tmp_path):
    """Write a tree, TABLE and FILES but for what is given, and run the check on it."""

    def run(table: str = TABLE, **changes: str) -> subprocess.CompletedProcess[str]:
        files = FILES | {name.replace("__", "/") + ".h": text for name, text in changes.items()}
        for name, text in files.items():
            path = tmp_path / "csrc" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (tmp_path / "csrc" / "README.md").write_text(table, encoding="utf-8")
        command = [sys.executable, str(CHECK), str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True)

    return run


def test_a_house_in_order_passes_and_is_measured(check):
    done = check()
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines() == [
        "algorithms/: 2 rooms, 1 arrows on 2 floors",
        "algorithms/: 2 files, 1 arrows on 2 floors",
    ]


def test_a_forbidden_include_names_file_line_and_permission(check):
    done = check(core__more='#include <vector>\n\n#include "algorithms/dense/tile.h"\n')
    assert done.returncode == 1
    assert (
        "csrc/core/more.h:3: includes algorithms/dense/tile.h, but the row of core in "
        "csrc/README.md does not allow algorithms/dense"
    ) in done.stdout


@pytest.mark.parametrize(
    "line",
    ["#include <algorithms/dense/tile.h>", '#include "../algorithms/dense/tile.h"',
     '  #  include "algorithms/dense/tile.h"'],
    ids=["brackets", "relative", "spaces"],
)  # fmt: skip
def test_other_spellings_of_an_include_do_not_pass(check, line):
    done = check(core__more=line + "\n")
    assert done.returncode == 1
    assert "csrc/core/more.h:1: includes algorithms/dense/tile.h" in done.stdout


def test_a_header_from_elsewhere_needs_a_permission(check):
    done = check(algorithms__dense__more='#include "small.h"\n')
    assert done.returncode == 1
    assert "algorithms/dense in csrc/README.md does not allow small.h" in done.stdout


def test_an_include_in_a_comment_is_none(check):
    assert check(core__more='// #include "algorithms/dense/tile.h"\n').returncode == 0


def test_a_folder_without_a_row_fails(check):
    done = check(algorithms__winograd__grid="")
    assert done.returncode == 1
    assert "csrc/algorithms/winograd has no row in the table" in done.stdout


def test_a_row_without_a_folder_fails(check):
    row = "| `algorithms/pool/` | pools | `core` |\n"
    done = check(TABLE.replace("| `capi/`", row + "| `capi/`"))
    assert done.returncode == 1
    assert "has a row for algorithms/pool, which holds no C++ file" in done.stdout


def test_a_circle_of_rooms_fails_even_where_the_table_allows_it(check):
    table = TABLE.replace("| blocks | `core` |", "| blocks | `core`, `algorithms/dense` |")
    around = "algorithms/common -> algorithms/dense -> algorithms/common"
    done = check(table)
    assert done.returncode == 1
    assert f"a circle of rooms in the table: {around}" in done.stdout
    assert "in the code" not in done.stdout
    done = check(table, algorithms__common__more='#include "algorithms/dense/tile.h"\n')
    assert done.returncode == 1
    assert f"a circle of rooms in the code: {around}" in done.stdout


@pytest.mark.parametrize("table", ["no table\n", TABLE + TABLE], ids=["none", "two"])
def test_a_house_needs_exactly_one_table(check, table):
    done = check(table)
    assert done.returncode == 1
    assert "tables with the columns" in done.stderr


def test_floors_are_the_longest_chain(check):
    done = check(
        algorithms__common__base="",
        algorithms__common__middle='#include "algorithms/common/base.h"\n',
        algorithms__dense__top='#include "algorithms/common/middle.h"\n',
    )
    assert done.returncode == 0, done.stdout
    assert "2 rooms, 1 arrows on 2 floors" in done.stdout
    assert "5 files, 3 arrows on 3 floors" in done.stdout
