"""Hashes of what fastconv computes, to show that a change of the code changed no bit.

Write a record with the package as it is, change the code, and check::

    python tests/bits/record.py write tests/bits/<machine>.json
    python tests/bits/record.py check tests/bits/<machine>.json

Both take some minutes. What is hashed: the case table (tests/cases.py) with every algorithm that
takes a case, forward, in plans and backward; the arithmetic table (tests/arithmetic.py); the table
of windows (tests/pool_cases.py) and other pools; the layers and pools that the benchmark measures.
Everything is computed on every ISA of the machine, in float32 and in float64, on two threads, and
the cheap outputs on one thread too: one that differs from the other ends the run.

A record is a JSON file with one hash in each line. Its keys are made of words, so that
`grep "avx2 float32 conv2d"` finds what it says: ISA, dtype, the call and its sizes, the algorithm
(`auto` is fastconv's choice), and what was computed:

    forward, plan        results of functions and of plans
    last                 results and gradients of channels_last arrays
    highest              results and gradients at precision "highest"
    dX, dW, all          gradients of functions; plan-dX is the gradient that a plan has
    all exact            small integers, of which all algorithms give the same sums
    values, extremes, sums, norms, indices and the like: pools

`check` prints each key that differs, is missing or is new. It fails if one differs or is missing
that changed.txt beside this file does not list. A line there is a pattern of keys (`*` stands for
anything), two spaces, and the reason why these bits were changed on purpose.

Sums are cut in slices that follow the caches, and compilers round differently. Hence a record
holds for machines with the same header: the CPU, its caches and ISAs, the compiler, and the NumPy
that made the inputs. Elsewhere `check` says so and has nothing else to say.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

# The tables are modules of tests/, the benchmark is a package of the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

import fastconv
from bits import convolutions, layers, pools
from fastconv import _native

CHANGED = Path(__file__).with_name("changed.txt")
FLOATS = (convolutions.case_table, convolutions.arithmetic_table, pools.window_table,
          pools.whole_table, pools.network_pools, layers.network_layers)  # fmt: skip
TABLES = {"float32": FLOATS, "float64": FLOATS, "integers": (pools.integer_table,)}


def machine() -> dict[str, Any]:
    """What the bits may depend on beside the code."""
    config = _native.config()
    return {
        "cpu": cpu(),
        "cache_bytes": list(config["cache_bytes"]),
        "isas": fastconv.supported_isas(),
        "compiler": config["compiler"],
        "numpy": np.__version__,
    }


def cpu() -> str:
    """The model as Linux names it, with its numbers: some names stand for several models."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    pairs = [line.partition(":")[::2] for line in text.split("\n\n")[0].splitlines()]
    facts = {key.strip(): value.strip() for key, value in pairs}
    if "model name" not in facts:
        return platform.machine()
    family, model = (facts.get(key, "?") for key in ("cpu family", "model"))
    return f"{facts['model name']}, family {family}, model {model}"


def record() -> dict[str, str]:
    """Every hash by its key."""
    found: dict[str, str] = {}
    before, start = fastconv.isa(), time.perf_counter()
    for isa in fastconv.supported_isas():
        fastconv.set_isa(isa)
        for dtype, tables in TABLES.items():
            for table in tables:
                for output in table(dtype):
                    key = f"{isa} {dtype} {output.name}"
                    if key in found:
                        raise ValueError(f"two outputs are called {key!r}")
                    with fastconv.threads(2):
                        found[key] = output.digest()
                    if output.cheap:
                        with fastconv.threads(1):
                            same = output.digest() == found[key]
                        if not same:
                            raise AssertionError(f"{key} depends on the number of threads")
                seconds = time.perf_counter() - start
                note = f"{seconds:4.0f} s: {isa} {dtype} {table.__name__}, {len(found)} hashes"
                print(note, file=sys.stderr, flush=True)
    fastconv.set_isa(before)
    return found


def write(path: Path) -> int:
    content = {"machine": machine(), "hashes": record()}
    lines = json.dumps(content, indent=0, sort_keys=True, ensure_ascii=False)
    path.write_text(lines + "\n", encoding="utf-8")
    print(f"{path}: {len(content['hashes'])} hashes, {path.stat().st_size / 1e6:.2f} MB")
    return 0


def check(path: Path) -> int:
    """Compare; 1 if a bit changed that nobody meant to change."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    here = machine()
    if stored["machine"] != here:
        differing = ", ".join(k for k in here if stored["machine"].get(k) != here[k])
        print(f"not comparable: {path.name} is of a machine with another {differing}")
        return 0
    known, lines, unexpected = exceptions(), [], 0
    differences = compare(stored["hashes"], record())
    for what, key in differences:
        reason = next((why for pattern, why in known.items() if fnmatchcase(key, pattern)), "")
        unexpected += what != "new" and not reason
        lines.append(f"{what}: {key}{f'  ({reason})' if reason else ''}")
    print("\n".join(lines), end="\n" if lines else "")
    for pattern in known:
        if not any(fnmatchcase(key, pattern) for _, key in differences):
            print(f"{CHANGED.name}: nothing that {pattern!r} stands for has changed")
    counts = {
        what: sum(w == what for w, _ in differences) for what in ("differs", "missing", "new")
    }
    told = ", ".join(f"{n} {what}" for what, n in counts.items())
    print(f"{len(stored['hashes'])} hashes: {told}; {unexpected} without a reason")
    return 1 if unexpected else 0


def compare(stored: dict[str, str], found: dict[str, str]) -> list[tuple[str, str]]:
    """What is to be said of which key, in the order of keys."""
    words = []
    for key in sorted(stored.keys() | found.keys()):
        if key not in found:
            words.append(("missing", key))
        elif key not in stored:
            words.append(("new", key))
        elif stored[key] != found[key]:
            words.append(("differs", key))
    return words


def exceptions() -> dict[str, str]:
    """Reasons by the patterns of keys that they are for."""
    found = {}
    for line in CHANGED.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern, _, reason = line.partition("  ")
            if not reason.strip():
                raise ValueError(f"{CHANGED.name}: {line!r} has no reason after two spaces")
            found[pattern] = reason.strip()
    return found


def main(arguments: list[str]) -> int:
    commands = {"write": write, "check": check}
    if len(arguments) != 2 or arguments[0] not in commands:
        print("usage: python tests/bits/record.py write|check FILE.json", file=sys.stderr)
        return 2
    return commands[arguments[0]](Path(arguments[1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
