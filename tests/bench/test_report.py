"""What the suite says about stored runs: tables, goals, pictures."""

from __future__ import annotations

import pytest
from bench.report import __main__ as command
from bench.report import goals, page, results, table
from bench.report.standing import Summary, standings


def test_standing_of_rows(stored_run):
    win, loss, alone = standings(stored_run())
    assert (win.best, win.ratio) == ("ncnn", 1.5)  # mnn is faster, but beyond the bound
    assert loss.ratio == 0.75
    assert (alone.best, alone.ratio) == (None, None)
    assert win.share == pytest.approx(win.row["flops"] / 400e-6 / 340e9)
    assert (win.speedup, win.last) == pytest.approx((1.9, 1.05))
    summary = Summary.of(standings(stored_run()))
    assert (summary.rows, summary.behind, summary.least) == (2, 1, 0.75)
    assert summary.mean == pytest.approx((1.5 * 0.75) ** 0.5)


def test_report_shows_losses_brackets_and_reasons(stored_run):
    text = page.report(stored_run())
    assert "The rows behind, 1 in all:" in text
    assert "| 300 ncnn | **0.75** |" in text
    assert "| 600 ncnn | 1.50 |" in text
    assert "| (300) |" in text
    assert "- mnn: answer beyond the bound, not counted (1 of 3 layers)" in text
    assert "- ncnn: not installed (1 of 3 layers)" in text
    assert "2 threads on every side" in text


def test_a_run_without_losses_says_so(stored_run):
    run = stored_run()
    del run["rows"][1]
    assert "No row is behind." in page.report(run)
    del run["rows"][0]
    assert "No row has a peer." in page.report(run)


def test_stored_runs_are_read_back_and_others_refused(stored_run, tmp_path, capsys):
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
    assert command.main([str(other)]) == 1
    assert command.main([str(path)]) == 0
    assert capsys.readouterr().out == page.report(stored_run()) + "\n"


def test_old_names_of_algorithms_are_read_as_those_of_today(stored_run, tmp_path):
    run = stored_run()
    run["rows"][0]["algorithm"] = "broadcast"
    results.save(run, tmp_path / "old.json")
    read = results.read(tmp_path / "old.json")
    assert [row["algorithm"] for row in read["rows"]] == ["channel_lanes", "im2col", "depthwise"]


def test_goals_name_the_rows_that_miss_them(stored_run):
    text = goals.report(stored_run())
    assert "| the best peer, ties allowed | 2 | 1.06 | 0.75 | 1 |" in text
    assert "| 3x3 over ncnn | 1 | 1.50 | 1.50 | 0 |" in text
    assert "| the best peer, ties allowed | 512@28 -> 128 1x1 | 0.75 | 0.97 | 400 |" in text
    assert "| two threads, over 100 MFLOP | 2 | 1.90 | 1.90 | 0 |" in text
    assert "float64" in goals.report(stored_run(dtype="float64"))


def test_numbers_have_three_digits():
    assert [table.micro(us) for us in (2.345, 99.94, 1234.5)] == ["2.3", "99.9", "1,234"]


def test_pictures_of_a_run(stored_run, tmp_path):
    figures = pytest.importorskip("bench.report.figures", reason="pictures need matplotlib")
    paths = figures.draw_all(stored_run(), tmp_path)
    names = {"ratio-n1.svg", "peak-n1.svg", "time.svg", "threads.svg"}
    assert {path.name for path in paths} == names
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("<?xml")
        assert "2026-11-22" in text or path.name == "time.svg"  # text is text


def test_pictures_without_threads_or_peers(stored_run, tmp_path):
    figures = pytest.importorskip("bench.report.figures", reason="pictures need matplotlib")
    run = stored_run(threads=1)
    run["rows"] = run["rows"][2:]
    del run["rows"][0]["us"]["fastconv 1 thread"]
    assert {path.name for path in figures.draw_all(run, tmp_path)} == {"peak-n1.svg", "time.svg"}
    figures.draw_ratio(run, tmp_path / "none.svg")
    assert not (tmp_path / "none.svg").exists()


def test_dashes_that_are_close_do_not_hide_each_other():
    overview = pytest.importorskip("bench.report.overview", reason="pictures need matplotlib")
    places = overview.stacked([1.5, 1.0, 1.0, 1.001, 3.0])
    assert [value for value, _ in places] == [1.0, 1.0, 1.001, 1.5, 3.0]
    offsets = sorted(offset for _, offset in places[:3])
    assert offsets == pytest.approx([-overview.STEP, 0, overview.STEP])
    assert [offset for _, offset in places[3:]] == [0, 0]


def test_without_files_the_newest_stored_run_is_shown(stored_run, tmp_path, capsys, monkeypatch):
    old, new = stored_run(), stored_run()
    old["date"], new["commit"] = "2026-01-01 00:00", "newest"
    results.save(old, tmp_path / "old.json")
    results.save(new, tmp_path / "new.json")
    monkeypatch.setattr(results.newest, "__defaults__", (tmp_path,))
    for arguments in ([], ["--goals"]):
        assert command.main(arguments) == 0
        assert "newest" in capsys.readouterr().out
