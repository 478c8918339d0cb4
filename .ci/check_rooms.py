"""Each folder of csrc/ includes only what its row in csrc/README.md allows.

    python .ci/check_rooms.py [root of the repository; default: where this script lies]

The table there, with the columns "Room | Holds | May include", names every folder of csrc/ that
holds C++ files, and for each the other folders whose headers it may include (or a public header by
its own name, such as `fastconv.h`). A folder may always include itself. Complaints name the file,
the line and the missing permission. Rooms of algorithms/ must not form a circle, neither in the
table nor in the code. At the end stand the numbers of arrows and floors among algorithms/: an arrow
is a pair of which the first includes the second, the floors are the longest chain; a "file" there
is a header together with the .cpp of its name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SOURCES = {".h", ".hpp", ".inl", ".c", ".cc", ".cpp"}
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
COLUMNS = ["Room", "Holds", "May include"]
INSIDE = "algorithms"  # rooms of this folder must not form a circle

Arrows = dict[str, set[str]]


@dataclass(frozen=True)
class Include:
    """One line of a file of csrc/ that names a file of csrc/ or a public header."""

    file: PurePosixPath  # within csrc/
    line: int
    target: PurePosixPath  # within csrc/, or a bare name from elsewhere

    @property
    def room(self) -> str:
        return str(self.file.parent)

    @property
    def wants(self) -> str:
        """The folder, or the name of the public header, that a row has to allow."""
        return str(self.target.parent if len(self.target.parts) > 1 else self.target)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def read_table(readme: Path) -> Arrows:
    """What each room may include, by the first table whose header is COLUMNS."""
    lines = readme.read_text(encoding="utf-8").splitlines()
    headers = [i for i, line in enumerate(lines) if cells(line) == COLUMNS]
    if len(headers) != 1:
        sys.exit(f"{readme}: {len(headers)} tables with the columns {' | '.join(COLUMNS)}, not one")
    table: Arrows = {}
    for line in lines[headers[0] + 2 :]:
        if not line.startswith("|"):
            break
        row = cells(line)
        names = re.findall(r"`([^`]+)`", row[0])
        if len(row) != len(COLUMNS) or len(names) != 1:
            sys.exit(f"{readme}: expected `room` | what it holds | `rooms`, found: {line}")
        room = names[0].rstrip("/")
        if room in table:
            sys.exit(f"{readme}: two rows for {room}")
        table[room] = {name.rstrip("/") for name in re.findall(r"`([^`]+)`", row[2])}
    return table


def sources(csrc: Path) -> list[PurePosixPath]:
    found = (path for path in sorted(csrc.rglob("*")) if path.suffix in SOURCES)
    return [PurePosixPath(path.relative_to(csrc).as_posix()) for path in found]


def normalised(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)


def includes(csrc: Path) -> list[Include]:
    """Of headers in quotes all, of those in brackets the ones that csrc/ has."""
    found: list[Include] = []
    known = set(sources(csrc))
    for file in sorted(known):
        text = (csrc / file).read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), start=1):
            match = INCLUDE.match(line)
            if match is None:
                continue
            quoted, bracketed = match.groups()
            name = PurePosixPath(quoted or bracketed)
            beside = normalised(file.parent / name)
            if quoted and beside in known:
                found.append(Include(file, number, beside))
            elif quoted or normalised(name) in known:
                found.append(Include(file, number, normalised(name)))
    return found


def arrows(pairs: Iterable[tuple[str, str]]) -> Arrows:
    """By each name the others that it points to; every name is a key."""
    found: Arrows = {}
    for one, other in pairs:
        found.setdefault(one, set())
        found.setdefault(other, set())
        if one != other:
            found[one].add(other)
    return found


def circle(graph: Arrows) -> list[str]:
    """The names along a circle, the first again at the end; empty if there is none."""
    done: set[str] = set()

    def search(path: list[str]) -> list[str]:
        for other in sorted(graph.get(path[-1], ())):
            if other in path:
                return [*path[path.index(other) :], other]
            if other not in done and (found := search([*path, other])):
                return found
        done.add(path[-1])
        return []

    for name in sorted(graph):
        if name not in done and (found := search([name])):
            return found
    return []


def reached(graph: Arrows, name: str) -> set[str]:
    """All names that a chain of arrows from this one leads to."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        new = graph[todo.pop()] - seen
        seen |= new
        todo += new
    return seen


def floors(graph: Arrows) -> int:
    """How many names the longest chain of arrows has; of a circle all names stand in the chain."""
    reach = {name: reached(graph, name) for name in graph}
    height: dict[str, int] = {}

    def height_of(name: str) -> int:
        if name not in height:
            around = {name, *(other for other in reach[name] if name in reach[other])}
            below = reach[name] - around
            height[name] = len(around) + max((height_of(other) for other in below), default=0)
        return height[name]

    return max((height_of(name) for name in graph), default=0)


def is_inside(room: str) -> bool:
    return PurePosixPath(room).parts[0] == INSIDE


def complaints(csrc: Path) -> list[str]:
    table = read_table(csrc / "README.md")
    rooms = {str(file.parent) for file in sources(csrc)}
    bad = [f"csrc/{room} has no row in the table" for room in sorted(rooms - set(table))]
    bad += [
        f"csrc/README.md has a row for {room}, which holds no C++ file"
        for room in sorted(set(table) - rooms)
    ]
    found = includes(csrc)
    for include in found:
        allowed = table.get(include.room)
        if allowed is not None and include.wants not in {include.room, *allowed}:
            bad.append(
                f"csrc/{include.file}:{include.line}: includes {include.target}, but the row of "
                f"{include.room} in csrc/README.md does not allow {include.wants}"
            )
    real = arrows((include.room, include.wants) for include in found)
    for what, graph in (("the table", table), ("the code", real)):
        inside = {room: {to for to in graph[room] if is_inside(to)} for room in graph}
        if around := circle({room: to for room, to in inside.items() if is_inside(room)}):
            bad.append(f"a circle of rooms in {what}: {' -> '.join(around)}")
    return bad


def measures(csrc: Path) -> list[str]:
    """Arrows and floors among algorithms/, of rooms and of files."""
    inside = [
        include
        for include in includes(csrc)
        if is_inside(include.room) and is_inside(str(include.target))
    ]
    names = [file for file in sources(csrc) if is_inside(str(file))]

    def told(what: str, name_of: Callable[[PurePosixPath], str]) -> str:
        alone = ((name_of(file), name_of(file)) for file in names)
        graph = arrows([*alone, *((name_of(i.file), name_of(i.target)) for i in inside)])
        count = sum(len(to) for to in graph.values())
        return f"{INSIDE}/: {len(graph)} {what}, {count} arrows on {floors(graph)} floors"

    return [
        told("rooms", lambda file: str(file.parent)),
        told("files", lambda file: str(file.with_suffix(""))),
    ]


if __name__ == "__main__":
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    problems = complaints(root / "csrc")
    print(*problems, *measures(root / "csrc"), sep="\n")
    sys.exit(1 if problems else 0)
