"""``zoo-run import``: a manifest with what is still to be written, which validates, and which no run takes before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from places import ROOT

if TYPE_CHECKING:
    from tests.conftest import ZooRun

RECIPE = ROOT / "tests" / "zoo_runner" / "importing" / "recipes" / "04-dynamic-batch.md"
UNSAID = "  unsaid: [plugin.name, expected.accuracy.protocol]\n"
SHOWN = """\
m.yaml: written, and valid; 0 things of README.md are left out
still to be written, as the recipe does not say it:
  plugin.name
  expected.accuracy.protocol
next:
  zoo-run validate m.yaml
"""


def test_from_a_recipe_to_a_manifest_that_can_be_run(trial: ZooRun) -> None:
    (trial.folder / "README.md").write_bytes(RECIPE.read_bytes())
    done = trial("import", "README.md", "-o", "m.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, SHOWN, "")
    assert trial("import", "README.md", "-o", "m.yaml").returncode == 2, "nothing is replaced"

    done = trial("validate", "m.yaml", "--json")
    found = json.loads(done.stdout)[0]
    assert (done.returncode, found["valid"], found["problems"]) == (0, True, [])
    assert [note.split(": ")[1] for note in found["notes"]] == ["plugin.name", "expected.accuracy.protocol"]

    done = trial("m.yaml")
    assert done.returncode == 2
    assert "imported.unsaid: expected nothing that README.md does not say, found 2 of it:" in done.stderr
    assert "write the name of a plugin that `zoo-run plugins` lists, and take plugin.name off imported" in done.stderr

    text = (trial.folder / "m.yaml").read_text()
    assert UNSAID in text
    (trial.folder / "m.yaml").write_text(text.replace(UNSAID, ""))
    done = trial("validate", "m.yaml")
    assert done.returncode == 0
    assert "plugin.name: no plugin 'm' is installed; install it, or write it (docs/write-a-plugin.md)" in done.stderr
    done = trial("m.yaml")
    assert done.returncode == 2
    assert "no plugin is registered as 'm'" in done.stderr

    done = trial("validate", "m.yaml", "--set", "plugin.name=trial", "--set", "plugin.config={classes: [a]}")
    assert done.returncode == 2, "with a plugin everything is held against it"
    assert trial("validate", "m.yaml", "--set", "imported=null").returncode == 2, "others need a plugin"


def test_a_faulty_recipe(trial: ZooRun) -> None:
    (trial.folder / "README.md").write_text("# a\n")
    done = trial("import", "README.md", "-o", "m.yaml")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: README.md: expected a recipe with an atc command in a block of code, found none"
    )
    assert not (trial.folder / "m.yaml").exists()
    recipe = RECIPE.read_text().replace("Ascend310P3", "310P3")
    (trial.folder / "README.md").write_text(recipe)
    done = trial("import", "README.md", "-o", "m.yaml", "--plugin", "trial")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: README.md:15: flag --soc_version=310P3: expected the prefix Ascend")
    assert "plugin.name" not in done.stdout


def test_reports_say_what_was_imported(trial: ZooRun) -> None:
    imported = f"imported={{file: README.md, sha256: {'d' * 64}}}"
    assert trial("trial.yaml", "--until", "fetch", "--set", imported, "--output", "out").returncode == 0
    shown = f"README.md (SHA-256 {'d' * 64})"
    assert trial.report()["manifest"]["imported"] == shown
    assert shown in (trial.folder / "out" / "report.html").read_text()
