"""The bundled sample, killed at any change of a file: what holds of the trial holds of a network and its images."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from disk_points import read_points
from fault_world import CHUNK, LONG, Reference, World, check_it_goes_on, spread
from places import SAMPLE
from run_server import RunServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LONG, reason="the long form kills the sample: tests/faults/run.py --long"),
]
KILLS = {"without predictions": 17, "half filled": 17, "full": 16}
"""In each state of the store."""
WORDS = ("--set", "benchmark.loop=1", "--set", "benchmark.batch=[1]")
"""A killed benchmark leaves nothing, whatever its length."""
IMAGES = 240


@pytest.fixture(scope="module")
def sample(server: RunServer, trial_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """What an undisturbed run of the sample comes to, and stores at three stages of filling."""
    folder = tmp_path_factory.mktemp("sample")
    with RunServer(trial_site, export=True) as exporting:
        assert World(folder, exporting, SAMPLE, words=WORDS).run("--until", "export").code == 0
    world = World(folder, server, SAMPLE, words=WORDS)
    stores = {"without predictions": Path(shutil.copytree(world.store, folder / "exported"))}
    assert world.run("--limit", str(CHUNK)).code == 4
    stores["half filled"] = Path(shutil.copytree(world.store, folder / "half"))
    ended = world.run()
    assert ended.code == 0, ended.stderr
    stores["full"] = Path(shutil.copytree(world.store, folder / "full"))
    return Reference(world.predictions(), world.figures(), stores, folder / "out")


@pytest.mark.parametrize("state", KILLS)
def test_killed(
    state: str, server: RunServer, sample: Reference, tmp_path: Path, count: Callable[[str, int], None]
) -> None:
    def make(name: str) -> World:
        shutil.copytree(sample.stores[state], tmp_path / name / "store")
        return World(tmp_path / name, server, SAMPLE, words=WORDS, samples=IMAGES)

    whole = make("whole")
    assert whole.run(log="points").code == 0
    chosen = spread(len(read_points(whole.log())), KILLS[state], state)
    for number in chosen:
        world = make(str(number))
        killed = world.run(kill_at=number, log="points")
        assert killed.code == -signal.SIGKILL, (number, killed)
        check_it_goes_on(world, sample, number)
        shutil.rmtree(world.folder)
    count("kill anywhere, of the sample", len(chosen))
