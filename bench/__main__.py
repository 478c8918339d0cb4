"""``python -m bench``: the same as ``python -m fastconv bench``."""

from __future__ import annotations

import sys

from .run import main

sys.exit(main())
