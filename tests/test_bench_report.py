"""What the benchmark suite says about a stored run: tables, goals, README's section, pictures."""

from __future__ import annotations

import pytest
from bench import goals, readme, report, results, table
from bench.standing import Summary, standings

from bench_cases import stored_run


def test_standing_of_rows():
    win, loss, alone = standings(stored_run())
    assert (win.best, win.ratio) == ("ncnn", 1.5)  # mnn is faster, but beyond the bound
    assert loss.ratio == 0.75
    assert (alone.best, alone.ratio) == (None, None)
    assert win.share == pytest.approx(win.row["flops"] / 400e-6 / 340e9)
    assert (win.speedup, win.last) == pytest.approx((1.9, 1.05))
    summary = Summary.of(standings(stored_run()))
    assert (summary.rows, summary.behind, summary.least) == (2, 1, 0.75)
    assert summary.mean == pytest.approx((1.5 * 0.75) ** 0.5)


def test_report_shows_losses_brackets_and_reasons():
    text = report.report(stored_run())
    assert "| 300 ncnn | **0.75** |" in text
    assert "| 600 ncnn | 1.50 |" in text
    assert "| (300) |" in text
    assert "- mnn: answer beyond the bound, not counted (1 of 3 layers)" in text
    assert "- ncnn: not installed (1 of 3 layers)" in text
    assert "2 threads on every side" in text


def test_stored_runs_are_read_back_and_others_refused(tmp_path, capsys):
    path = tmp_path / "results" / "a.json"
    results.save(stored_run(), path)
    assert results.read(path) == stored_run()
    assert path.read_text(encoding="utf-8").count("\n  {") == 3  # a row, a line
    assert results.default_path(stored_run()).name == (
        "2026-11-22-a-6-1-avx2-plans-core-float32-t2.json"
    )
    other = tmp_path / "other.json"
    other.write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match="no result of this suite"):
        results.read(other)
    assert report.main([str(other)]) == 1
    assert report.main([str(path)]) == 0
    assert capsys.readouterr().out == report.report(stored_run()) + "\n"


def test_goals_name_the_rows_that_miss_them():
    text = goals.report(stored_run())
    assert "| the best peer, ties allowed | 2 | 1.06 | 0.75 | 1 |" in text
    assert "| 3x3 over ncnn | 1 | 1.50 | 1.50 | 0 |" in text
    assert "| the best peer, ties allowed | 512@28 -> 128 1x1 | 0.75 | 0.97 | 400 |" in text
    assert "| two threads, over 100 MFLOP | 2 | 1.90 | 1.90 | 0 |" in text
    assert "float64" in goals.report(stored_run(dtype="float64"))


def test_readme_gets_its_section_and_keeps_the_rest(tmp_path):
    pytest.importorskip("matplotlib", reason="README has pictures")
    path = tmp_path / "README.md"
    path.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no whole run"):
        readme.write(tmp_path)
    results.save(stored_run(), tmp_path / "bench" / "results" / "plans.json")
    results.save(stored_run(mode="functions"), tmp_path / "bench" / "results" / "f.json")
    results.save(stored_run(only="1x1"), tmp_path / "bench" / "results" / "part.json")
    readme.write(tmp_path)
    text = path.read_text(encoding="utf-8")
    readme.write(tmp_path)
    assert path.read_text(encoding="utf-8") == text
    assert text.startswith(f"before\n{readme.BEGIN}\n\nMeasured on A CPU")
    assert text.endswith(f"{readme.END}\nafter\n")
    assert "The rows behind, 2 in all" in text
    for name in ("plans", "functions"):
        assert (tmp_path / "bench" / "results" / f"{name}.md").exists()
        assert f"bench/pictures/{name}-ratio-n1.png" in text
        for picture in ("ratio-n1", "peak-n1", "time", "threads"):
            path_of = tmp_path / "bench" / "pictures" / f"{name}-{picture}.png"
            assert path_of.read_bytes().startswith(b"\x89PNG")
    path.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="once each"):
        readme.write(tmp_path)


def test_readme_prefers_the_core_set_and_the_newest_run():
    old, new = stored_run(), stored_run()
    old["date"], old["commit"] = "2026-01-01 00:00", "old"
    quick = stored_run(set="quick")
    quick["date"] = "2026-12-01 00:00"
    other = stored_run(dtype="float64")
    chosen = readme.chosen([quick, new, old, other])
    assert [r["settings"]["set"] for r in chosen] == ["core", "core"]
    assert [r["commit"] for r in chosen] == ["0123456", "0123456"]
    assert [r["settings"]["dtype"] for r in chosen] == ["float32", "float64"]


def test_readme_shows_every_batch_and_the_rows_behind_in_each():
    runs = [stored_run(batch=[n]) for n in (16, 1)]
    chosen = readme.chosen(runs)
    assert [r["settings"]["batch"] for r in chosen] == [[1], [16]]
    assert readme.losses(chosen).count("plans, float32") == 2 * readme.losses(runs[:1]).count(
        "plans, float32"
    )


def test_this_readme_has_the_marks():
    text = (readme.ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count(readme.BEGIN) == text.count(readme.END) == 1


def test_numbers_have_three_digits():
    assert [table.micro(us) for us in (2.345, 99.94, 1234.5)] == ["2.3", "99.9", "1,234"]


def test_pictures_without_threads_or_peers(tmp_path):
    figures = pytest.importorskip("bench.figures", reason="pictures need matplotlib")
    run = stored_run(threads=1)
    run["rows"] = run["rows"][2:]
    del run["rows"][0]["us"]["fastconv 1 thread"]
    assert {path.name for path in figures.draw_all(run, tmp_path)} == {"peak-n1.png", "time.png"}


def test_without_files_the_newest_stored_run_is_shown(tmp_path, capsys, monkeypatch):
    old, new = stored_run(), stored_run()
    old["date"], new["commit"] = "2026-01-01 00:00", "newest"
    results.save(old, tmp_path / "old.json")
    results.save(new, tmp_path / "new.json")
    monkeypatch.setattr(results.newest, "__defaults__", (tmp_path,))
    for arguments in ([], ["--goals"]):
        assert report.main(arguments) == 0
        assert "newest" in capsys.readouterr().out
