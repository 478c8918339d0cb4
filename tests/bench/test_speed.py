"""docs/speed.md and README's section: what they choose of the stored runs, and how they say it."""

from __future__ import annotations

import re

import pytest
from bench.report import results, speed, table

MARKS = f"before\n{speed.BEGIN}\nold\n{speed.END}\nafter\n"


def read(path):
    return path.read_text(encoding="utf-8")


@pytest.fixture
def root(tmp_path, stored_run):
    """A checkout with a README and three runs, of which one is not whole."""
    pytest.importorskip("matplotlib", reason="the page has pictures")
    (tmp_path / "README.md").write_text(MARKS, encoding="utf-8")
    for name, more in {"plans": {}, "functions": {}, "part": {"only": "1x1"}}.items():
        run = stored_run(mode=name if name != "part" else "plans", **more)
        results.save(run, tmp_path / "bench" / "results" / f"{name}.json")
    return tmp_path


def test_readme_gets_its_section_and_keeps_the_rest(root):
    speed.write(root)
    text = read(root / "README.md")
    assert text.startswith(f"before\n{speed.BEGIN}\n\n| ")
    assert text.endswith(f"{speed.END}\nafter\n")
    assert "batch-1) | MNN, ncnn | 2 | 1.06 | 1 |" in text
    assert text.count("\n| [") == 2  # of the five rows those that a run was stored for
    assert "fastconv is behind on 2 of 4 rows" in text
    assert text.count("![") == 1


def test_the_page_has_every_run_every_row_and_the_losses(root, stored_run):
    speed.write(root)
    text = read(root / "docs" / "speed.md")
    for mode in ("Plans", "Functions"):
        assert f"## {mode}, float32, avx2, 2 threads, batch 1\n" in text
    assert text.count("Every row, 3 in all") == 2
    for row in stored_run()["rows"]:
        assert text.count(f"| {row['family']} | {row['layer']} | {row['algorithm']} |") == 2
    losses = text.split(f"## {speed.BEHIND}\n")[1].split("## ")[0]
    assert losses.count("| 1x1 | 512@28 -> 128 1x1 | 400 | 300 ncnn | 0.75 |") == 2


def test_every_link_leads_somewhere(root):
    """From README to the page, on the page to its headings, and to pictures."""
    speed.write(root)
    shown = check_links(read(root / "README.md"), read(root / "docs" / "speed.md"), root)
    assert shown == set((root / "docs" / "pictures").iterdir())


def check_links(readme, page, root):
    """The pictures that are shown; AssertionError unless they and all headings are there."""
    headings = re.findall(r"^##? (.+)$", page, re.MULTILINE)
    anchors = [speed.anchor(heading) for heading in headings]
    assert len(set(anchors)) == len(anchors)
    links = re.findall(r"docs/speed\.md#([\w-]+)", readme) + re.findall(r"\(#([\w-]+)\)", page)
    assert len(links) > 4
    assert set(links) <= set(anchors)
    docs = root / "docs"
    shown = {docs / path for path in re.findall(r"\((pictures/[^)]+)\)", page)}
    shown |= {root / path for path in re.findall(r"\((docs/pictures/[^)]+)\)", readme)}
    assert all(path.exists() for path in shown)
    return shown


def test_written_twice_all_files_are_the_same(root):
    def files():
        paths = [root / "README.md", *(root / "docs").rglob("*.*")]
        return {path: path.read_bytes() for path in paths}

    speed.write(root)
    first = files()
    assert len(first) == 5  # README, the page, the overview and a picture for each mode
    speed.write(root)
    assert files() == first


def test_what_cannot_be_written_is_said(tmp_path, root):
    (root / "README.md").write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="once each"):
        speed.write(root)
    for path in (root / "bench" / "results").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="no whole run"):
        speed.write(root)


def test_the_core_set_and_the_newest_run_are_preferred(stored_run):
    old, new = stored_run(), stored_run()
    old["date"], old["commit"] = "2026-01-01 00:00", "old"
    quick = stored_run(set="quick")
    quick["date"] = "2026-12-01 00:00"
    other = stored_run(dtype="float64")
    chosen = speed.chosen([quick, new, old, other])
    assert [r["settings"]["set"] for r in chosen] == ["core", "core"]
    assert [r["commit"] for r in chosen] == ["0123456", "0123456"]
    assert [r["settings"]["dtype"] for r in chosen] == ["float32", "float64"]


def test_every_batch_is_shown_with_its_losses(stored_run):
    runs = [stored_run(batch=[n]) for n in (16, 1)]
    for row in runs[0]["rows"]:
        row["n"] = 16
    chosen = speed.chosen(runs)
    assert [table.batches(run) for run in chosen] == [[1], [16]]
    assert table.losses(chosen).count("plans, float32") == 2
    assert speed.chosen([stored_run(), stored_run(batch=[1])])[0]["settings"]["batch"] is None


def test_pictures_stay_small_with_many_rows(stored_run, tmp_path):
    """Of as many rows as the core set has, and as many runs as are stored."""
    overview = pytest.importorskip("bench.report.overview", reason="pictures need matplotlib")
    from bench.report import figures

    run = stored_run()
    run["rows"] = run["rows"] * 21
    figures.draw_ratio(run, tmp_path / "run.svg")
    overview.draw([run] * 14, tmp_path / "all.svg")
    for path in tmp_path.iterdir():
        assert path.stat().st_size < 60_000, path.name


def test_the_pages_of_this_checkout_are_whole():
    readme = read(speed.ROOT / "README.md")
    page = read(speed.ROOT / "docs" / "speed.md")
    assert readme.count(speed.BEGIN) == readme.count(speed.END) == 1
    check_links(readme, page, speed.ROOT)
