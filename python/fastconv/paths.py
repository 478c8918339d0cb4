"""Where a C or C++ build finds fastconv's header and CMake package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["get_cmake_dir", "get_include"]

_PACKAGE = Path(__file__).parent


def get_include() -> str:
    """Return the directory of ``fastconv.h``, for a compiler's include path.

    Returns
    -------
    directory : str

    Examples
    --------
    >>> import os, fastconv
    >>> os.listdir(fastconv.get_include())
    ['fastconv.h']
    """
    return str(_PACKAGE / "include")


def get_cmake_dir() -> str:
    """Return the directory of ``fastconvConfig.cmake``, for ``-Dfastconv_DIR=``.

    Builds by scikit-build-core find it by themselves; ``python -m fastconv --cmakedir`` prints it.

    Returns
    -------
    directory : str

    Examples
    --------
    >>> import os, fastconv
    >>> "fastconvConfig.cmake" in os.listdir(fastconv.get_cmake_dir())
    True
    """
    return str(_PACKAGE / "cmake")
