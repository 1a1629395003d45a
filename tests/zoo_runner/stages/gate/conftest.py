"""Manifests with expectations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gate_lines import BASE, Manifested
from zoo_runner.manifest.load import LoadedManifest, load


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifested:
    """Load a manifest with these expectations; they begin on line 7."""
    monkeypatch.chdir(tmp_path)

    def load_manifest(**sections: Any) -> LoadedManifest:
        Path("m.yaml").write_text(BASE + (yaml.safe_dump(sections, sort_keys=False) if sections else ""))
        return load(Path("m.yaml"))

    return load_manifest
