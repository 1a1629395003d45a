"""The bill of materials is valid, complete, the same each time, and has no secret in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from email.message import Message
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("cyclonedx")  # comes with the extra sbom

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from reports import small_report
from zoo_runner.known_secrets import forget, learn
from zoo_runner.output.previous import retire
from zoo_runner.report.files import write_report
from zoo_runner.report.model import ArtifactRecord, Environment, Report
from zoo_runner.report.sbom import licences, sbom, used_distributions

SHA = "ab" * 32
WORD = "Pl4ntedSecret0fThisRun"
SETTINGS = {
    "plugin.name": "refinedet",
    "dataset.url": '["https://m/d.tar", "https://h/d.tar"]',
    "dataset.sha256": SHA,
    "dataset.md5": "CD" * 16,
}
USED = ("numpy", "zoo_runner", "not-there")


def report(*artifacts: ArtifactRecord, version: str = "ais_bench 0.0.2, aclruntime 0.0.2, CANN 8.0.RC1") -> Report:
    environment = Environment(
        backend="onnxruntime",
        backend_version=version,
        chip="cpu",
        devices=(0,),
        host="host",
        python="3.11.7",
        packages={"numpy": "1", "PyYAML": "2", "absent": "3"},
    )
    small = small_report()
    manifest = small.manifest.model_copy(update={"settings": SETTINGS})
    return small.model_copy(update={"manifest": manifest, "environment": environment, "artifacts": artifacts})


def parsed(text: str) -> dict[str, Any]:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    return cast("dict[str, Any]", json.loads(text))


def component(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in content["components"] if each["name"] == name]
    return cast("dict[str, Any]", found)


@pytest.fixture(autouse=True)
def nothing_is_known() -> Iterator[None]:
    forget()
    yield
    forget()


def test_it_names_the_code_of_the_run() -> None:
    content = parsed(sbom(report(), USED))
    assert (content["specVersion"], content["metadata"]["timestamp"]) == ("1.6", "2024-05-06T07:08:09+00:00")
    assert content["metadata"]["component"]["name"] == "m"
    assert {each["name"]: each.get("version") for each in content["components"] if "purl" not in each} == {
        "Python": "3.11.7",
        "ais_bench": "0.0.2",
        "aclruntime": "0.0.2",
        "CANN": "8.0.RC1",
    }
    loaded = {each["name"]: each["properties"][0]["value"] for each in content["components"] if "purl" in each}
    assert loaded == {"numpy": "true", "zoo-runner": "true", "PyYAML": "false"}
    assert component(content, "numpy")["purl"].startswith("pkg:pypi/numpy@")
    assert component(content, "zoo-runner")["licenses"][0]["license"]["id"] == "Apache-2.0"
    (run,) = [each["dependsOn"] for each in content["dependencies"] if each["ref"] == "run"]
    assert "backend/CANN 8.0.RC1" in run
    (runner,) = [each["dependsOn"] for each in content["dependencies"] if "zoo-runner" in each["ref"]]
    assert {each.partition("@")[0] for each in runner} == {"pkg:pypi/numpy", "pkg:pypi/pyyaml"}


def test_what_the_backend_names_is_used_also_in_another_process() -> None:
    content = parsed(sbom(report(version="PyYAML 6, tool"), ()))
    assert component(content, "PyYAML")["properties"] == [{"name": "zoo-run:loaded", "value": "true"}]
    assert component(content, "tool")["bom-ref"] == "backend/tool"


def test_the_plugins_and_the_backends_distribution_are_used_loaded_or_not() -> None:
    assert {"zoo-runner", "cyclonedx-python-lib", "pydantic"} <= set(used_distributions(report()))


@pytest.mark.parametrize(
    ("artifact", "kind", "hashes"),
    [
        pytest.param({"name": "weights", "sha256": SHA}, "machine-learning-model", {"SHA-256": SHA}, id="weights"),
        pytest.param({"name": "onnx", "sha256": SHA}, "machine-learning-model", {"SHA-256": SHA}, id="model"),
        pytest.param({"name": "predictions", "sha256": SHA}, "data", {"SHA-256": SHA}, id="predictions"),
        pytest.param({"name": "dataset", "origin": "--data"}, "data", {}, id="a folder of the user's"),
        pytest.param(
            {"name": "dataset", "origin": "https://h/d.tar"},
            "data",
            {"SHA-256": SHA, "MD5": "cd" * 16},
            id="an archive that the manifest has hashes of",
        ),
        pytest.param({"name": "onnx", "sha256": "no hash"}, "machine-learning-model", {}, id="no hash"),
    ],
)
def test_models_and_data_have_their_hashes(artifact: dict[str, str], kind: str, hashes: dict[str, str]) -> None:
    content = parsed(sbom(report(ArtifactRecord(path="/x/y", **artifact)), ()))
    found = component(content, artifact["name"])
    assert found["type"] == kind
    assert {each["alg"]: each["content"] for each in found.get("hashes", ())} == hashes
    origins = [{"name": "zoo-run:origin", "value": artifact["origin"]}] if "origin" in artifact else None
    assert found.get("properties") == origins
    assert "/x/y" not in json.dumps(content)


def test_the_same_run_gives_the_same_bytes_and_another_one_another_number() -> None:
    one = ArtifactRecord(name="om", path="/x", sha256=SHA, origin="batch 1")
    both = (one, one.model_copy(update={"origin": "batch 8"}))
    text = sbom(report(*both), USED)
    assert text == sbom(report(*both), tuple(reversed(USED)))
    others = [sbom(report(one), USED), sbom(report(*both), ()), sbom(report(*both, version="CANN 9"), USED)]
    assert len({parsed(each)["serialNumber"] for each in (text, *others)}) == 4


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"License-Expression": "MIT"}, ["MIT"], id="identifier"),
        pytest.param({"License-Expression": "MIT OR Apache-2.0"}, ["MIT OR Apache-2.0"], id="expression"),
        pytest.param({"License-Expression": "MIT", "License": "GPL"}, ["MIT"], id="expression first"),
        pytest.param({"License": "bsd-3-clause"}, ["BSD-3-Clause"], id="old field"),
        pytest.param(
            {"License": "BSD", "Classifier": "License :: OSI Approved :: BSD License"}, ["BSD License"], id="both"
        ),
        pytest.param({"Classifier": "License :: OSI Approved :: MIT License"}, ["MIT License"], id="classifier"),
        pytest.param({"License": "Our own"}, ["Our own"], id="name"),
        pytest.param({"License": f"Our licence\n{'text ' * 99}"}, ["Our licence"], id="whole text"),
        pytest.param({"License": f"https://me:{WORD}@h/x"}, ["https://***@h/x"], id="secret"),
        pytest.param({"Classifier": "Topic :: Software Development"}, [], id="none"),
    ],
)
def test_licences(fields: dict[str, str], expected: list[str]) -> None:
    message = Message()
    for name, value in fields.items():
        message[name] = value
    found = [
        getattr(each, "value", None) or getattr(each, "id", None) or getattr(each, "name", None)
        for each in licences(cast("Mapping[str, str]", message))
    ]
    assert found == expected


@pytest.mark.parametrize("word", [WORD, "library", "components"])
def test_no_secret_is_in_it(tmp_path: Path, word: str) -> None:
    learn(f"https://me:{word}@h/x")
    weights = ArtifactRecord(name="weights", path="/x", sha256=SHA, origin=f"https://me:{word}@h/x?key={WORD}")
    write_report(tmp_path, report(weights, version=f"tool {WORD if word == WORD else 1}"), sbom=True)
    text = (tmp_path / "sbom.cdx.json").read_text(encoding="utf-8")
    assert WORD not in text
    assert component(parsed(text), "weights")["properties"][0]["value"] == "https://***@h/x?key=***"


def test_it_comes_and_goes_with_the_report_and_replaces_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "sbom.cdx.json"
    write_report(tmp_path, report())
    assert not path.exists()
    write_report(tmp_path, report(), sbom=True)
    assert path.exists()
    retire(tmp_path)
    assert not path.exists()
    path.write_text('{"bomFormat": "CycloneDX"}')
    warnings = write_report(tmp_path, report(), sbom=True).warnings
    assert ["sbom.cdx.json could not be written" in each for each in warnings] == [True]
    retire(tmp_path)
    assert path.read_text() == '{"bomFormat": "CycloneDX"}'


def test_one_of_a_folder_without_a_list_is_known_by_its_looks(tmp_path: Path) -> None:
    write_report(tmp_path, report(), sbom=True)
    (tmp_path / ".zoo-run.json").unlink()
    retire(tmp_path)
    assert not (tmp_path / "sbom.cdx.json").exists()
