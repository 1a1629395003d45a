"""Runs of commands are forks: what they print and write is looked at, not how their process starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Forks, ZooRun


@pytest.fixture
def zoo_run(zoo_run: ZooRun, forks: Forks) -> ZooRun:
    return forks(zoo_run)
