"""A wheel must hold what users need, need nothing but NumPy, and work where nothing else is.

python .ci/check_wheel.py fastconv-*.whl
"""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

WANTED = ("_native.pyi", "py.typed", "__main__.py", "nn/__init__.py", "grad/__init__.py",
          "bench/run.py", "bench/data/layers.csv",
          "include/fastconv.h", "cython_api.pxd", "cmake/fastconvConfig.cmake",
          "cmake/fastconvConfigVersion.cmake")  # fmt: skip
# g++'s own run-time libraries, which every Linux with NumPy has beside libgomp.
# auditwheel copies that one, under a name of its own.
LIBRARIES = re.compile(r"lib(c|m|stdc\+\+|gcc_s|gomp(-[0-9a-f]+)?|pthread|dl)\.so|ld-linux")
# 4.5 so far, of which the kernels of three instruction sets are 3.7; with -Os the scalar ones alone
# would be 0.3 less, and no vectors of SSE2.
MOST_BYTES = 5_000_000

SMOKE = """
import sys
import numpy as np
numpys = set(sys.modules)
import fastconv as fc
from fastconv import grad, nn

new = {name.partition(".")[0] for name in set(sys.modules) - numpys}
foreign = new - set(sys.stdlib_module_names) - {"fastconv", "numpy"}
assert not foreign, foreign

rng = np.random.default_rng(0)
x = rng.integers(-4, 5, (1, 3, 8, 8)).astype(np.float32)
w = rng.integers(-4, 5, (4, 3, 3, 3)).astype(np.float32)
for isa in fc.supported_isas():
    fc.set_isa(isa)
    y = fc.conv2d(x, w, padding="same")
    assert np.array_equal(y, fc.reference.conv2d(x, w, padding="same")), isa
    assert grad.conv2d_weight(x, w.shape, y, padding="same").shape == w.shape
assert nn.Conv2d(3, 4, 3, rng=0)(x).shape == (1, 4, 6, 6)
assert np.float32(1e-30) * np.float32(1e-10) > 0, "subnormals are flushed"
"""


def complaints(wheel: Path) -> list[str]:
    bad: list[str] = []
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        names = archive.namelist()
        bad += [f"{name} is missing" for name in WANTED if f"fastconv/{name}" not in names]
        roots = {name.split("/")[0] for name in names}
        bad += [
            f"{root} does not belong there" for root in roots if not root.startswith("fastconv")
        ]
        modules = sorted(name for name in names if name.endswith(".so"))
        if [name.split(".")[0] for name in modules] != ["fastconv/_native", "fastconv/cython_api"]:
            return [*bad, f"expected _native and cython_api, found {modules}"]
        for module in modules:
            bad += wrong_libraries(Path(archive.extract(module, folder)))
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        bad += wrong_requirements(archive.read(metadata).decode())
        if not any(name.endswith("LICENSE") for name in names):
            bad.append("LICENSE is missing")
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size / 1e6:.2f} MB, {len(names)} files")
    if size > MOST_BYTES:
        bad.append(f"{size} bytes; the limit is {MOST_BYTES}")
    return bad


def wrong_libraries(module: Path) -> list[str]:
    command = ["readelf", "--dynamic", "--wide", str(module)]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", listing)
    return [f"{module.name} needs {name}" for name in needed if not LIBRARIES.match(name)]


def wrong_requirements(metadata: str) -> list[str]:
    requirements = email.message_from_string(metadata).get_all("Requires-Dist", [])
    always = [r for r in requirements if "extra ==" not in r]
    return [f"requires {r}" for r in always if not r.startswith("numpy")]


def works_alone(wheel: Path) -> None:
    """Raise CalledProcessError unless the wheel works in a new environment, beside NumPy alone."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")

        def run(*arguments: str) -> str:
            command = [python, *arguments]
            done = subprocess.run(
                command, check=True, cwd=folder, stdout=subprocess.PIPE, text=True
            )
            return done.stdout

        run("-m", "pip", "install", "--quiet", str(wheel.resolve()))
        run("-W", "error", "-c", SMOKE)
        # What libgomp, the wheel's own copy too, makes of python/fastconv/_openmp.py.
        told = "import os; os.environ['OMP_DISPLAY_ENV'] = 'verbose'; import fastconv"
        shown = subprocess.run([python, "-c", told], check=True, capture_output=True, text=True)
        assert "GOMP_SPINCOUNT = '2000'" in shown.stderr, shown.stderr
        print(run("-m", "fastconv", "info"), end="")
        command = [str(Path(folder) / "bin" / "fastconv"), "--version"]
        subprocess.run(command, check=True, cwd=folder)
        print(run("-W", "error", "-m", "fastconv", "bench", "-k", "tiny", "--turns", "1"), end="")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    problems = complaints(path)
    for problem in problems:
        print(problem)
    works_alone(path)
    sys.exit(1 if problems else 0)
