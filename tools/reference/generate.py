"""Writes the reference pages of the documentation from the code.

    python tools/reference/generate.py

A test compares ``docs/reference`` with what this writes.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from reference import contracts
from reference.command_page import commands
from reference.markdown import code, heading, inline, prose, table
from reference.rooms import listing, picture
from reference.schema_page import SchemaPage
from refinedet_plugin.config import RefineDetConfig
from zoo_classification.config import ClassifyConfig
from zoo_detection.config import DetectConfig
from zoo_runner import errors
from zoo_runner.causes import Cause
from zoo_runner.cli import EXIT_MEANING, cli
from zoo_runner.commands.failure import UNHEARD
from zoo_runner.commands.signals import INTERRUPTED, Ended, exit_code
from zoo_runner.history.proposal import ProposalError
from zoo_runner.manifest.schema import PATTERNS, Manifest
from zoo_runner.report.model import Report
from zoo_text.config import RecogniseConfig

ROOT: Final = Path(__file__).resolve().parents[2]
COMMAND: Final = "python tools/reference/generate.py"
"""What writes the pages, from the root of the repository."""
MARK: Final = f"<!-- Written by `{COMMAND}`: change the code instead. -->\n"
PACKAGE: Final = ROOT / "zoo_runner"


def pages() -> Mapping[str, str]:
    """Return the text of every page by file name."""
    made = {
        "manifest.md": _manifest(),
        "refinedet.md": _refinedet(),
        "classify.md": _classify(),
        "recognise.md": _recognise(),
        "detect.md": _detect(),
        "command-line.md": _command_line(),
        "report.md": _report(),
        "exit-codes.md": _exit_codes(),
        "plugins.md": _plugins(),
        "rooms.md": _rooms(),
    }
    return {name: f"{MARK}\n{text.rstrip()}\n" for name, text in made.items()}


def _manifest() -> str:
    sections = SchemaPage(Manifest, "validation", PATTERNS).sections("Top level")
    return f"""{heading(1, "Keys of the manifest")}
Required keys are **bold**. [The manifest](../manifest.md) says what can be done with them, and how files extend
each other. `zoo-run schema` prints the same for editors.

{sections}"""


def _refinedet() -> str:
    sections = SchemaPage(RefineDetConfig, "validation", PATTERNS).sections("plugin.config")
    return f"""{heading(1, "Keys of the plugin refinedet")}
What stands below `plugin.config` of a manifest whose `plugin.name` is `refinedet`. `zoo-run plugins refinedet`
prints the same.

{sections}"""


def _classify() -> str:
    sections = SchemaPage(ClassifyConfig, "validation", PATTERNS).sections("plugin.config")
    return f"""{heading(1, "Keys of the plugin classify")}
What stands below `plugin.config` of a manifest whose `plugin.name` is `classify`. `zoo-run plugins classify`
prints the same.

{sections}"""


def _recognise() -> str:
    sections = SchemaPage(RecogniseConfig, "validation", PATTERNS).sections("plugin.config")
    return f"""{heading(1, "Keys of the plugin recognise")}
What stands below `plugin.config` of a manifest whose `plugin.name` is `recognise`. `zoo-run plugins recognise`
prints the same. [Add a recogniser of text](../how-to/text.md) shows them at work.

{sections}"""


def _detect() -> str:
    sections = SchemaPage(DetectConfig, "validation", PATTERNS).sections("plugin.config")
    return f"""{heading(1, "Keys of the plugin detect")}
What stands below `plugin.config` of a manifest whose `plugin.name` is `detect`. `zoo-run plugins detect` prints the
same. [A detector without code](../how-to/detector.md#a-detector-without-code) shows one.

{sections}"""


def _report() -> str:
    sections = SchemaPage(Report, "serialization", {}).sections("Top level")
    return f"""{heading(1, "Fields of report.json")}
What a run found, for programs. [The report](../report.md) says which files there are and how a verdict comes about.

{sections}"""


def _command_line() -> str:
    return f"""{heading(1, "Command line")}
`zoo-run MANIFEST` is short for `zoo-run run MANIFEST`. `python -m zoo_runner.testing --help` shows the options of
the stand-ins for an NPU.

{commands(cli, "zoo-run")}"""


def _exit_codes() -> str:
    wrong, lacking, few = errors.ExitCode.USAGE, errors.ExitCode.STAGE_FAILED, ProposalError.exit_code
    rows = [[str(int(each)), EXIT_MEANING[each]] for each in errors.ExitCode]
    cancelled, closed = (exit_code(Ended(number)) for number in (signal.SIGTERM, signal.SIGHUP))
    rows += [
        [str(INTERRUPTED), "interrupted (Ctrl-C): nothing was scored, the same command goes on"],
        [str(cancelled), "the same by SIGTERM, with which CI systems cancel jobs"],
        [str(closed), "the same by SIGHUP, when the terminal is closed"],
        [str(UNHEARD), "nobody reads what is printed, as in `zoo-run history … | head -1`"],
    ]
    causes = [[code(each.value), inline(each.when), inline(each.remedy)] for each in Cause]
    raised = [[code(kind.__name__), str(int(kind.exit_code)), prose(kind.__doc__)] for kind in _errors(errors.ZooError)]
    return f"""{heading(1, "Exit codes")}
{table(["code", "meaning"], rows)}
A bug in `zoo-run` or in a plugin ends in {int(errors.ExitCode.STAGE_FAILED)}: never in 0, and never in what a failed
gate ends in. Of [several manifests](../running.md#several-manifests) the lowest code that is not 0 is the program's.

Other commands: `validate` ends in {int(wrong)} if the manifest is wrong, `doctor --backend NAME` in {int(lacking)}
if the backend lacks something, `downloads --downloads FOLDER` in {int(lacking)} if a file is missing or wrong,
`history --propose K` in {int(few)} if the runs there are allow no proposal.

{heading(2, "Inconclusive")}
Every cause of exit code {few}, and what to do about it. A line of the report that is inconclusive names its cause
in `cause`. A missed expectation is stronger: then the code is {int(errors.ExitCode.GATE_FAILED)}.

{table(["cause", "when", "remedy"], causes)}
{heading(2, "Errors")}
Plugins raise these from `zoo_runner.errors`; the text is shown as it stands.

{table(["error", "code", "when"], raised)}"""


def _rooms() -> str:
    return f"""{heading(1, "The rooms of the code")}
Which part of the code imports which, from the imports themselves. Arrows that follow from others are left out.
[The code](../development.md) tells what happens in them.

{picture()}

{listing()}"""


def _errors(kind: type[errors.ZooError]) -> Iterator[type[errors.ZooError]]:
    for inner in kind.__subclasses__():
        if inner.__module__ == errors.__name__:
            yield inner
            yield from _errors(inner)


def _plugins() -> str:
    names = (
        "interfaces",
        "scoring",
        "evidence",
        "pixels",
        "sized",
        "shapes",
        "driving",
        "speed",
        "backend_facts",
        "conversion",
        "folders",
        "drafting",
        "means",
        "parts",
        "model_texts",
        "plain",
    )
    modules = [PACKAGE / "plugin" / f"{name}.py" for name in names]
    interfaces, scoring, evidence, pixels, sized, shapes, driving, speed, facts, conversion, folders = modules[:11]
    drafting, means, parts, model_texts, plain = modules[11:]
    return f"""{heading(1, "Hooks, protocols and records")}
What plugins and backends implement, and what they are given. [Writing a plugin](../write-a-plugin.md) shows it at work.
Plugins import `hookspecs`, `interfaces`, `scoring`, `means`, `evidence`, `pixels`, `sized`, `shapes`, `parts`,
`model_texts`, `plain`, `driving`, `speed`, `backend_facts`, `conversion`, `folders`, `drafting`, `foreign`, `files` and
`tensors` of `zoo_runner.plugin`, and `zoo_runner.errors`, and nothing else of `zoo_runner`. `foreign` says where the
manifest's `code` is. `files` opens what a user or a data
set names: regular files only, read up to a bound. `tensors` words an error about a tensor: `mismatch`.

{heading(2, "Hooks")}
Functions marked with `hookimpl`. Each is called once a run.

{contracts.functions(PACKAGE / "plugin" / "hookspecs.py", "hookspec")}
{heading(2, "Protocols")}
What the objects that hooks return must have. A class needs no base for it.

{contracts.aliases(interfaces)}
{contracts.protocols(interfaces)}
{heading(2, "Protocols of scoring")}
What a metric is, and what it returns.

{contracts.protocols(scoring)}
{heading(2, "Protocols of evidence")}
What a metric and its scores may have beside, for intervals, curves and pictures in reports.

{contracts.protocols(evidence)}
{heading(2, "Protocols of pixels")}
What the preprocessing of a model of images may have beside, so that the model does its arithmetic.

{contracts.protocols(pixels)}
{heading(2, "Protocols of samples with sizes of their own")}
What preprocessing and postprocessing have beside where inputs have open axes.

{contracts.protocols(sized)}
{heading(2, "Protocols of samples with several inferences")}
What preprocessing and postprocessing have beside where a sample takes several inferences.

{contracts.protocols(parts)}
{heading(2, "Protocols of what a model says of itself")}
What a postprocessing may have beside that needs the metadata of an ONNX file, such as a dictionary.

{contracts.protocols(model_texts)}
{heading(2, "Plain implementations")}
What stages are held against after a red gate.

{contracts.aliases(plain)}
{contracts.records(plain)}
{heading(2, "Protocols of several networks")}
What runs them, and what it is given. [Several networks](../how-to/several-models.md) shows it at work.

{contracts.protocols(driving)}
{heading(2, "Protocols of speed")}
What preprocessing and postprocessing may have beside, to be faster. None of it may change a result.

{contracts.protocols(speed)}
{heading(2, "Facts of a backend")}
What a backend may say beside of its software and devices.

{contracts.protocols(facts)}
{heading(2, "Protocols of conversion")}
What a backend must have beside that loads something else than ONNX.

{contracts.aliases(conversion)}
{contracts.protocols(conversion)}
{heading(2, "Protocols of folders")}
What a backend may have beside that works through files, by a command of its own.

{contracts.protocols(folders)}
{heading(2, "Records")}
{contracts.records(interfaces)}
{heading(2, "Scoring all predictions at once")}
For a metric that needs nothing else.

{contracts.records(scoring)}
{heading(2, "Means over samples")}
For a metric whose values are means over samples; [writing a plugin](../write-a-plugin.md) has one.

{contracts.aliases(means)}
{contracts.base(means, "SampleMeans")}
{heading(2, "Records of evidence")}
{contracts.records(evidence)}
{heading(2, "Records of pixels")}
{contracts.records(pixels)}
{heading(2, "Records of sizes")}
{contracts.records(shapes)}
{heading(2, "Records of conversion")}
{contracts.records(conversion)}
{heading(2, "Records of folders")}
{contracts.records(folders)}
{heading(2, "Drafting a manifest")}
What `zoo-run new NAME` gives to a plugin, and what it wants of it.

{contracts.aliases(drafting)}
{contracts.records(drafting)}"""


def main() -> None:
    """Read the command line and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "reference", help="default: docs/reference")
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        print(folder / name)


if __name__ == "__main__":
    main()
