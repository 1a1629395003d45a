"""Several addresses of one file: tried in order, each failure told, and the right bytes or none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from file_site import BODY, HALF, MD5, QUICK, SHA256, Log, Pins, Reply, Site, hang_up, normal, serving, status, store
from zoo_runner.errors import FetchError, IntegrityError
from zoo_runner.stages.fetch.resource import fetch
from zoo_runner.stages.fetch.source import FileSource
from zoo_runner.stages.fetch.trust import Fetched
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ZooRun

__all__ = ["store"]  # a fixture

OTHER = BODY[::-1]


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Site, Site]]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as one, serving() as two:
        yield one, two


def source(*urls: str, pins: Pins | None = None, base: Path = Path("/nowhere")) -> FileSource:
    first, *others = urls
    return FileSource(url=first, mirrors=tuple(others), base=base, **(pins or {"sha256": SHA256}))


def get(sites: tuple[Site, Site], store: Store, log: Log | None = None, *, refetch: bool = False) -> Fetched:
    wanted = source(*(each.url for each in sites))
    return fetch(wanted, store, log or Log(), refetch=refetch, retry=QUICK)


def test_the_first_one_is_enough(sites: tuple[Site, Site], store: Store) -> None:
    log = Log()
    got = get(sites, store, log)
    assert (got.path.read_bytes(), got.origin, got.pinned, log.warnings) == (BODY, sites[0].shown, True, [])
    assert sites[1].seen == []


DOWN: dict[str, tuple[list[Reply], str]] = {
    "absent": ([status(404)], "the server answered 404 Not Found. Check the address in the manifest"),
    "busy": ([status(503)] * 2, "gave up after 2 attempts; the last one: the server answered 503 "),
    "hangs-up": (
        [hang_up] * 2,
        "gave up after 2 attempts; the last one: no connection to 127.0.0.1: Remote end closed ",
    ),
    "breaks-off": ([normal(cut=HALF), normal(cut=0)], "gave up after 2 attempts; the last one: "),
}


@pytest.mark.parametrize(("replies", "why"), DOWN.values(), ids=DOWN)
def test_one_that_is_down(replies: list[Reply], why: str, sites: tuple[Site, Site], store: Store) -> None:
    sites[0].replies, log = list(replies), Log()
    got = get(sites, store, log)
    assert (got.path.read_bytes(), got.origin, got.reused) == (BODY, sites[1].shown, False)
    assert sites[1].ranges() == [None]  # nothing of what the first one sent is gone on with
    (warning,) = log.warnings
    assert warning.startswith(f"{sites[0].shown}: {why}")
    assert warning.endswith(f"\nThe next address is tried: {sites[1].shown}")


@pytest.mark.parametrize("pins", [{"sha256": SHA256}, {"md5": MD5}], ids=["sha256", "md5"])
@pytest.mark.parametrize("cut", [None, HALF], ids=["whole", "in-two-parts"])
def test_one_with_another_file_is_told(cut: int | None, pins: Pins, sites: tuple[Site, Site], store: Store) -> None:
    sites[0].facts.body, log = OTHER, Log()
    sites[0].replies = [normal(cut=cut)] if cut else []
    got = fetch(source(*(each.url for each in sites), pins=pins), store, log, retry=QUICK)
    assert (got.path.read_bytes(), got.origin) == (BODY, sites[1].shown)
    (warning,) = log.warnings
    (wanted,) = pins.values()
    assert re.search(
        rf"the file is not the expected one\.\n  expected \w+ {wanted}\n  got .*discarded", warning, re.DOTALL
    )
    assert list((store.root / "partial").iterdir()) == []


def test_bytes_of_one_never_get_into_the_file_of_another(sites: tuple[Site, Site], store: Store) -> None:
    """Both broke off; the next run goes on with each one's own bytes."""
    for each in sites:
        each.replies = [normal(cut=HALF)] + [status(503)] * 5
    with pytest.raises(FetchError, match="found it at none"):
        get(sites, store)
    parts = [store.root / "partial" / f"{fingerprint(each.url)}.part" for each in sites]
    assert [each.stat().st_size for each in parts] == [HALF, HALF]
    parts[0].write_bytes(OTHER[:HALF])
    sites[0].replies = sites[1].replies = []
    got = get(sites, store)
    assert (got.path.read_bytes(), got.origin) == (BODY, sites[0].shown)  # from its start, when the whole was wrong
    assert sites[0].ranges()[-2:] == [f"bytes={HALF}-", None]


def test_what_one_of_them_gave_before_costs_no_request(sites: tuple[Site, Site], store: Store) -> None:
    sites[0].replies = [status(404)]
    first, log = get(sites, store), Log()
    asked = [len(each.seen) for each in sites]
    again = get(sites, store, log)
    assert (again.path, again.reused, again.origin, log.warnings) == (first.path, True, sites[1].shown, [])
    assert [len(each.seen) for each in sites] == asked
    assert get(sites, store.frozen("--from infer")).path == first.path
    renewed = get(sites, store, refetch=True)
    assert (renewed.reused, renewed.origin) == (False, sites[0].shown)


def test_a_damaged_copy_of_the_second_one(sites: tuple[Site, Site], store: Store) -> None:
    sites[0].replies = [status(404)]
    got = get(sites, store)
    got.path.write_bytes(OTHER)
    sites[1].replies = [status(404)]
    again = get(sites, store)
    assert (again.path.read_bytes(), again.origin) == (BODY, sites[0].shown)


@pytest.mark.parametrize(
    ("wrong", "kind"), [([True, True], IntegrityError), ([False, True], FetchError), ([False, False], FetchError)]
)
def test_when_all_fail_each_is_named(
    wrong: list[bool], kind: type[FetchError], sites: tuple[Site, Site], store: Store
) -> None:
    for each, other in zip(sites, wrong, strict=True):
        each.facts.body, each.replies = (OTHER, []) if other else (BODY, [status(410)])
    with pytest.raises(FetchError) as caught:
        get(sites, store)
    assert type(caught.value) is kind
    lines = str(caught.value).splitlines()
    assert lines[0] == "expected the file at one of 2 addresses, found it at none:"
    assert lines[-1].startswith("A file you already have is taken with --weights PATH|URL")
    for each, other in zip(sites, wrong, strict=True):
        why = "the file is not the expected one." if other else "the server answered 410 Gone"
        assert any(line.startswith(f"  {each.shown}: {why}") for line in lines), lines


def test_files_on_the_disk_may_be_among_them(sites: tuple[Site, Site], store: Store, tmp_path: Path) -> None:
    (tmp_path / "other.pth").write_bytes(OTHER)
    (tmp_path / "folder").mkdir()
    log = Log()
    wanted = source("absent.pth", "other.pth", "folder", sites[0].url, base=tmp_path)
    assert fetch(wanted, store, log, retry=QUICK).origin == sites[0].shown
    absent, other, folder = log.warnings
    assert absent.startswith("absent.pth: expected a file at ")
    assert other.startswith("other.pth: the file is not the expected one.\n")
    assert folder.startswith("folder: expected a file, found a folder, with no file in it\nThe next address is tried")
    (tmp_path / "net.pth").write_bytes(BODY)
    got = fetch(source("net.pth", sites[1].url, base=tmp_path), store, Log())
    assert (got.path, sites[1].seen) == (tmp_path / "net.pth", [])


def test_without_a_hash_there_is_one_address(sites: tuple[Site, Site], store: Store) -> None:
    with pytest.raises(IntegrityError, match=r"expected a sha256 in the manifest \(several addresses\), found none"):
        fetch(source(*(each.url for each in sites), pins={"size": len(BODY)}), store, Log(), retry=QUICK)
    assert [each.seen for each in sites] == [[], []]


def test_secrets_of_addresses_are_not_told(sites: tuple[Site, Site], store: Store) -> None:
    log = Log()
    for each in sites:
        each.replies = [status(404)]
    urls = [f"{each.url}&token=Pl4nted-word" for each in sites]
    with pytest.raises(FetchError) as caught:
        fetch(source(*urls), store, log, retry=QUICK)
    assert "Pl4nted" not in "".join([str(caught.value), *log.warnings])


def test_a_run_names_the_one_it_used(sites: tuple[Site, Site], trial: ZooRun, tmp_path: Path) -> None:
    """The list in a file that extends another replaces the list there."""
    body = (trial.folder / "weights.pth").read_bytes()
    for each, content in zip(sites, (OTHER, body), strict=True):
        each.facts.body = content
    weights = {"url": [each.url for each in sites], "sha256": sha256(body).hexdigest()}
    first = {"extends": "trial.yaml", "name": "first", "weights": {**weights, "url": ["gone.pth", "lost.pth"]}}
    (trial.folder / "first.yaml").write_text(json.dumps(first))
    (trial.folder / "second.yaml").write_text(json.dumps({"extends": "first.yaml", "weights": weights}))
    run = trial.given(ZOO_RUNNER_CACHE=tmp_path / "cache")
    done = run("second.yaml", "--until", "fetch", "--require-hash", "--output", "out")
    assert done.returncode == 0, done.stderr
    report = json.loads((run.folder / "out" / "report.json").read_text())
    (found,) = [each for each in report["artifacts"] if each["name"] == "weights"]
    assert (found["origin"], found["sha256"]) == (sites[1].shown, weights["sha256"])
    (warning,) = report["warnings"]
    assert re.match(rf"{re.escape(sites[0].shown)}:? the file is not the expected one\.", warning)
    assert f"expected sha256 {weights['sha256']}" in done.stderr
    assert json.loads(report["manifest"]["settings"]["weights.url"]) == [each.shown for each in sites]
    plan = run("second.yaml", "--dry-run")
    shown = " or ".join(each.shown for each in sites)
    assert f"  weights  {shown} (sha256 {weights['sha256']})\n" in plan.stdout
    both_gone = run("first.yaml", "--until", "fetch", "--output", "out")
    assert both_gone.returncode == 3
    assert "expected the file at one of 2 addresses, found it at none:\n" in both_gone.stdout
    assert all(
        f" {name}: expected a file at {name}, found none" in both_gone.stdout for name in ("gone.pth", "lost.pth")
    )
