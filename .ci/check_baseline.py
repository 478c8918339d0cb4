"""Code outside the AVX libraries must run on any x86-64 CPU: checked in what was built.

    python .ci/check_baseline.py build/<wheel tag>

Reads the machine code of the linked module (not stripped in the build tree) and of each baseline
object file: instructions of AVX and later may stand only in functions of ``fastconv::avx2::`` and
``fastconv::avx512::``. Also: no ``-march=``, and no start-up code that flushes subnormals.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ISA_FUNCTION = re.compile(r"fastconv::avx(2|512)::")
# VEX and EVEX mnemonics begin with v, opmask ones with k; the registers tell the rest.
AVX = re.compile(r"\t(v(?!er[rw])[a-z0-9]+|k[a-z]+[bwdq])\s|%[yz]mm|%xmm(1[6-9]|2\d|3[01])")


def disassembly(path: Path) -> list[str]:
    command = ["objdump", "--disassemble", "--demangle", "--no-show-raw-insn", str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def avx_functions(path: Path) -> Counter[str]:
    """How many AVX instructions each function holds."""
    found: Counter[str] = Counter()
    function = ""
    for line in disassembly(path):
        if line.endswith(">:"):
            function = line.split(" ", 1)[1][1:-2]
        elif AVX.search(line.split("#")[0]):
            found[function] += 1
    return found


def complaints(build: Path) -> list[str]:
    bad: list[str] = []
    modules = list(build.glob("_native*.so"))
    objects = [
        path
        for target in ("_native", "fastconv_core")
        for path in build.glob(f"csrc/CMakeFiles/{target}.dir/**/*.o")
    ]
    if len(modules) != 1 or not objects:
        return [f"{build}: expected one _native*.so and its objects, found {modules}, {objects}"]
    inside = 0
    for path in [*modules, *objects]:
        for function, n in avx_functions(path).items():
            if ISA_FUNCTION.search(function):
                inside += n
            else:
                bad.append(f"{path.name}: {n} AVX instructions in {function}")
    if inside == 0:
        bad.append(f"{modules[0].name}: no AVX instruction at all; is the listing readable?")
    symbols = subprocess.run(["nm", str(modules[0])], check=True, capture_output=True, text=True)
    if "set_fast_math" in symbols.stdout:
        bad.append(f"{modules[0].name}: linked with crtfastmath.o, which flushes subnormals")
    for path in build.rglob("*.ninja"):
        for flag in re.findall(r"-march=\S+|-mtune=native|-ffast-math|-Ofast", path.read_text()):
            bad.append(f"{path.name}: built with {flag}")
    print(f"{len(objects)} baseline objects; {inside} AVX instructions, in ISA libraries only")
    return bad


if __name__ == "__main__":
    problems = complaints(Path(sys.argv[1]))
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
