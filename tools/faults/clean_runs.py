"""Runs the sample without a fault, many times, under what must not matter: no run may be red, and no figure move.

    python tools/faults/clean_runs.py --work clean        # environments are made there once, from PyPI

Every environment has releases of NumPy, OpenCV and ONNX Runtime of its own. Those on this Python take everything else
from the environment that runs this script, torch included, and run the sample from weights to verdict; those on
another Python are installed whole, without torch, and score result files. Between runs batch size, threads, locale,
hash seed, time zone, umask and the vector instructions that NumPy may use change. Beside each run the metric scores
two fixed sets of detections: it must give the same to the last bit everywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from faults.bench import ALIKE, FOREIGN, LABELS, ROOT, TIMEOUT_S
from faults.fixed_sets import write_sets

ZOO_RUN: Final = "import sys; from zoo_runner.cli import main; sys.exit(main())"
MANIFEST: Final = ROOT / "manifests" / "refinedet320-sample.yaml"
SCORE: Final = Path(__file__).with_name("fixed_sets.py")
BESIDE: Final = ("coloredlogs", "humanfriendly", "flatbuffers")
"""What older releases of ONNX Runtime import."""
BATCHES: Final = (1, 3, 4, 8, 16)
THREADS: Final = (None, 1, 2)
VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "LC_ALL": ("C", "C.UTF-8", "tr_TR.UTF-8", "de_DE.UTF-8"),
    "PYTHONHASHSEED": ("0", "1", "4711", "random"),
    "TZ": ("UTC", "Asia/Kathmandu", "America/St_Johns"),
    "OMP_NUM_THREADS": ("1", "2", "8"),
    "OPENCV_FOR_THREADS_NUM": ("1", "4"),
    "NPY_DISABLE_CPU_FEATURES": ("", "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL", "X86_V4"),
    "PYTHONUTF8": ("0", "1"),
}
UMASKS: Final = (0o022, 0o077)


@dataclass(frozen=True)
class Environment:
    """Releases to run with.

    Attributes:
        name: Of its folder.
        packages: What pip installs.
        python: Version of another Python; such an environment is installed whole and only scores.
    """

    name: str
    packages: tuple[str, ...]
    python: str = ""


ENVIRONMENTS: Final = (
    Environment("floor", ("numpy==1.25.2", "opencv-python-headless==4.8.0.74", "onnxruntime==1.17.0")),
    Environment("early", ("numpy==1.26.4", "opencv-python-headless==4.9.0.80", "onnxruntime==1.18.1")),
    Environment("late-1", ("numpy==1.26.4", "opencv-python-headless==4.11.0.86", "onnxruntime==1.20.1")),
    Environment("middle", ("numpy==2.0.2", "opencv-python-headless==4.10.0.84", "onnxruntime==1.19.2")),
    Environment("late-2", ("numpy==2.2.6", "opencv-python-headless==4.12.0.88", "onnxruntime==1.22.1")),
    Environment("newest", ("numpy", "opencv-python-headless", "onnxruntime")),
    Environment("python3.10", ("numpy==1.26.4", "opencv-python-headless==4.10.0.84", "onnxruntime"), "3.10"),
    Environment("python3.13", ("numpy", "opencv-python-headless", "onnxruntime"), "3.13"),
)


@dataclass(frozen=True, kw_only=True)
class Clean:
    """A run that is over.

    Attributes:
        environment: Its environment's name.
        changed: What was varied.
        code: Its exit code.
        figure: The headline.
        scores: Of the fixed sets, by name: values in hexadecimal, exact.
        why: The reasons for the verdict.
    """

    environment: str
    changed: str
    code: int
    figure: float | None
    scores: Mapping[str, str]
    why: str


@dataclass(frozen=True)
class Variation:
    """What changes between two runs."""

    batch: int
    threads: int | None
    umask: int
    variables: Mapping[str, str]

    def __str__(self) -> str:
        """Say it in one line."""
        words = {"batch": self.batch, "threads": self.threads, "umask": f"{self.umask:03o}", **self.variables}
        return " ".join(f"{name}={value}" for name, value in words.items())


def variations(seed: str) -> Iterator[Variation]:
    """Draw variations without end, always the same ones."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    while True:
        yield Variation(
            draw.choice(BATCHES),
            draw.choice(THREADS),
            draw.choice(UMASKS),
            {name: draw.choice(values) for name, values in VARIABLES.items()},
        )


@dataclass(frozen=True)
class Workplace:
    """Where environments, stores and fixed sets are.

    Attributes:
        work: The folder.
        pythons: Folder with a Python of each version, as pyenv has them.
    """

    work: Path
    pythons: Path

    def python(self, environment: Environment) -> Path:
        """Return the environment's Python, installing it if this was not done before."""
        folder = self.work / "environments" / environment.name
        python, done = folder / "bin" / "python", folder / "done"
        if done.is_file() and done.read_text(encoding="utf-8") == repr(environment):
            return python
        self.install(environment, folder, python)
        done.write_text(repr(environment), encoding="utf-8")
        return python

    def install(self, environment: Environment, folder: Path, python: Path) -> None:
        """Make an environment."""
        shutil.rmtree(folder, ignore_errors=True)
        quiet("-m", "venv", folder, by=self.other_python(environment.python))
        if environment.python:
            quiet("-m", "pip", "install", "--quiet", *environment.packages, ROOT, by=python)
        else:
            quiet("-m", "pip", "install", "--quiet", "--no-deps", *environment.packages, *BESIDE, by=python)
            (site,) = folder.glob("lib/python*/site-packages")
            own = [path for path in sys.path if path.endswith("site-packages")]
            lines = [f"import site; site.addsitedir({path!r})\n" for path in own]
            (site / "zz_rest.pth").write_text("".join(lines), encoding="utf-8")

    def refresh(self, environment: Environment) -> None:
        """Install today's code where an environment has a copy of it."""
        python = self.python(environment)
        if environment.python:
            quiet("-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", ROOT, by=python)

    def other_python(self, version: str) -> Path:
        """Return a Python of a version, or this one."""
        if not version:
            return Path(sysconfig.get_path("scripts", "posix_prefix", {"base": sys.base_prefix})) / "python3"
        found = sorted(self.pythons.glob(f"{version}.*/bin/python3"))
        if not found:
            raise SystemExit(f"no Python {version} below {self.pythons}; name the folder with --pythons")
        return found[-1]

    def results(self) -> Path:
        """Return result files of the sample, made by this environment if this was not done before."""
        folder = self.work / "results"
        if not (folder / "report.json").is_file():
            variables = {**clean_variables(), "ZOO_RUNNER_CACHE": str(self.work / "stores" / "own")}
            arguments: tuple[str | Path, ...] = (MANIFEST, "--output", folder, *LABELS["pr"], "--until", "infer")
            quiet("-c", ZOO_RUN, *arguments, by=Path(sys.executable), variables=variables)
        return folder / "results"


def quiet(*words: str | Path, by: Path, variables: Mapping[str, str] | None = None) -> None:
    """Run Python; only if it fails, say what it said."""
    done = subprocess.run(  # noqa: S603 - our own command
        list(map(str, (by, *words))), env=variables, capture_output=True, text=True, check=False, cwd=Path.home()
    )
    if done.returncode:
        raise SystemExit(f"{by} {' '.join(map(str, words))} failed:\n{done.stdout}{done.stderr}")


def clean_variables() -> dict[str, str]:
    """Return this process's variables without those that change a run."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


def clean_run(place: Workplace, environment: Environment, variation: Variation, number: int) -> Clean:
    """Run once."""
    python, store = place.python(environment), place.work / "stores" / environment.name
    shutil.rmtree(store / "predictions", ignore_errors=True)  # every run infers by itself
    output = place.work / "runs" / f"{environment.name}-{number:02d}"
    shutil.rmtree(output, ignore_errors=True)
    variables = {**clean_variables(), **variation.variables, "ZOO_RUNNER_CACHE": str(store)}
    words: list[str | Path] = [MANIFEST, "--output", output, *LABELS["pr"], *ALIKE]
    if environment.python:
        words += ["--from", "postprocess", "--results", place.results()]
    else:
        words += ["--set", f"infer.batch={variation.batch}", "--set", f"benchmark.batch=[{variation.batch}]"]
        words += ["--set", f"infer.threads={variation.threads}"] if variation.threads else []
    done = started(python, "-c", ZOO_RUN, *words, variables=variables, umask=variation.umask)
    report = output / "report.json"
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
    sets = started(python, SCORE, place.work / "sets", variables=variables, umask=variation.umask)
    return Clean(
        environment=environment.name,
        changed=str(variation),
        code=done.returncode,
        figure=(found.get("metrics") or [{}])[0].get("value"),
        scores=json.loads(sets.stdout) if sets.returncode == 0 else {"failed": sets.stderr[-300:]},
        why="; ".join(found.get("why", ())) or done.stderr[-300:],
    )


def started(python: Path, *words: str | Path, variables: Mapping[str, str], umask: int) -> Any:
    """Start Python and wait for its end."""
    return subprocess.run(  # noqa: S603 - our own command
        list(map(str, (python, *words))),
        env=dict(variables),
        cwd=Path.home(),
        umask=umask,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
    )


def problems_of(runs: Sequence[Clean]) -> list[str]:
    """List what should not be: runs that did not pass, and values of equal detections that are not equal."""
    problems = [f"{run.environment}: exit code {run.code} ({run.why}) with {run.changed}" for run in runs if run.code]
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        for name, value in run.scores.items():
            values[name][value] += 1
    problems += [
        f"the fixed set {name} has {len(found)} values: {found}" for name, found in values.items() if len(found) > 1
    ]
    return problems


def summary(environment: Environment, versions: str, runs: Sequence[Clean]) -> str:
    """Say what came of an environment's runs."""
    figures = [run.figure for run in runs if run.figure is not None]
    spread = f"{min(figures):.4f} to {max(figures):.4f}" if figures else "no figure"
    codes = ", ".join(f"{count} x exit {code}" for code, count in sorted(Counter(run.code for run in runs).items()))
    return f"{environment.name:<11} {versions:<58} {codes:<14} {spread}"


def main() -> int:
    """Make the environments, run, and say what came of it; 0 if nothing moved."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, metavar="FOLDER", help="for environments, stores and runs")
    parser.add_argument("--runs", type=int, default=100, help="how many, over all environments (default: %(default)s)")
    parser.add_argument("--only", action="append", choices=[each.name for each in ENVIRONMENTS], help="repeatable")
    parser.add_argument("--pythons", type=Path, default=Path.home() / ".pyenv" / "versions", metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the runs there too")
    options = parser.parse_args()
    place = Workplace(options.work.resolve(), options.pythons)
    place.work.mkdir(parents=True, exist_ok=True)
    write_sets(place.work / "sets", place.results().parent)
    chosen = [each for each in ENVIRONMENTS if not options.only or each.name in options.only]
    runs: list[Clean] = []
    print(f"{'environment':<11} {'releases':<58} {'runs':<14} figure", flush=True)
    for position, environment in enumerate(chosen):
        place.refresh(environment)
        count = len(range(position, options.runs, len(chosen)))
        drawn = zip(range(count), variations(environment.name), strict=False)
        some = [clean_run(place, environment, variation, number) for number, variation in drawn]
        runs += some
        print(summary(environment, versions_of(place.python(environment)), some), flush=True)
    problems = problems_of(runs)
    scored = sorted({f"{name}: {value}" for run in runs for name, value in run.scores.items()})
    print(f"\n{len(runs)} runs; values of equal detections:", *scored, sep="\n  ")
    for problem in problems:
        print(f"NOT AS IT MUST BE: {' '.join(problem.split())}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps([vars(run) for run in runs], indent=1) + "\n", encoding="utf-8")
    return 1 if problems else 0


def versions_of(python: Path) -> str:
    """Name the releases that an environment really has."""
    code = (
        "import platform, numpy, cv2, onnxruntime as o; print('Python', platform.python_version(), 'NumPy', "
        "numpy.__version__, 'OpenCV', cv2.__version__, 'ORT', o.__version__)"
    )
    return str(started(python, "-c", code, variables=clean_variables(), umask=0o022).stdout).strip()


if __name__ == "__main__":
    sys.exit(main())
