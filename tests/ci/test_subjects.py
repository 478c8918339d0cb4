"""The check of the subjects of commits, on small histories and on messages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECK = ROOT / ".ci" / "check_subjects.py"

pytestmark = pytest.mark.skipif(not CHECK.exists(), reason="a source distribution has no .ci/")

BEFORE, AFTER = "2026-11-22T12:00:00Z", "2026-11-27T12:00:00Z"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECK), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def commit(tmp_path):
    """Add an empty commit to a repository, made on the given day."""
    folder = tmp_path / "history"
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    who = {"NAME": "A", "EMAIL": "a@example.org"}
    people = {f"GIT_{of}_{k}": v for of in ("AUTHOR", "COMMITTER") for k, v in who.items()}

    def make(message: str, day: str = AFTER) -> Path:
        dates = {"GIT_COMMITTER_DATE": day, "GIT_AUTHOR_DATE": day}
        environment = {**os.environ, **people, **dates, "GIT_CONFIG_GLOBAL": os.devnull}
        command = ["git", "-C", str(folder), "commit", "--quiet", "--allow-empty", "-m", message]
        subprocess.run(command, check=True, env=environment)
        return folder

    return make


def test_subjects_of_72_characters_pass_whatever_the_body(commit):
    commit("x" * 72)
    done = run(commit("short\n\n" + "why " * 40))
    assert (done.returncode, done.stdout) == (0, "2 of 2 commits checked\n")


def test_one_more_fails_and_is_named(commit):
    commit("x" * 73)
    done = run(commit("a later one"))
    assert done.returncode == 1
    assert "a subject of 73 characters, the limit is 72: xxx" in done.stdout


def test_a_body_without_an_empty_line_before_it_is_subject(commit):
    assert run(commit("x" * 40 + "\n" + "y" * 40)).returncode == 1


def test_commits_from_before_the_rule_are_left_alone(commit):
    commit("x" * 100, BEFORE)
    done = run(commit("short"))
    assert (done.returncode, done.stdout) == (0, "1 of 2 commits checked\n")


def test_a_merge_may_have_a_long_subject(commit):
    folder = commit("first")
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "branch", "side"], check=True)
    commit("second")
    subprocess.run([*git, "checkout", "--quiet", "side"], check=True)
    commit("third")
    subprocess.run([*git, "checkout", "--quiet", "-"], check=True)
    merge = [*git, "-c", "user.name=A", "-c", "user.email=a@example.org", "merge", "--quiet"]
    subprocess.run([*merge, "--no-ff", "-m", "Merge " + "x" * 90, "side"], check=True)
    done = run(folder)
    assert (done.returncode, done.stdout) == (0, "3 of 3 commits checked\n")


def test_a_shallow_clone_is_checked_as_far_as_it_reaches(commit, tmp_path):
    commit("x" * 100, BEFORE)
    commit("x" * 100)
    folder = commit("short")
    clone = ["git", "clone", "--quiet", "--depth", "1", f"file://{folder}", str(tmp_path / "clone")]
    subprocess.run(clone, check=True)
    assert run(folder).returncode == 1
    assert run(tmp_path / "clone").stdout == "1 of 1 commits checked\n"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("x" * 72 + "\n\nwhy\n# Please enter the commit message " + "for your changes " * 9, 0),
        ("x" * 73 + "\n", 1),
        ("# only a comment\n", 1),
    ],
    ids=["fits", "long", "empty"],
)
def test_a_message_in_the_making(tmp_path, message, code):
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text(message, encoding="utf-8")
    done = run("--message", file)
    assert done.returncode == code
    assert bool(done.stdout) == bool(code)
