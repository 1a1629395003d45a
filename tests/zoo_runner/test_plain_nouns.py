"""The runner knows no task: what it says to users fits a classifier of sounds as well as a detector."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2] / "zoo_runner"
ELSEWHERE: Final = ("testing/", "backends/ascend/", "aipp/", "importing/", "language/words.py")
"""Stand-ins, what is about images for certain, what reads published recipes, and nouns of data sets to translate."""
WORDS: Final = re.compile(r"\b(images?|pixels?|box(es)?|detect(s|ed|ions?|ors?)?|class(es)?)\b", re.IGNORECASE)
TEXTS: Final = "report/html/texts/en.json"
BY_CLASS: Final = "said only of a metric that gives values by class"
CLASSIFIED: Final = "a key of plugin.config, which a plugin has whose model tells classes apart"
DRAWN: Final = "said only of a metric that draws boxes on pictures of samples"
NAMED: Final = "said only of a metric that calls an error so"
UNIT: Final = "the name of the unit in manifests and published figures"
AIPP: Final = "said only where the manifest asks for AIPP"
PYTHON: Final = "of a program, not of data"
EXCEPTIONS: Final = {
    ("golden/libraries.py", "scikit-image"): "the name of a distribution",
    ("attribution/support.py", "annotations changed, and each class has as many objects as before"): BY_CLASS,
    ("attribution/support.py", "class "): BY_CLASS,
    ("causes.py", "By the rule `paired`: the baseline's predictions do not give this metric, as with other classes."): (
        BY_CLASS
    ),
    ("comparison/baseline.py", "detections.npz"): "what the file was called in the first releases",
    ("comparison/conditions.py", "detections"): "what the file was called in the first releases",
    ("comparison/conditions.py", "class "): BY_CLASS,
    ("comparison/metrics.py", "its classes are "): BY_CLASS,
    ("comparison/notes.py", "one class of "): BY_CLASS,
    ("comparison/notes.py", "every class"): BY_CLASS,
    ("comparison/notes.py", " classes"): BY_CLASS,
    ("commands/new.py", "classes"): CLASSIFIED,
    ("golden/checking.py", "annotations changed: class "): BY_CLASS,
    ("job/recipe.py", "pixels"): AIPP,
    ("job/recipe.py", " (see PixelPreprocess in zoo_runner.plugin.pixels); remove atc.aipp"): AIPP,
    ("job/recipe.py", " does not say how to normalise pixels: it has no "): AIPP,
    (
        "manifest/atc.py",
        "such as image:{batch},3,320,320; by default from inputs",
    ): "an input, for example",
    ("manifest/section.py", "images/s"): UNIT,
    ("plugin/loading.py", " the class "): PYTHON,
    ("plugin/mean_pictures.py", "image/svg+xml"): "a media type",
    ("plugin/near_misses.py", "class "): PYTHON,
    ("replay/classes.py", "the plugin has no class of samples "): PYTHON,
    ("report/html/figures.py", '<span class="num" data-field="{}" data-value="{}">{}</span>'): PYTHON,
    ("report/html/render.py", "classes"): PYTHON,
    ("report/html/render.py", "classes.plot"): PYTHON,
    ("report/html/svg.py", "class"): PYTHON,
    ("stages/export/checkpoint_file.py", r"Detected pickle protocol \d+ in the checkpoint"): "what torch says",
    ("statistics/bootstrap.py", " and of their classes; correct the plugin"): BY_CLASS,
    (TEXTS, "about.confusion"): NAMED,
    (TEXTS, "about.localisation"): NAMED,
    (TEXTS, "noun.classes"): "what a metric tells apart that calls it so",
    (TEXTS, "baseline.classes"): BY_CLASS,
    (TEXTS, "baseline.other_metrics"): BY_CLASS,
    (TEXTS, "baseline.plot"): BY_CLASS,
    (TEXTS, "baseline.unmoved"): BY_CLASS,
    (TEXTS, "baseline.unmoved_rescored"): BY_CLASS,
    (TEXTS, "classes.class"): BY_CLASS,
    (TEXTS, "classes.plot"): BY_CLASS,
    (TEXTS, "classes.values"): BY_CLASS,
    (TEXTS, "gallery.by_class"): DRAWN,
    (TEXTS, "noun.images"): "said only where the data set calls its samples so",
    (TEXTS, "section.classes"): BY_CLASS,
    (TEXTS, "trait.class"): BY_CLASS,
    (TEXTS, "trait.place"): DRAWN,
    (TEXTS, "unit.images/s"): UNIT,
}
"""Why a text may have such a word, by the module and the text; of the report's texts by their key."""


def test_no_text_for_users_names_what_only_some_tasks_have() -> None:
    found = {*_literals(), *_texts()}
    assert sorted(found - EXCEPTIONS.keys()) == []
    assert sorted(EXCEPTIONS.keys() - found) == [], "no exception is needed where nothing is found"


def _literals() -> Iterator[tuple[str, str]]:
    """The texts in the code that have such a word, but for docstrings, each with its module."""
    for path in sorted(ROOT.rglob("*.py")):
        module = path.relative_to(ROOT).as_posix()
        if module.startswith(ELSEWHERE):
            continue
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        said = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
                yield from ((module, node.value) for _ in WORDS.findall(node.value))


def _texts() -> Iterator[tuple[str, str]]:
    """The keys of the report's texts that have such a word."""
    texts = json.loads((ROOT / TEXTS).read_text(encoding="utf-8"))
    yield from ((TEXTS, key) for key, text in texts.items() if WORDS.search(text))
