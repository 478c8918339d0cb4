"""The site: ``python -m sphinx -W docs build/site``, without a network.

Pages are the Markdown files that GitHub shows as well. Their links to files outside docs/ lead to
the page that includes the file, or, where there is none, become plain text.
"""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path
from typing import Any

from sphinx.util.inspect import stringify_signature

import fastconv

HERE = Path(__file__).parent
ROOT = HERE.parent

project = "fastconv"
author = copyright = "The fastconv developers"
version = release = fastconv.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
# Links to the documentation of other projects need their inventories, and so a network.
if os.environ.get("FASTCONV_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "numpy": ("https://numpy.org/doc/stable", None),
        "python": ("https://docs.python.org/3", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }
exclude_patterns = ["README.md", "**/GALLERY_HEADER.rst"]
default_role = "py:obj"
smartquotes = False  # words such as "same" are typed with these quotes

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say them in words
autodoc_inherit_docstrings = False
templates_path = ["_templates"]
add_module_names = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
# What must hold of every docstring on a page of the reference, beside what tests/api/test_api.py
# asks: a summary that ends in a period, sections that are known and in order, and parameters that
# are named as the signature names them. Methods of layers are told by the page of Layer.
numpydoc_validation_checks = {"GL06", "GL07", "GL08", "SS01", "SS03", "PR02", "PR08"}
numpydoc_validation_exclude = {r"\.__init__$", r"\.(forward|backward|output_shape)$"}

html_theme = "pydata_sphinx_theme"
html_title = "fastconv"
html_static_path = ["_static"]
html_css_files = ["fastconv.css"]
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "matplotlib_animations": True,
    "download_all_examples": False,
    "min_reported_time": 0,
    "show_memory": False,
    "remove_config_comments": True,
    # `plot_gallery=0` leaves the programs unrun: a site in a fraction of the time.
    "plot_gallery": "True",
}

# Files outside docs/ that a page of the site includes.
INCLUDED = {
    "README.md": "index.md",
    "docs/README.md": "index.md",
    "CHANGELOG.md": "site/changelog.md",
    "CONTRIBUTING.md": "site/contributing.md",
    "bench/README.md": "site/benchmarks.md",
    "bench/NOTES.md": "site/notes.md",
    "bench/NOTES-filters.md": "site/notes-filters.md",
    "csrc/README.md": "site/cpp.md",
    "examples": "gallery/index.rst",
    "examples/gallery": "gallery/index.rst",
}
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)]*)?\)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def _with_links(text: str, base: Path) -> str:
    """The text of a page or of an included file, whose links are relative to `base`."""

    def link(match: re.Match[str]) -> str:
        words, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target or target.startswith("/"):
            return match[0]
        path = (base / target).resolve()
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
        if name in INCLUDED:
            page = INCLUDED[name]
            kept = anchor if page.startswith("site/") else ""
            return f"[{words}](/{page}{kept})"
        if name.startswith("examples/gallery/") and path.suffix == ".py":
            return f"[{words}](/gallery/{path.stem}.rst)"
        if path.is_relative_to(HERE) and path.suffix in (".md", ".rst"):
            return f"[{words}](/{path.relative_to(HERE).as_posix()}{anchor})"
        return words

    def image(match: re.Match[str]) -> str:
        path = (base / match[2]).resolve()
        return f"![{match[1]}](/{path.relative_to(HERE).as_posix()})"

    return _IMAGE.sub(image, _LINK.sub(link, text))


def _read(app: object, docname: str, source: list[str]) -> None:
    """Links of a page."""
    if (HERE / f"{docname}.md").exists():
        source[0] = _with_links(source[0], (HERE / docname).parent)


def _include(app: object, path: Path, parent: str, source: list[str]) -> None:
    """Links of an included file."""
    source[0] = _with_links(source[0], (HERE / path).resolve().parent)


def _signature(app: object, what: str, name: str, obj: Any, *_: object) -> tuple[str, str] | None:
    """That of a class is its `__init__`'s; autodoc would show `__new__`, which layers share."""
    if what != "class":
        return None
    text = stringify_signature(inspect.signature(obj), show_annotation=False)
    return re.sub(r"<class '([\w.]+)'>", r"\1", text), ""


def setup(app: object) -> None:
    app.connect("source-read", _read)  # type: ignore[attr-defined]
    app.connect("include-read", _include)  # type: ignore[attr-defined]
    app.connect("autodoc-process-signature", _signature)  # type: ignore[attr-defined]
