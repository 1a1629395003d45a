"""Runs that are killed in stages of their own: the seams to ``ais_bench``'s files, the export and a conversion."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from disk_points import read_points
from fault_world import LONG, Reference, World, spread, tree
from run_server import RunServer
from zoo_runner.output.names import PREVIOUS
from zoo_runner.testing import stand_in_environment

pytestmark = pytest.mark.slow
KILLS = 10 if LONG else 3
COSTLY_KILLS = 10 if LONG else 2
"""Of runs that load torch or start other programs."""
WITHOUT_FILES = {"report.json", "report.html", "junit.xml", "summary.md", "report.sarif", ".zoo-run.json"} | {
    *PREVIOUS.values()
}
"""They have times in them; what they say of figures is compared by itself. A run killed late leaves a last report."""


@pytest.fixture(scope="module")
def exporting(trial_site: Path) -> Iterator[RunServer]:
    with RunServer(trial_site, export=True) as running:
        yield running


def content(world: World) -> dict[str, str]:
    """Return what a run left in its output folder, without what has times in it."""
    found = tree(world.folder / "out")
    left = {
        name: digest
        for name, digest in found.items()
        if name not in WITHOUT_FILES and not name.startswith(("logs/", "."))
    }
    exported = sorted(digest for name, digest in tree(world.store / "onnx").items() if name.endswith(".onnx"))
    converted = len(list(world.store.glob("om/[!.]*/content/*.om")))  # atc writes what it likes into them
    return left | {"models": " ".join(exported), "converted": str(converted)}


def check_kills(make: Callable[[], World], words: tuple[str, ...], kills: int) -> int:
    """Kill runs of one kind, and hold what the next ones leave against an undisturbed one."""
    whole = make()
    ended = whole.run(*words, log="points")
    assert ended.code == 0, ended.stderr
    expected, figures = content(whole), whole.figures()
    assert expected
    chosen = spread(len(read_points(whole.log())), kills, " ".join(words))
    for number in chosen:
        world = make()
        killed = world.run(*words, kill_at=number, log="points")
        assert killed.code == -signal.SIGKILL, killed
        before = world.entries()
        ended = world.run(*words)
        assert (ended.code, "Traceback" in ended.stderr) == (0, False), (number, ended.stderr)
        assert (content(world), world.figures()) == (expected, figures), number
        after = world.entries()
        assert {name: after.get(name) for name in before} == before, "a finished entry was made again"
        assert world.left_over() == [], number
    return len(chosen)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param("without predictions", ("--until", "preprocess"), id="inputs"),
        pytest.param("without predictions", ("--until", "infer"), id="results"),
        pytest.param("half filled", ("--until", "postprocess"), id="predictions"),
    ],
)
@pytest.mark.long_rows("predictions")
def test_files(
    state: str, words: tuple[str, ...], new_world: Callable[[str], World], count: Callable[[str, int], None]
) -> None:
    count("kill anywhere, in a stage", check_kills(lambda: new_world(state), words, KILLS))


def test_scoring_of_result_files(
    new_world: Callable[[str], World],
    reference: Reference,
    tmp_path: Path,
    count: Callable[[str, int], None],
) -> None:
    made = new_world("without predictions")
    assert made.run("--until", "infer").code == 0
    results = Path(shutil.copytree(made.folder / "out" / "results", tmp_path / "results"))
    words = ("--from", "postprocess", "--until", "evaluate", "--results", str(results))
    count("kill anywhere, in a stage", check_kills(lambda: new_world("without predictions"), words, KILLS))
    assert reference.figures["metrics"]


def test_export(exporting: RunServer, trial_files: Path, tmp_path: Path, count: Callable[[str, int], None]) -> None:
    made = iter(range(1000))

    def make() -> World:
        folder = tmp_path / f"export{next(made)}"
        folder.mkdir()
        return World(folder, exporting, trial_files / "trial.yaml")

    count("kill anywhere, in a stage", check_kills(make, ("--until", "export"), COSTLY_KILLS))


def test_conversion_by_stand_ins(
    new_world: Callable[[str], World], tmp_path: Path, count: Callable[[str, int], None]
) -> None:
    host = stand_in_environment(tmp_path / "host")

    def make() -> World:
        world = new_world("without predictions")
        world.variables.update(host)
        return world

    words = ("--backend", "ascend", "--until", "convert")
    count("kill anywhere, in a stage", check_kills(make, words, COSTLY_KILLS))
