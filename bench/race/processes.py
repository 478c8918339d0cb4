"""Contestants in processes of their own, where each has a library and its threads to itself.

A child imports its library, waits for cases, and times its calls while the other children sleep.
"""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from ..items.layer import Layer
from ..items.program import PRODUCT, RELU, Case
from .protocol import settle

Call = Callable[[], Any]
Build = Callable[[tuple[Layer, ...], int], Call]
"""From layers and threads; a function of a module, so that a child can import it."""
PATIENCE = 120
"""Seconds until a child that does not answer is given up."""


class Child:
    """A process that makes the calls of one contestant; its errors are raised here."""

    def __init__(self, build: Build, threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit our own threads
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, build, threads), daemon=True)
        self.process.start()
        theirs.close()

    def answer(self, case: Case) -> np.ndarray:
        """What a call of the case returns."""
        return self._ask("answer", case)

    def times(self, case: Case) -> list[float]:
        """Seconds of each call of a turn."""
        with one_core_busy() if case.busy else _nothing():
            return self._ask("times", case)

    def end(self) -> None:
        """Let it end, and wait until it has."""
        self.pipe.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def _ask(self, what: str, case: Case) -> Any:
        self.pipe.send((what, case))
        if not self.pipe.poll(PATIENCE):
            raise TimeoutError(f"{case.name}: no answer within {PATIENCE} s")
        found = self.pipe.recv()
        if isinstance(found, Exception):
            raise found
        return found


def _serve(pipe: Connection, build: Build, threads: int) -> None:
    """Answer until the other side closes; an interrupt from the keyboard is the other side's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    made: dict[tuple[Layer, ...], Call] = {}
    while True:
        try:
            what, case = pipe.recv()
        except EOFError:
            return
        try:
            call = made.get(case.layers) or build(case.layers, threads)
            made[case.layers] = call
            pipe.send(np.array(call()) if what == "answer" else times(case, call))
        except Exception as error:  # whatever it is, the other side raises it
            pipe.send(error)


def times(case: Case, call: Call) -> list[float]:
    """Seconds of each call of a turn, in this process; the first one only warms up."""
    before = _work(case.before)
    if case.callers > 1:
        found = _shared(case, call)
    else:
        found = []
        for _ in range(case.calls + 1):
            time.sleep(case.pause)
            before()
            start = time.perf_counter()
            call()
            found.append(time.perf_counter() - start)
    settle()
    return found[1:]


def _shared(case: Case, call: Call) -> list[float]:
    """A share of calls by several threads of Python, again and again: the time by the number."""
    share = 2 * case.callers
    found = []
    with ThreadPoolExecutor(case.callers) as pool:
        for _ in range(case.calls // share + 1):
            start = time.perf_counter()
            for done in [pool.submit(call) for _ in range(share)]:
                done.result()
            found.append((time.perf_counter() - start) / share)
    return found


def _work(before: str) -> Call:
    """What a program does between two calls."""
    rng = np.random.default_rng(2)
    if before == PRODUCT:
        a = rng.standard_normal((1, 2048), np.float32)
        b = rng.standard_normal((2048, 1000), np.float32)
        return lambda: a @ b
    if before == RELU:
        x = rng.standard_normal((1, 128, 56, 56), np.float32)
        return lambda: np.maximum(x, 0)
    return lambda: None


@contextmanager
def one_core_busy() -> Iterator[None]:
    """Another process that counts, for the time of this context and never much longer."""
    text = f"import time\nend = time.time() + {PATIENCE}\nwhile time.time() < end: pass"
    process = subprocess.Popen([sys.executable, "-c", text])
    try:
        time.sleep(0.2)  # until it runs
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _nothing() -> Iterator[None]:
    yield
