"""Python processes of their own: for what an environment, an import or a fork changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastconv
from fastconv import doctor

# The child must find the same package, whether it is installed or on the path.
ROOT = str(Path(fastconv.__file__).parents[1])
OURS = ("FASTCONV_", "OMP_", "GOMP_", "PYTHON")


def cpus():
    """How many CPUs this process may use at a time: those it may run on, within its quota."""
    return int(min(doctor.cpus_allowed(), doctor.cpu_quota() or float("inf")))


needs_two_cpus = pytest.mark.skipif(cpus() < 2, reason="needs two CPUs")


def run_python(code, *, timeout=200, options=(), **environment):
    """Run `code`, which must succeed, and return what it printed; `environment` is added.

    A limit of time ends what hangs: it says nothing of speed, since others use the machine as well.
    """
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
