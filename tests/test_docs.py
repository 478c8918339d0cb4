"""The reference on the site names everything that is public, once, and nothing else."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
PAGES = {
    "functions": ("fastconv", {"__version__", "grad", "interfaces", "nn", "reference"}),
    "grad": ("fastconv.grad", set()),
    "nn": ("fastconv.nn", set()),
    "reference": ("fastconv.reference", {"grad"}),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_reference_is_whole(page):
    module, elsewhere = PAGES[page]
    text = (REFERENCE / f"{page}.rst").read_text(encoding="utf-8")
    assert f".. currentmodule:: {module}\n" in text
    listed = re.findall(r"^   (\w+)$", text, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == set(importlib.import_module(module).__all__) - elsewhere
