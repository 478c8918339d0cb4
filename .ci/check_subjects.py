"""A commit's subject has at most 72 characters: a line of `git log` and of a terminal.

    python .ci/check_subjects.py [root of a git repository; default: the one where this script lies]
    python .ci/check_subjects.py --message FILE     the message of a commit that is being made

Without a message it looks at all commits from FIRST_DAY on but merges, whose subjects a program may
have written; the 257 commits before were made without the rule. It goes by the date and not by a
list of commits, so that a shallow clone is checked as far as it reaches.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

MOST = 72
FIRST_DAY = datetime(2026, 11, 27, tzinfo=UTC)


def subject_of(message: str) -> str:
    """The first paragraph as one line, as git takes it: a body begins behind an empty line."""
    lines = [line.strip() for line in message.splitlines() if not line.startswith("#")]
    text = "\n".join(lines).strip("\n")
    return text.split("\n\n")[0].replace("\n", " ")


def complaint(name: str, subject: str) -> list[str]:
    if not subject:
        return [f"{name}: no subject"]
    if len(subject) > MOST:
        return [f"{name}: a subject of {len(subject)} characters, the limit is {MOST}: {subject}"]
    return []


def in_message(path: Path) -> list[str]:
    return complaint("this commit", subject_of(path.read_text(encoding="utf-8")))


def in_history(root: Path) -> list[str]:
    command = ["git", "-C", str(root), "log", "--no-merges", "--format=%h%x09%ct%x09%s"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    commits = [line.split("\t", 2) for line in listing.splitlines()]
    held = [
        (commit, subject)
        for commit, seconds, subject in commits
        if int(seconds) >= FIRST_DAY.timestamp()
    ]
    print(f"{len(held)} of {len(commits)} commits checked")
    return [text for commit, subject in held for text in complaint(commit, subject)]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--message"]:
        problems = in_message(Path(sys.argv[2]))
    else:
        here = Path(__file__).resolve().parents[1]
        problems = in_history(Path(sys.argv[1]) if len(sys.argv) > 1 else here)
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)
