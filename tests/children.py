"""Python processes of their own: for what an environment, an import or a fork changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import fastconv

# The child must find the same package, whether it is installed or on the path.
ROOT = str(Path(fastconv.__file__).parents[1])
OURS = ("FASTCONV_", "OMP_", "GOMP_", "PYTHON")


def run_python(code, *, timeout=60, options=(), **environment):
    """Run `code`, which must succeed, and return what it printed; `environment` is added."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        # An editable install that rebuilds itself must not tell so on the child's output.
        env={**kept, "PYTHONPATH": ROOT, "SKBUILD_EDITABLE_VERBOSE": "0", **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()
