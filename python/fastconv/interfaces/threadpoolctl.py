"""fastconv for threadpoolctl: its ``threadpool_limits`` and ``threadpool_info`` know it.

``import fastconv`` calls `register` by itself if threadpoolctl was imported before. The library has
a ``user_api`` of its own, ``"fastconv"``: limits for all libraries reach it, limits for ``"blas"``
or ``"openmp"`` do not.
"""

from __future__ import annotations

import ctypes
from operator import index

import fastconv

try:
    import threadpoolctl
    from threadpoolctl import LibController
except ImportError as error:
    raise ImportError(
        "fastconv.interfaces.threadpoolctl needs threadpoolctl 3.2 or later: "
        "pip install 'fastconv[threadpoolctl]'"
    ) from error

__all__ = ["register"]

MOST = 1024  # threads that anybody may ask for: a limit of as many is none


class _Threads(int):
    """A number of threads together with the limit behind it.

    threadpoolctl ends a limit by setting the number that it got before. That number alone would
    stay as a limit, for calls too that ask for more.
    """

    limit: int


class FastconvController(LibController):  # type: ignore[misc]  # threadpoolctl has no types
    """What threadpoolctl asks about one loaded copy of fastconv's compiled module."""

    user_api = "fastconv"
    internal_api = "fastconv"
    filename_prefixes = ("_native.",)
    # Other packages have a _native, too (hypothesis is one); only ours exports this.
    check_symbols = ("fastconv_get_num_threads",)

    def get_num_threads(self) -> int:
        """Return what calls take at most that do not say, in the whole process."""
        threads = _Threads(self.dynlib.fastconv_get_num_threads())
        threads.limit = self.dynlib.fastconv_get_thread_limit()
        return threads

    def set_num_threads(self, num_threads: int) -> None:
        """Limit all calls, also those that say otherwise; 0 is 1, as in other libraries."""
        limit = num_threads.limit if isinstance(num_threads, _Threads) else index(num_threads)
        self.dynlib.fastconv_set_thread_limit(max(1, min(limit, MOST)))

    def get_version(self) -> str | None:
        """Return the version of the copy, which need not be that of this module.

        threadpoolctl asks before it looks for `check_symbols`: None if this is no copy of ours.
        """
        version = getattr(self.dynlib, "fastconv_version", None)
        if version is None:
            return None
        version.restype = ctypes.c_char_p
        text: bytes = version()
        return text.decode()

    def set_additional_attributes(self) -> None:
        """Say what OpenBLAS's controller says, too."""
        self.threading_layer = fastconv.threading()
        self.architecture = fastconv.isa()


def register() -> None:
    """Let threadpoolctl find fastconv: ``threadpool_limits`` then limits its threads.

    Inside of ``with threadpool_limits(n):`` no call in the process takes more than n threads,
    whatever `fastconv.set_num_threads`, ``with fastconv.threads(...):``, ``threads=`` or a plan
    made before says. The end of the block, by an exception too, lifts the limit, and so does
    `fastconv.set_num_threads`. As with every library whose threads are of the process, blocks of
    several Python threads that overlap restore each other's limits: put the block around them.

    ``import fastconv`` does this by itself where threadpoolctl was imported before it; twice does
    nothing more than once.

    Raises
    ------
    ImportError
        From the import of this module, if threadpoolctl 3.2 or later is not there.

    Examples
    --------
    >>> import fastconv
    >>> from threadpoolctl import threadpool_limits
    >>> fastconv.interfaces.threadpoolctl.register()
    >>> with threadpool_limits(1, user_api="fastconv"):
    ...     fastconv.get_num_threads()
    1
    """
    if FastconvController not in threadpoolctl._ALL_CONTROLLERS:
        threadpoolctl.register(FastconvController)
