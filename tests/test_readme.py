"""What README, docs/ and examples/ show runs as it stands; links lead to files."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from children import run_python

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [
    README,
    *(ROOT / name for name in ("CONTRIBUTING.md", "csrc/README.md", "bench/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
# What a source distribution leaves out.
ABSENT = tuple(
    folder
    for folder in (".ci/", ".github/", "bench/results/", "bench/pictures/")
    if not (ROOT / folder).exists()
)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path, kind: str = r"\w+") -> list[tuple[str, str]]:
    """The kind and the text of each block of code."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```({kind})\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


EXAMPLES = [
    pytest.param(code, id=f"{name_of(page)}-{i}")
    for page in PAGES
    for i, (_, code) in enumerate(blocks_of(page, "python"), start=1)
]


def test_readme_opens_with_the_two_commands():
    blocks = blocks_of(README)
    assert [kind for kind, _ in blocks[:2]] == ["sh", "sh"]
    assert blocks[0][1].endswith("python -m fastconv demo\n")
    assert blocks[1][1].endswith("pytest\n")


def test_readme_example_computes_gradients():
    ((_, example),) = blocks_of(README, "python")
    scope: dict[str, object] = {}
    exec(example, scope)
    assert scope["dx"].shape == scope["x"].shape


def test_pages_have_examples():
    assert {param.id.rsplit("-", 1)[0] for param in EXAMPLES} >= {
        "README.md", "docs/algorithms.md", "docs/coming-from.md", "docs/precision.md"
    }  # fmt: skip


def run_or_skip(run):
    """Call `run`; skip where an interface says that its library is not there."""
    try:
        run()
    except (ImportError, AssertionError) as error:
        missing = re.search(r"fastconv\S+ needs .*pip install 'fastconv\[.*'", str(error))
        if missing is None:
            raise
        pytest.skip(missing[0])


@pytest.mark.parametrize("code", EXAMPLES)
def test_python_blocks_run(code):
    if "KERAS_BACKEND" in code:  # which a process reads once
        run_or_skip(lambda: run_python(code))
    else:
        run_or_skip(lambda: exec(code, {}))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    for target in targets:
        if "://" in target:
            continue
        path = (page.parent / target).resolve()
        assert path.exists() or f"{name_of(path)}/".startswith(ABSENT), target


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_examples_run(path, capsys, monkeypatch):
    if "sklearn" in path.read_text(encoding="utf-8"):
        pytest.importorskip("sklearn", reason="the photograph comes from scikit-learn")
    if path.stem == "reverb":
        pytest.skip("it takes files: tests/stream/test_reverb.py makes them")
    monkeypatch.setattr("sys.argv", [str(path)])
    run_or_skip(lambda: runpy.run_path(str(path), run_name="__main__"))
    assert capsys.readouterr().out
