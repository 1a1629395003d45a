"""The toolkit's version files, in the forms that releases have had."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_runner.backends.ascend import cann

CONFIG = """\
# version: 1.0
runtime_running_version=[1.84.15.1.310:6.0.1]
compiler_running_version=[1.84.15.1.310:6.0.1]
toolkit_running_version=[7.3.0.1.231:8.0.RC2]
toolkit_upgrade_version=[0:0]
toolkit_installed_version=[0:0]
"""


@pytest.mark.parametrize(
    ("files", "version"),
    [
        pytest.param({}, "unknown", id="no-files"),
        pytest.param({"version.cfg": CONFIG}, "8.0.RC2", id="config"),
        pytest.param({"version.cfg": CONFIG.replace("toolkit_running", "x")}, "6.0.1", id="config-compiler"),
        pytest.param({"version.cfg": "toolkit_installed_version=[7.0.0]\n"}, "7.0.0", id="config-installed-plain"),
        pytest.param({"version.cfg": "no assignments\n"}, "unknown", id="config-empty"),
        pytest.param(
            {"version.cfg": "", "compiler/version.info": "Version=7.6.0.1.220\nversion_dir=8.0.0\n"},
            "8.0.0",
            id="info-release-before-internal",
        ),
        pytest.param({"compiler/version.info": "Version=9.1.0\n"}, "9.1.0", id="info-version-only"),
        pytest.param(
            {"version.cfg": CONFIG, "compiler/version.info": "version_dir=9.9\n"}, "8.0.RC2", id="config-first"
        ),
        pytest.param({"version.cfg": "toolkit_running_version=[1:8.0.0-stand-in]\n"}, "8.0.0-stand-in", id="stand-in"),
        pytest.param(
            {"compiler/version.info": "Version=9.0.0\nversion_dir=cann\n"}, "9.0.0", id="folder's-name-is-no-release"
        ),
        pytest.param(
            {"share/info/runtime/version.info": "Version=8.5.0\nversion_dir=cann\n"}, "8.5.0", id="runtime-only"
        ),
        pytest.param({"ascend_nnrt_install.info": "package_name=nnrt\nversion=8.0.RC1\n"}, "8.0.RC1", id="nnrt"),
        pytest.param(
            {"version.cfg": "toolkit_running_version=[none]\n", "runtime/version.info": "Version=7.0.0\n"},
            "7.0.0",
            id="config-without-a-number",
        ),
    ],
)
def test_version(tmp_path: Path, files: dict[str, str], version: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = cann.detect({"ASCEND_TOOLKIT_HOME": str(tmp_path)})
    assert (found.version, found.home, found.sourced, found.atc) == (version, tmp_path, True, None)


@pytest.mark.parametrize(
    "environ",
    [{}, {"ASCEND_TOOLKIT_HOME": ""}, {"ASCEND_TOOLKIT_HOME": "/does/not/exist"}],
    ids=["unset", "empty", "gone"],
)
def test_not_sourced(environ: dict[str, str]) -> None:
    found = cann.detect(environ)
    assert (found.home, found.version, found.sourced) == (None, "unknown", False)


def test_the_first_of_several_folders_that_tells(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("gone", "silent", "telling", "other")]
    for folder in folders[1:]:
        folder.mkdir()
    (folders[2] / "version.cfg").write_text("toolkit_running_version=[1:8.0.0]\n")
    (folders[3] / "version.cfg").write_text("toolkit_running_version=[1:9.0.0]\n")
    found = cann.detect({"ASCEND_TOOLKIT_HOME": ":".join(map(str, folders))})
    assert (found.version, found.home) == ("8.0.0", folders[1])
    assert (found.others, found.releases) == (("9.0.0",), "8.0.0 beside 9.0.0")


@pytest.mark.parametrize(
    ("newer", "releases"),
    [
        pytest.param("8.0.0", "8.0.0", id="the-same-release"),
        pytest.param("8.5.0", "8.0.0 beside 8.5.0", id="another-release"),
        pytest.param(None, "8.0.0", id="silent"),
    ],
)
def test_two_variables_may_lead_to_two_releases(tmp_path: Path, newer: str | None, releases: str) -> None:
    environ = {"ASCEND_TOOLKIT_HOME": str(tmp_path / "old"), "ASCEND_HOME_PATH": str(tmp_path / "new")}
    for name, release in (("old", "8.0.0"), ("new", newer)):
        (tmp_path / name).mkdir()
        text = "" if release is None else f"toolkit_running_version=[1:{release}]\n"
        (tmp_path / name / "version.cfg").write_text(text)
    assert cann.detect(environ).releases == releases


@pytest.mark.parametrize(
    ("linked", "releases"),
    [
        pytest.param(("home/lib64",), "8.0.0", id="its-own"),
        pytest.param(("home/aarch64-linux/lib64",), "8.0.0", id="its-own-by-another-way"),
        pytest.param(("link",), "8.0.0", id="its-own-by-a-link"),
        pytest.param(("nothing", "home/lib64", "elsewhere"), "8.0.0", id="its-own-first"),
        pytest.param(("elsewhere", "home/lib64"), "8.0.0 beside libascendcl.so 7b1b763ee8f62eb8", id="elsewhere-first"),
        pytest.param((), "8.0.0", id="none-on-the-path"),
    ],
)
def test_the_library_that_is_loaded_may_be_of_another_release(
    tmp_path: Path, linked: tuple[str, ...], releases: str
) -> None:
    for folder in ("home/lib64", "home/aarch64-linux/lib64", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "libascendcl.so").write_text(folder.partition("/")[0])
    (tmp_path / "link").symlink_to("home/lib64")
    (tmp_path / "home" / "version.cfg").write_text("toolkit_running_version=[1:8.0.0]\n")
    paths = ":".join(str(tmp_path / folder) for folder in linked)
    environ = {"ASCEND_TOOLKIT_HOME": str(tmp_path / "home"), "LD_LIBRARY_PATH": paths}
    assert cann.detect(environ).releases == releases


@pytest.mark.parametrize("where", ["lib64", "runtime/lib64", "elsewhere"])
def test_an_unknown_release_is_known_by_its_library(tmp_path: Path, where: str) -> None:
    environ = {"ASCEND_HOME_PATH": str(tmp_path), "LD_LIBRARY_PATH": f"/gone:{tmp_path / 'elsewhere'}"}
    (tmp_path / where).mkdir(parents=True)
    library = tmp_path / where / "libascendcl.so"
    library.write_bytes(b"one")
    first = cann.detect(environ)
    library.write_bytes(b"other")
    second = cann.detect(environ)
    assert first.version == "unknown (libascendcl.so 7692c3ad3540bb80)"
    assert second.version != first.version
    assert (first.identified, second.identified) == (True, True)


@pytest.mark.parametrize(
    ("content", "version"),
    [(b"\x7fELF", "unknown (atc 3bdbb4fe8397cd2b)"), (b"#!/bin/sh\nexec /opt/atc\n", "unknown")],
    ids=["program", "script, which may call any release"],
)
def test_or_by_its_compiler(tmp_path: Path, content: bytes, version: str) -> None:
    atc = tmp_path / "atc"
    atc.write_bytes(content)
    atc.chmod(0o755)
    found = cann.detect({"ASCEND_HOME_PATH": str(tmp_path), "PATH": str(tmp_path)})
    assert (found.version, found.identified) == (version, version != "unknown")


def test_newer_name_of_the_variable(tmp_path: Path) -> None:
    assert cann.detect({"ASCEND_HOME_PATH": str(tmp_path)}).sourced


def test_atc_is_found_on_the_given_path(tmp_path: Path) -> None:
    atc = tmp_path / "atc"
    atc.touch(mode=0o755)
    assert cann.detect({"PATH": str(tmp_path)}).atc == atc


def test_detect_reads_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASCEND_TOOLKIT_HOME", str(tmp_path))
    assert cann.detect().home == tmp_path


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("0.0.2+stand-in", True),
        ("0.0.2+stand.in", True),
        ("22.0.4 Stand-In", True),
        ("0.0.2", False),
        ("", False),
    ],
)
def test_stand_ins_are_known_by_their_version(version: str, *, answer: bool) -> None:
    assert cann.is_stand_in(version) is answer


def test_source_command_names_a_script() -> None:
    assert cann.source_command().startswith("source /")
    assert cann.source_command().endswith("set_env.sh")
