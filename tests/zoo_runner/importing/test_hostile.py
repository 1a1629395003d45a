"""A recipe is a stranger's file: it writes no key of the manifest, keeps no secret, and ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from zoo_runner.errors import UsageError
from zoo_runner.importing.importing import import_recipe

ATC = '```\natc --framework=5 --model=n.onnx --input_shape="x:1,3" --soc_version=Ascend310P3\n```\n'
SECRETS = f"""\
# Net <script>alert(1)</script> https://me:Pl4nted1@host/

权重 [w](https://u:Pl4nted2@files.example.org/w.pth) [v](https://files.example.org/v.pth?AccessKeyId=Pl4nted3&Signature=Pl4nted4)
提取码 Pl4nted5 [网盘](https://pan.baidu.com/s/x?pwd=Pl4nted6)

{ATC}
```
url=https://oauth2:Pl4nted7@git.example.org/net.git
export TOKEN=Pl4nted8
wget "https://files.example.org/data.zip?token=Pl4nted9" --password=Pl4nted10
```

| 芯片型号 | Batch Size | 数据集 | 精度 | 性能 |
| --- | --- | --- | --- | --- |
| 310P3 | 1 | https://me:Pl4nted11@host/set | 5% | 1 fps |
"""
BREAKS = f"""# a: b\u2028plugin: {{name: evil}}\x85x: 1\x0bq # \ufffe\uffff{{{{

[x]\u2028(y)  \u202e

{ATC}
```
echo "\u2028imported: null"
url=https://example.org/{{batch}}: "a
```

| 芯片型号 | Batch Size | 数据集 | 精度: {{x}} | 性能 |
| --- | --- | --- | --- | --- |
| 310P3 | 1 | "]}}\u2029 #: '| 5% | 1 fps |
| 31@x | 1 | "]}}\u2029 #: ' | 5% | 1 fps |
| &a *b !!python/object | 2 | / | 6% | 2 fps |
"""


def imported(folder: Path, text: str, name: str = "m") -> str:
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    import_recipe(folder / f"{name}.md", folder / f"{name}.yaml")
    return (folder / f"{name}.yaml").read_text(encoding="utf-8")


def test_secrets_of_links_and_commands_are_not_kept(tmp_path: Path) -> None:
    text = imported(tmp_path, SECRETS)
    assert "Pl4nted" not in text
    assert "leads nowhere without its secrets, which are not" in text
    assert "https://***@files.example.org/w.pth" in text
    assert "source" in yaml.safe_load(text)
    assert "weights" not in yaml.safe_load(text)


@pytest.mark.parametrize(
    "url", ["//h.org/w.pth", "htt-p://h.org/w.pth", "ftp://h.org/w.pth", "file:///etc/w.pth", "w.pth"]
)
def test_only_addresses_of_the_web_are_downloaded(url: str, tmp_path: Path) -> None:
    text = imported(tmp_path, f"# a\n\n权重 [w]({url})\n\n{ATC}")
    assert "weights" not in yaml.safe_load(text)
    assert f"# line 3: weights {url}" in text or f"# line 3: link {url}" in text


def test_no_text_becomes_a_key(tmp_path: Path) -> None:
    found = yaml.safe_load(imported(tmp_path, BREAKS))
    known = "name description plugin imported source dataset inputs outputs onnx atc benchmark expected"
    assert set(found) <= set(known.split())
    assert found["plugin"] == {"name": "m"}
    assert "plugin.name" in found["imported"]["unsaid"]
    assert found["expected"]["chips"].keys() == {"310P3"}


LONG = {
    "brackets": "[" * 50_000,
    "quotes": "> " * 20_000,
    "lists": "\n".join(" " * (n % 100) + "- a" for n in range(1000)),
    "rows": "| a | b |\n| --- | --- |\n" + "| 310P3 | 1 |\n" * 2000,
    "columns": "|" + " 精度 |" * 500 + "\n|" + " --- |" * 500 + "\n|" + " 1.1.1.1.1 |" * 500 + "\n",
    "digits": "| Batch | 性能 |\n| --- | --- |\n" + f"| 1 | {'1.1' * 60} |\n" * 100,
    "addresses": "https://a.b/(" * 5000,
    "one word": "```\natc " + "a" * 100_000 + "\n```\n",
    "tags": "<td>" * 10_000,
    "comments": "<!--" * 30_000,
    "open tags": "<table>" + '<td a="' * 20_000,
    "span": "<table><tr>" + '<td rowspan="999" colspan="999">a</td>' * 500 + "</tr></table>",
}
"""Texts that cost readers of Markdown or HTML, or patterns, a time that grows with the square of their length."""


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_long_texts_end(text: str, tmp_path: Path) -> None:
    found = yaml.safe_load(imported(tmp_path, f"{ATC}\n{text}\n"))
    assert found["inputs"] == [{"name": "x", "dtype": "float32", "shape": ["batch", 3]}]


MANY = "```\n" + "ls a\n" * 3000 + "```\n"


def test_too_many_commands(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a recipe with at most 2000 commands, found 3001"):
        imported(tmp_path, ATC + MANY)


def test_nothing_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("mine")
    with pytest.raises(UsageError, match=r"m\.yaml: expected no such file, found one; choose another name"):
        imported(tmp_path, ATC)
    assert (tmp_path / "m.yaml").read_text() == "mine"
    (tmp_path / "l.yaml").symlink_to("nowhere")
    with pytest.raises(UsageError, match="expected no such file, found one"):
        imported(tmp_path, ATC, "l")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l.md", "l.yaml", "m.md", "m.yaml"]
    with pytest.raises(UsageError, match=r"expected a folder .*gone, found none; make it, or name another one"):
        import_recipe(tmp_path / "m.md", tmp_path / "gone" / "m.yaml")


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, found in (("pipe", r"a pipe \(fifo\)"), (".", "a folder"), ("gone", "No such file")):
        with pytest.raises(UsageError, match=f"expected the README.md of a recipe, found none: .*{found}"):
            import_recipe(tmp_path / name, tmp_path / "m.yaml")


def test_a_name_that_no_manifest_can_have(tmp_path: Path) -> None:
    (tmp_path / "r.md").write_text(ATC)
    with pytest.raises(UsageError, match=r"expected a name with letters or digits of ASCII, found '模型\.yaml'"):
        import_recipe(tmp_path / "r.md", tmp_path / "模型.yaml")
    import_recipe(tmp_path / "r.md", tmp_path / "My Net.YAML", plugin="toy")
    found = yaml.safe_load((tmp_path / "My Net.YAML").read_text())
    assert (found["name"], found["plugin"]) == ("my-net", {"name": "toy"})
    assert "plugin.name" not in found["imported"]["unsaid"]
