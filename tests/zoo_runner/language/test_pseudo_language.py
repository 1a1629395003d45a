"""In a language whose every text is marked, nothing that people read is left unmarked.

It has the entries of the catalogue, each with its own letters in another shape. What is shown in plain letters then
does not go through the catalogue: names, paths, commands and numbers may be that, and no sentence.
"""

from __future__ import annotations

import html
import re
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from zoo_runner.backends.doctor import examine
from zoo_runner.commands.failure import failed
from zoo_runner.errors import UsageError
from zoo_runner.language import translation
from zoo_runner.language.catalogue import Entry, catalogue
from zoo_runner.language.spoken import speak
from zoo_runner.language.translation import Translator
from zoo_runner.report.html.language import texts
from zoo_runner.report.html.render import render
from zoo_runner.report.model import Report
from zoo_runner.terminal.console import Detail
from zoo_runner.terminal.screen import show_findings, show_report

if TYPE_CHECKING:
    from tests.conftest import ZooRun

SHAPES: Final = str.maketrans({letter: chr(ord(letter) + 0xFEE0) for letter in string.ascii_letters})
PLACE: Final = re.compile(r"(\{[^{}]*\})")
STAGES: Final = "fetch export convert preprocess infer postprocess evaluate benchmark gate predict data reference"
NAMES: Final = "trial accuracy top onnxruntime cpu ant bee cat dog plugin config classes json html throughput"
NAMES_OF_TOOLS: Final = "torch onnx onnxsim onnxscript safetensors packaging unidiff ascend CANN ASCEND TOOLKIT HOME"
UNITS: Final = "ms MB sha txt pth yaml zip ONNX Runtime UTC Python x Linux glibc"
KNOWN: Final = frozenset(f"{STAGES} {NAMES} {NAMES_OF_TOOLS} {UNITS}".split())
"""Words that are the same in every language: stages as ``--from`` takes them, names, tools, units."""


def marked(entry: Entry) -> Entry:
    parts = PLACE.split(entry.english)
    shaped = "".join(part if number % 2 else part.translate(SHAPES) for number, part in enumerate(parts))
    return Entry(entry.context, entry.english, shaped)


def plain(text: str) -> list[str]:
    """Return what is written in plain letters and is no path, option, code or name."""
    text = re.sub(
        r"`[^`]*`|'[^']*'|\"[^\"]*\"|\S*[/\\=_]\S*|--[\w-]+|\b[0-9a-f]{16,}\b|\bv?\d[\w.+-]*|\w+\.\w[\w.]*", " ", text
    )
    return [word for word in re.findall(r"[A-Za-z]{2,}", text) if word not in KNOWN]


def page_text(page: str) -> str:
    """Return what a page shows; code, styles and scripts are no sentences."""
    page = re.sub(r"<(script|style|code|head)\b.*?</\1>", " ", page, flags=re.DOTALL)
    page = re.sub(r'<section id="provenance".*?</section>', " ", page, flags=re.DOTALL)  # names and versions
    return html.unescape(re.sub(r"<[^>]*>", "\n", page))


@pytest.fixture
def pseudo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    language = Translator(map(marked, catalogue("zh")))
    monkeypatch.setattr(translation, "translator", lambda _: language)
    monkeypatch.setattr("zoo_runner.report.in_language.translator", lambda _: language)
    texts.cache_clear()
    speak("zh")
    yield
    speak(None)
    texts.cache_clear()


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    def read() -> str:
        done = capsys.readouterr()
        return done.out + done.err

    return read


@pytest.mark.slow
@pytest.mark.usefixtures("pseudo")
def test_runs_on_the_terminal_and_the_page(trial: ZooRun, shown: Callable[[], str]) -> None:
    exchanged = ("--set", "plugin.config.classes=[bee, ant, cat, dog]")
    runs = {
        "green": ((), 0),
        "red": (("--baseline", "green", *exchanged), 1),
        "part": (("--limit", "8"), 4),
        "short": (("--until", "export"), 0),
    }
    for name, (given, code) in runs.items():
        done = trial("trial.yaml", "--output", name, "--replay", "never", *given)
        assert done.returncode == code, done.stderr
        report = Report.model_validate_json((trial.folder / name / "report.json").read_bytes())
        show_report(report, Path(name), Detail.VERBOSE)
        assert plain(shown()) == [], name
        assert plain(page_text(render(report, (), "zh"))) == [], name


@pytest.mark.usefixtures("pseudo")
def test_doctor(shown: Callable[[], str]) -> None:
    show_findings(examine("onnxruntime"))
    assert plain(shown()) == []


@pytest.mark.usefixtures("pseudo")
def test_an_error(shown: Callable[[], str]) -> None:
    assert failed(UsageError("--quiet and --verbose contradict each other: drop one"), "M.yaml") == 2
    text = shown()
    assert plain(text) == []
    assert "ｃｏｎｔｒａｄｉｃｔ" in text


def test_what_is_not_in_the_catalogue_would_show() -> None:
    assert plain("ｃｏｄｅ: sha256 1.2, `npu-smi info`, report.json, --set a=b, out/x.txt") == []
    assert plain("the weights of trial") == ["the", "weights", "of"]
