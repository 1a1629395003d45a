"""Filling the folder of downloads."""

from __future__ import annotations

from pathlib import Path

import pytest

from file_site import BODY, SHA256, Log, Site, site, store
from zoo_runner.errors import FetchError
from zoo_runner.stages.fetch.collecting import collect
from zoo_runner.stages.fetch.downloads import listing
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.stages.fetch.trust import Trust
from zoo_runner.store.store import Store

__all__ = ["site", "store"]  # fixtures


def test_nothing_is_asked_for(store: Store, tmp_path: Path) -> None:
    collect((), tmp_path / "downloads", store, Log())
    assert list((tmp_path / "downloads").iterdir()) == []


@pytest.mark.parametrize("sha256", [SHA256, None], ids=["pinned", "no-hash"])
def test_a_file_is_put_there_by_its_name(sha256: str | None, site: Site, store: Store, tmp_path: Path) -> None:
    source, log = FileSource(url=site.url, base=Path(), sha256=sha256), Log()
    (download,) = listing([("weights", source)])
    for _ in range(2):
        collect([download], tmp_path / "downloads", store, log)
    assert [each.name for each in (tmp_path / "downloads").iterdir()] == ["net_v1.pth"]
    assert (tmp_path / "downloads" / "net_v1.pth").read_bytes() == BODY
    assert (len(site.seen), download.fault(tmp_path / "downloads")) == (1, "")
    assert len(log.warnings) == (sha256 is None)
    assert Trust.of(source, store).sha256() is None  # nobody has used it yet


def test_a_folder_that_cannot_be_made(site: Site, store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (download,) = listing([("weights", FileSource(url=site.url, base=Path(), sha256=SHA256))])
    with pytest.raises(FetchError, match="cannot put a download into"):
        collect([download], tmp_path / "file" / "downloads", store, Log())
    assert site.seen == []
