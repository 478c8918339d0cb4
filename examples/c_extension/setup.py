"""The one thing that pyproject.toml cannot say: where fastconv.h is."""

from __future__ import annotations

from setuptools import Extension, setup

import fastconv

setup(ext_modules=[Extension("smooth", ["smooth.c"], include_dirs=[fastconv.get_include()])])
