"""Days that waivers may end on, whenever the tests are run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

TODAY: Final = datetime.now(tz=timezone.utc).date()
SOON: Final = (TODAY + timedelta(days=90)).isoformat()
"""A day that is near enough for a waiver, also when the day changes while the tests run."""
