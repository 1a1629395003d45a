"""Nothing in a folder is left out without a word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo_runner.errors import UsageError
from zoo_runner.zoo.folder import find

OTHER = "is no manifest: it has none of the keys extends, plugin, weights, dataset, ..."
BASE = "is only there for others to extend: it has no name, outputs"


def files(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def zoo(tmp_path: Path, minimal: str) -> Path:
    base = "".join(
        line for line in minimal.splitlines(keepends=True) if not line.startswith(("name", "outputs", "  - {"))
    )
    base = base.replace("inputs:\n", "inputs: [{name: x, shape: [batch, 3]}]\n")
    rest = "outputs:\n  - {name: y, shape: [batch, 2]}\n  - {name: z, shape: [batch, 2]}\n"
    found = {
        "one.yaml": minimal,
        "deep/er/two.YML": minimal.replace("toy", "two", 1),
        "whole.yaml": minimal.replace("toy", "whole", 1),
        "of_whole.yaml": "extends: whole.yaml\nname: of_whole\n",
        "base.yaml": base,
        "of_base.yaml": f"extends: base.yaml\nname: of_base\n{rest}",
        "alone.yaml": base.replace("toy", "alone"),
        "lost.yaml": "extends: nowhere.yaml\n",
        "broken.yaml": "plugin: [\n",
        "twice.yaml": "name: a\nname: b\nweights: {}\n",
        "empty.yaml": "",
        "list.yaml": "- a\n",
        "latin.yaml": "name: x",
        "workflow.yaml": "name: a\non: push\njobs: {a: {steps: [{uses: b, with: {plugin: x}}]}}\n",
        "documents.yaml": "---\nkind: a\n---\nkind: b\n",
        "action.yml": "name: a\ndescription: b\ninputs: {}\noutputs: {}\nruns: {}\n",
        ".hidden.yaml": minimal,
        ".git/config.yaml": minimal,
        "out/trial/manifest.yaml": minimal,
        "README.md": "no YAML",
        "slips.yaml": "nmae: a\nplguin: b\nwieghts: c\ndatset: d\n",
        "capital.yaml": "Name: a\nPlugin: b\n",
        "extnds.yaml": "extnds: one.yaml\nname: x\n",
        "tensors.yaml": "input: [{name: x}]\n",
        "models.yaml": "models: {a: b}\n",
        "imported.yaml": "imported: {}\n",
        "mkdocs.yml": "site_name: a\nplugins: [search]\nnav: []\n",
        "service.yml": "model: {}\ndata: []\ninput: {}\n",
    }
    files(tmp_path, found)
    (tmp_path / "latin.yaml").write_bytes(b"plugin: \xe9")
    (tmp_path / "link.yaml").symlink_to("one.yaml")
    (tmp_path / "linked").symlink_to("deep")
    return tmp_path


def test_what_a_folder_has(zoo: Path) -> None:
    found = find(zoo, zoo / "out")
    named = [path.relative_to(zoo).as_posix() for path in found.manifests]
    assert named == [
        "alone.yaml",
        "capital.yaml",
        "extnds.yaml",
        "imported.yaml",
        "lost.yaml",
        "models.yaml",
        "of_base.yaml",
        "of_whole.yaml",
        "one.yaml",
        "slips.yaml",
        "tensors.yaml",
        "whole.yaml",
        "deep/er/two.YML",
    ]
    assert {path.relative_to(zoo).as_posix(): why for path, why in found.others} == {
        ".git": "is a hidden folder, which is not looked into",
        ".hidden.yaml": "is hidden",
        "action.yml": OTHER,
        "base.yaml": BASE,
        "link.yaml": f"is a link to {zoo / 'one.yaml'}, which is in the folder itself",
        "linked": "is a link to a folder, which is not followed",
        "mkdocs.yml": OTHER,
        "service.yml": OTHER,
        "list.yaml": OTHER,
        "workflow.yaml": OTHER,
        "documents.yaml": OTHER,
        "out": "has the results of runs, and is not looked into",
    }
    errors = {path.name: str(error) for path, error in found.errors}
    assert list(errors) == ["broken.yaml", "empty.yaml", "latin.yaml", "twice.yaml"]
    assert errors["empty.yaml"].endswith("is empty; expected a manifest")
    assert "expected UTF-8 text" in errors["latin.yaml"]


def test_a_base_that_is_wrong_otherwise_is_a_model(zoo: Path) -> None:
    """What others extend, and has all that a model needs, is run: a slip in it must not make it vanish."""
    files(zoo, {"whole.yaml": (zoo / "whole.yaml").read_text() + "infer: {bacth: 3}\n"})
    assert zoo / "whole.yaml" in find(zoo, zoo / "out").manifests


@pytest.mark.parametrize("text", ["root:x:0:0\n", "plugin: [\n", "secret\n", "plugin: {name: x}\n"])
def test_a_link_to_a_file_outside_is_not_read(text: str, zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_text(text)
    (zoo / "pw.yaml").symlink_to(outside)
    (zoo / "dangling.yaml").symlink_to("../gone.yaml")
    found = find(zoo, zoo / "out")
    assert (
        dict(found.others)[zoo / "pw.yaml"]
        == f"is a link to a file outside of the folder, {outside}, which is not read"
    )
    errors = dict(found.errors)
    assert zoo / "pw.yaml" not in {*errors, *found.manifests}
    assert f"{zoo / 'dangling.yaml'}: is a link to ../gone.yaml, which is not there; " in str(
        errors[zoo / "dangling.yaml"]
    )
    assert "did you mean 'dangling.yaml'" not in str(errors[zoo / "dangling.yaml"])


def test_a_folder_that_cannot_be_read(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def failing(path: str) -> object:
        if Path(path).name == "er":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", failing)
    (path, error), *_ = find(zoo, zoo / "out").errors
    assert path == zoo / "deep" / "er"
    assert str(error) == f"{path}: the folder cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        pytest.param({}, r"expected at least one manifest \(.yaml or .yml\), found none$", id="empty"),
        pytest.param({"a.yaml": "b: 1"}, rf"found none\n  .*a.yaml: {OTHER}$", id="others only"),
        pytest.param({".a.yaml": "plugin: x"}, r"found none\n  .*a.yaml: is hidden$", id="hidden only"),
    ],
)
def test_a_folder_without_models(tmp_path: Path, texts: dict[str, str], message: str) -> None:
    files(tmp_path, texts)
    with pytest.raises(UsageError, match=message):
        find(tmp_path, Path("zoo-output"))


@pytest.mark.parametrize(("name", "kind"), [("a.yaml", "a file"), ("nothing", "nothing")])
def test_no_folder(tmp_path: Path, name: str, kind: str) -> None:
    files(tmp_path, {"a.yaml": ""})
    with pytest.raises(UsageError, match=f"{name}: expected a folder with manifests, found {kind}"):
        find(tmp_path / name, Path("zoo-output"))
