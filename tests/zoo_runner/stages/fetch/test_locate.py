"""Which weights and data a run uses: who is asked first, and files from the disk and a loopback server."""

from __future__ import annotations

import functools
import hashlib
import io
import re
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from zoo_runner.errors import DatasetError, ExitCode, FetchError, IntegrityError, StageError
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import Recipe, resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin.interfaces import Sample
from zoo_runner.stages.fetch.locate import DataRoot, fetch_weights, find_data, read_samples, weights_source
from zoo_runner.store.store import Store

WEIGHTS = b"weights" * 1000
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
POINTS = {f"points/{name}.txt": name.encode() for name in "abc"}
ENV = "ZOO_TEST_POINTS"
MANIFEST = """\
name: toy
plugin: {name: toy}
weights: %s
dataset: {name: points, samples: 3, %s}
inputs:
  - {name: x, shape: [batch, 3]}
outputs:
  - {name: y, shape: [batch, 2]}
"""
FROZEN = "--from infer"


class Handler(SimpleHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


class Site(ThreadingHTTPServer):
    """Serves a folder and counts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
        self.seen: list[str] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Log:
    """A progress display that remembers."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def track(self, label: str, total: int | None, unit: str) -> AbstractContextManager[Callable[[int], None]]:
        return nullcontext(lambda _: None)

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def lay_out(root: Path) -> Path:
    for name, data in POINTS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "net.pth").write_bytes(WEIGHTS)
    with tarfile.open(folder / "points.tar", "w") as tar:
        for name, data in POINTS.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with Site(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join(30)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def toy(
    install: Callable[..., Path], plugin_source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Recipe]:
    """Resolves the manifest above, in ``recipes``, with a data set of one sample per text file."""
    source = plugin_source.replace(
        "def samples(self, root): ...",
        "def samples(self, root): from zoo_runner.plugin.interfaces import Sample; "
        "return [Sample(index=i, id=p.stem, path=p) for i, p in enumerate(root.glob('*.txt'), start=1)]",
    )
    assert source != plugin_source
    install("toy", {"toy": "toy_module"}, {"toy_module": source})
    monkeypatch.delenv(ENV, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()

    def resolve_toy(
        weights: str = "{}", *, dataset: str = "", overrides: tuple[str, ...] = (), env: str | None = None
    ) -> Recipe:
        if env is not None:
            monkeypatch.setenv(ENV, env)
        Path("recipes/m.yaml").write_text(MANIFEST % (weights, dataset))
        return resolve(load(Path("recipes/m.yaml"), overrides), options())

    return resolve_toy


def options(**given: Any) -> RunOptions:
    return RunOptions(output=Path("out"), **given)


def find(recipe: Recipe, store: Store, **given: Any) -> DataRoot:
    return find_data(recipe, options(**given), store, Log())


PINNED = f"{{url: net.pth, sha256: {SHA256}, size: {len(WEIGHTS)}}}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, ("net.pth", "recipes", SHA256, len(WEIGHTS)), id="manifest"),
        pytest.param({"require_hash": True}, ("net.pth", "recipes", SHA256, len(WEIGHTS)), id="manifest-strict"),
        pytest.param({"weights": "own.pth"}, ("own.pth", "", None, None), id="own"),
        pytest.param(
            {"weights": "own.pth", "require_hash": True}, ("own.pth", "", SHA256, len(WEIGHTS)), id="own-strict"
        ),
    ],
)
def test_weights_source(
    given: dict[str, Any], expected: tuple[Any, ...], toy: Callable[..., Recipe], tmp_path: Path
) -> None:
    source = weights_source(toy(PINNED), options(**given))
    url, folder, sha256, size = expected
    assert (source.url, source.sha256, source.md5, source.size) == (url, sha256, None, size)
    assert source.base.absolute() == tmp_path / folder


def test_a_manifest_without_weights(toy: Callable[..., Recipe]) -> None:
    text = "recipes/m.yaml:3: the manifest names no weights, .*; give a checkpoint with --weights PATH|URL"
    with pytest.raises(FetchError, match=text):
        weights_source(toy(), options())
    assert weights_source(toy(), options(weights="own.pth")).url == "own.pth"


@pytest.mark.parametrize("given", [{}, {"weights": "own.pth"}], ids=["manifest", "own"])
def test_fetch_weights(given: dict[str, Any], toy: Callable[..., Recipe], store: Store, tmp_path: Path) -> None:
    (tmp_path / "recipes" / "net.pth").write_bytes(WEIGHTS)
    (tmp_path / "own.pth").write_bytes(b"other weights")
    log = Log()
    got = fetch_weights(toy(PINNED), options(**given), store, log)
    assert got.path.samefile(tmp_path / given.get("weights", "recipes/net.pth"))
    assert got.pinned is not bool(given)
    assert not log.warnings  # the manifest has a hash: other weights are a doubt of the verdict, nothing to pin


def test_require_hash_asks_the_manifests_hash_of_own_weights(
    toy: Callable[..., Recipe], site: Site, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "own.pth").write_bytes(WEIGHTS[::-1])
    with pytest.raises(IntegrityError, match=f"^own.pth: .*\n  expected sha256 {SHA256}\n  got "):
        fetch_weights(toy(PINNED), options(weights="own.pth", require_hash=True), store, Log())
    assert fetch_weights(toy(PINNED), options(weights=site.url("net.pth"), require_hash=True), store, Log()).pinned
    with pytest.raises(
        IntegrityError, match=r"^own.pth: expected a sha256 in the manifest \(--require-hash\), found none"
    ):
        fetch_weights(toy("{url: net.pth}"), options(weights="own.pth", require_hash=True), store, Log())


def test_a_frozen_store_and_weights_from_the_network(toy: Callable[..., Recipe], site: Site, store: Store) -> None:
    recipe = toy(f"{{url: '{site.url('net.pth')}?token=secret', sha256: {SHA256}}}")
    with pytest.raises(FetchError) as caught:
        fetch_weights(recipe, options(), store.frozen(FROZEN), Log())
    assert str(caught.value) == (
        f"{site.url('net.pth')}?token=***: --from infer: expected what an earlier run made (download), found none in "
        f"{store.root} for exactly these inputs; run once without it"
    )
    assert (site.seen, store.root.exists()) == ([], False)
    first = fetch_weights(recipe, options(), store, Log())
    again = fetch_weights(recipe, options(), store.frozen(FROZEN), Log())
    assert (first.reused, again.reused, again.path) == (False, True, first.path)
    assert site.seen == ["/net.pth?token=secret"]


PLACES = {"option": "by-option", "env": "by-env", "url": "recipes/by-url"}


@pytest.mark.parametrize(
    ("places", "expected", "origin"),
    [
        pytest.param(["option", "env", "url"], "option", "--data", id="option-first"),
        pytest.param(["option"], "option", "--data", id="option-alone"),
        pytest.param(["env", "url"], "env", f"${ENV}", id="env-second"),
        pytest.param(["url"], "url", "by-url", id="url-last"),
    ],
)
@pytest.mark.parametrize("subdir", ["", "points", "absent"])
def test_order_of_data_sets(
    places: list[str], expected: str, origin: str, subdir: str, toy: Callable[..., Recipe], store: Store
) -> None:
    for place in places:
        lay_out(Path(PLACES[place]))
    env = PLACES["env"] if "env" in places else None
    recipe = toy(dataset=f"root_env: {ENV}, url: by-url, subdir: '{subdir}'", env=env)
    found = find(recipe, store, data=Path(PLACES["option"]) if "option" in places else None)
    inner = "points" if subdir == "points" else ""  # a folder given by hand may be the inner one already
    assert found.path.absolute() == Path(PLACES[expected], inner).absolute()
    assert (found.origin, found.reused) == (origin, True)
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("dataset", "given", "error", "text"),
    [
        pytest.param("", {}, DatasetError, r"no data set: give --data FOLDER$", id="nothing"),
        pytest.param(f"root_env: {ENV}", {}, DatasetError, f"--data FOLDER or set {ENV}$", id="unset"),
        pytest.param(f"root_env: {ENV}", {"env": ""}, DatasetError, f"--data FOLDER or set {ENV}$", id="empty"),
        pytest.param(
            "url: data", {"data": Path("nope")}, DatasetError,
            "^--data: expected the folder of the data set, found no folder nope$", id="option-absent",
        ),
        pytest.param(
            "url: data", {"data": Path("file")}, DatasetError,
            "^--data: expected the folder of the data set, found the file file$", id="option-a-file",
        ),
        pytest.param(
            f"root_env: {ENV}, url: data", {"env": "nope"}, DatasetError,
            rf"^\${ENV}: expected the folder of the data set, found no folder nope$", id="env-absent",
        ),
        pytest.param("url: nope", {}, FetchError, "^nope: expected a folder or file at .*nope", id="url-absent"),
        pytest.param(
            "url: package:no_such_xyz/x", {}, FetchError, "'no_such_xyz' to be installed", id="package-absent"
        ),
        pytest.param("url: junk.tar", {}, FetchError, "expected a tar archive", id="no-archive"),
        pytest.param(
            "url: junk.tar", {"require_hash": True}, IntegrityError, "expected a sha256 in the manifest", id="strict",
        ),
    ],
)  # fmt: skip
def test_no_data_set(
    dataset: str, given: dict[str, Any], error: type[StageError], text: str, toy: Callable[..., Recipe], store: Store
) -> None:
    lay_out(Path("recipes/data"))
    Path("recipes/junk.tar").write_bytes(b"junk")
    Path("file").touch()
    recipe = toy(dataset=dataset, env=given.get("env"))
    with pytest.raises(error, match=text) as caught:
        find(recipe, store, **{name: value for name, value in given.items() if name != "env"})
    assert caught.value.exit_code is ExitCode.STAGE_FAILED


def test_a_url_given_with_set_starts_from_here(toy: Callable[..., Recipe], store: Store, tmp_path: Path) -> None:
    lay_out(tmp_path / "here")
    recipe = toy(overrides=("dataset.url=here",))
    assert find(recipe, store).path.absolute() == tmp_path / "here"


@pytest.mark.parametrize("subdir", ["", "points"])
def test_an_archive_from_the_network(subdir: str, toy: Callable[..., Recipe], site: Site, store: Store) -> None:
    url = f"http://us3r:p4ss@127.0.0.1:{site.server_port}/points.tar?token=t0ken"
    recipe = toy(dataset=f"url: '{url}', subdir: '{subdir}'")
    first, again = find(recipe, store), find(recipe, store)
    assert sorted(path.name for path in first.path.rglob("*.txt")) == ["a.txt", "b.txt", "c.txt"]
    assert (first.path.name == "points") == bool(subdir)
    assert (first.reused, again.reused, again.path) == (False, True, first.path)
    assert first.origin == f"http://***@127.0.0.1:{site.server_port}/points.tar?token=***"
    assert site.seen == ["/points.tar?token=t0ken"]


def test_what_is_in_an_archive_is_shown_when_the_folder_is_not(
    toy: Callable[..., Recipe], site: Site, store: Store
) -> None:
    recipe = toy(dataset=f"url: '{site.url('points.tar')}', subdir: point")
    with pytest.raises(DatasetError) as caught:
        find(recipe, store)
    assert re.search(r"m\.yaml:\d+: expected the folder 'point' in the archive http", str(caught.value))
    assert "found points/a.txt, points/b.txt, points/c.txt; correct dataset.subdir" in str(caught.value)


def test_of_many_files_in_an_archive_the_first_are_shown(
    toy: Callable[..., Recipe], store: Store, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "recipes" / "many.tar", "w") as tar:
        for number in range(12):
            tar.addfile(tarfile.TarInfo(f"deep/er/{number:02}"))
        folder = tarfile.TarInfo("deep/er/00x")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    with pytest.raises(DatasetError, match=r"found deep/er/00, deep/er/00x/, .*, deep/er/08 and 3 more; correct"):
        find(toy(dataset="url: many.tar, subdir: VOC"), store)


def test_a_frozen_store_and_data_from_the_network(toy: Callable[..., Recipe], site: Site, store: Store) -> None:
    url = site.url("points.tar")
    recipe, frozen = toy(dataset=f"url: '{url}', subdir: points"), store.frozen(FROZEN)
    absent = re.escape(f"expected what an earlier run made (download), found none in {store.root}")
    with pytest.raises(FetchError, match=f"^{url}: --from infer: {absent} .*; run once without it$"):
        find(recipe, frozen)
    assert (site.seen, store.root.exists()) == ([], False)
    first = find(recipe, store)
    assert find(recipe, frozen) == DataRoot(path=first.path, origin=url, reused=True)
    (first.path / "a.txt").unlink()
    with pytest.raises(
        StageError, match=r"^--from infer: expected what an earlier run made \(dataset\), found a damaged one"
    ):
        find(recipe, frozen)
    assert sorted(path.name for path in first.path.iterdir()) == ["b.txt", "c.txt"]
    assert site.seen == ["/points.tar"]


@pytest.mark.parametrize("dataset", ["url: data", f"root_env: {ENV}"], ids=["url", "env"])
def test_a_frozen_store_does_not_matter_to_local_data(
    dataset: str, toy: Callable[..., Recipe], store: Store, tmp_path: Path
) -> None:
    recipe = toy(dataset=dataset, env=str(lay_out(tmp_path / "recipes" / "data")))
    assert find(recipe, store.frozen(FROZEN)).path.absolute() == tmp_path / "recipes" / "data"


OTHER = "a figure for other data cannot be compared; if these are the data you mean, set dataset.samples:"


@pytest.mark.parametrize(
    ("count", "remedy"),
    [(0, "give the folder of the data set with --data FOLDER"), (2, f"{OTHER} 2"), (4, f"{OTHER} 4")],
)
def test_another_number_of_samples(count: int, remedy: str, toy: Callable[..., Recipe], tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    for number in range(count):
        (root / f"{number}.txt").touch()
    with pytest.raises(DatasetError) as caught:
        read_samples(toy(), root)
    assert str(caught.value) == f"{root}: expected the 3 samples of points, found {count}; {remedy}"


class Doubled:
    """A data set that gives each of its ids as often as told."""

    def __init__(self, times: dict[str, int]) -> None:
        self.times = times

    def samples(self, root: Path) -> list[Sample]:
        named = [(name, number) for name, times in self.times.items() for number in range(times)]
        return [Sample(index=i, id=name, path=root / f"{name}{n}") for i, (name, n) in enumerate(named, start=1)]


def test_an_id_that_repeats_is_refused_with_its_files(toy: Callable[..., Recipe], tmp_path: Path) -> None:
    recipe = toy()
    doubled = replace(recipe, parts=replace(recipe.parts, dataset=Doubled({"a": 1, "b": 2})))
    with pytest.raises(DatasetError) as caught:
        read_samples(doubled, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: expected an id of its own for each sample, found 1 of several samples:\n"
        f"  'b', 2 times: {tmp_path / 'b0'}, {tmp_path / 'b1'}\n"
        "remove the doubles from the data set, or correct the plugin that reads it"
    )


def test_many_repeated_ids_are_counted(toy: Callable[..., Recipe], tmp_path: Path) -> None:
    recipe = toy(overrides=("dataset.samples=24",))
    doubled = replace(recipe, parts=replace(recipe.parts, dataset=Doubled({f"{n}": 2 for n in range(12)})))
    with pytest.raises(DatasetError, match=r"found 12 of several samples:\n(.*\n){10}  and 2 more\n"):
        read_samples(doubled, tmp_path)


def test_the_whole_set_is_read(toy: Callable[..., Recipe], tmp_path: Path) -> None:
    assert len(read_samples(toy(), lay_out(tmp_path / "data") / "points")) == 3
