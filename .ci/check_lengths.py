"""No file over 400 lines but tables of results; prints the median, which should stay near 100."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

LIMIT = 400
KINDS = {".py", ".pyi", ".pyx", ".pxd", ".h", ".c", ".cpp", ".cmake", ".toml", ".md", ".txt"}

listing = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout
lengths = {
    path: len(Path(path).read_text(encoding="utf-8").splitlines())
    for path in listing.splitlines()
    if Path(path).suffix in KINDS and not path.startswith("bench/results/")
}
too_long = {path: n for path, n in lengths.items() if n > LIMIT}
print(f"{len(lengths)} files, median {statistics.median(lengths.values()):.0f} lines")
for path, n in sorted(too_long.items()):
    print(f"{path}: {n} lines; the limit is {LIMIT}: split it by subject")
sys.exit(1 if too_long else 0)
