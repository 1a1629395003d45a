"""A secret is planted wherever an address or a value can stand; nothing that a run prints or leaves has it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from file_site import Site, site, status

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

__all__ = ["site"]

SECRET = "Pl4nted+Secret/0f=this&Run"  # noqa: S105 - nobody's
WORD = "Pl4ntedSecret0fThisRun"
ADDRESSES = {
    "password": f"https://me:{WORD}@host.invalid/w.pth",
    "user only": f"https://{WORD}@host.invalid/w.pth",
    "quoted": f"https://me:{quote(SECRET, safe='')}@host.invalid/w.pth",
    "with a slash": f"https://me:{WORD}/x@host.invalid/w.pth",
    "with a question mark": f"https://me:{WORD}?x@host.invalid/w.pth",
    "with a hash": f"https://me:{WORD}#x@host.invalid/w.pth",
    "with a space": f"https://me:{WORD} x@host.invalid/w.pth",
    "backslashes": f"https:\\\\me:{WORD}@host.invalid\\w.pth",
    "one slash": f"https:/me:{WORD}@host.invalid/w.pth",
    "no slash": f"https:me:{WORD}@host.invalid/w.pth",
    "three slashes": f"https:///me:{WORD}@host.invalid/w.pth",
    "no colon": f"https//me:{WORD}@host.invalid/w.pth",
    "no scheme": f"me:{WORD}@host.invalid/w.pth",
    "no host": f"https://me:{WORD}@/w.pth",
    "broken host": f"https://me:{WORD}@[::1/w.pth",
    "odd port": f"https://me:{WORD}@host.invalid:many/w.pth",
    "full width": f"https://me\uff1a{WORD}\uff20host.invalid/w.pth",
    "unknown scheme": f"s3://key:{WORD}@bucket/w.pth",
    "mistyped scheme": f"htps://me:{WORD}@host.invalid/w.pth",
    "file": f"file://me:{WORD}@host/w.pth",
    "query": f"https://host.invalid/w.pth?token={WORD}",
    "signed": f"https://host.invalid/w.pth?X-Amz-Date=1&X-Amz-Signature={WORD}&x=1",
    "query without a key": f"https://host.invalid/w.pth?{WORD}",
    "address in a query": f"https://host.invalid/?next={quote(f'https://me:{WORD}@host.invalid', safe='')}",
    "fragment": f"https://host.invalid/w.pth#access_token={WORD}",
    "session in the path": f"https://host.invalid/a;jsessionid={WORD}/w.pth",
    "session in parentheses": f"https://host.invalid/(S({WORD}))/w.pth",
    "session below its name": f"https://host.invalid/session/{WORD}/w.pth",
}
ASKED_FOR = {
    *("password", "signed", "session in the path"),
    *("user only", "quoted", "with a space", "query", "query without a key", "address in a query", "fragment"),
    *("session in parentheses", "session below its name"),
}
"""Well formed, so that a run asks for them, again and again. Their forms are in ``test_known_secrets.py``."""
EVERYWHERE = f"https://me:{WORD}@host.invalid/a;jsessionid={WORD}/w.pth?X-Amz-Date=1&X-Amz-Signature={WORD}&x=1"
TRIED = {name: address for name, address in ADDRESSES.items() if name not in ASKED_FOR}


@pytest.fixture
def quick(trial: ZooRun, tmp_path: Path) -> ZooRun:
    """As in a step of GitHub Actions, with a store of its own and a name server that knows nothing."""
    return trial.given(
        ZOO_RUNNER_CACHE=tmp_path / "cache",
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=tmp_path / "step.md",
        https_proxy="http://127.0.0.1:9",
        no_proxy="127.0.0.1",
    )


def forms(secret: str) -> Iterator[bytes]:
    for each in {secret, quote(secret, safe=""), quote(secret)}:
        yield each.encode()


def require_clean(run: ZooRun, done: subprocess.CompletedProcess[str], secret: str = WORD) -> None:
    """Search what was printed, and everything that was left: names and contents."""
    places = {"standard output": done.stdout.encode(), "standard error": done.stderr.encode()}
    for name in ("out", "zoo-output", "cache", "step.md"):
        top = run.folder / name
        for path in (top, *top.rglob("*")):
            places[f"name of {path}"] = str(path.relative_to(run.folder)).encode()
            if path.is_file():
                places[str(path)] = path.read_bytes()
    found = [place for place, content in places.items() if any(form in content for form in forms(secret))]
    assert found == [], done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("address", TRIED.values(), ids=TRIED)
@pytest.mark.long_rows(  # each is in a manifest too, below
    *("with a hash", "one slash", "no slash", "three slashes", "no colon", "broken host", "odd port"),
    *("unknown scheme", "mistyped scheme"),
)
def test_addresses_on_the_command_line(quick: ZooRun, address: str) -> None:
    for arguments in (["--weights", address], ["--set", f"weights.url={address}", "--json"]):
        done = quick("trial.yaml", "--output", "out", *arguments, "--batch-size", "5")
        assert done.returncode in {2, 3}, done.stdout + done.stderr
        require_clean(quick, done)
        require_clean(quick, done, SECRET)


def test_an_address_that_is_asked_for(quick: ZooRun) -> None:
    done = quick("trial.yaml", "--output", "out", "--set", f"weights.url={EVERYWHERE}", "--json")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "gave up after" in done.stdout
    require_clean(quick, done)


@pytest.mark.slow  # waits between requests that fail
@pytest.mark.long
def test_mirrors_that_are_asked_for(quick: ZooRun) -> None:
    """Each that fails is named, and so is what a run would do; a query without quotes is none that YAML can read."""
    digest = "weights.sha256=" + "a" * 64
    unquoted = quick("trial.yaml", "--output", "out", "--set", f"weights.url=[{EVERYWHERE}, w.pth]", "--set", digest)
    assert (unquoted.returncode, "not valid YAML" in unquoted.stderr) == (2, True)
    require_clean(quick, unquoted)
    for several in (f"['{EVERYWHERE}', http://{WORD}@127.0.0.1:9/w.pth]", f"['{EVERYWHERE}','{EVERYWHERE}&y=2']"):
        given = ("trial.yaml", "--set", f"weights.url={several}", "--set", digest)
        done = quick(*given, "--output", "out", "--verbose")
        assert done.returncode == 3, done.stdout + done.stderr
        assert "expected the file at one of 2 addresses" in done.stdout
        require_clean(quick, done)
        require_clean(quick, quick(*given, "--dry-run"))
        listed = quick("downloads", *given, "--json")
        assert listed.returncode == 0
        require_clean(quick, listed)


@pytest.mark.parametrize("address", TRIED.values(), ids=TRIED)
def test_addresses_in_a_manifest(quick: ZooRun, address: str) -> None:
    text, quoted = (quick.folder / "trial.yaml").read_text(), f"'{address}'"
    text = text.replace("url: data,", f"url: {quoted},").replace("onnx:", f"source: {{url: {quoted}}}\nonnx:")
    for planted in (text, text.replace("batch: 8", f"batch: {quoted}")):  # some can be run, and none of the others
        (quick.folder / "planted.yaml").write_text(planted, encoding="utf-8")
        done = quick("planted.yaml", "--output", "out", "--limit", "8", "--verbose")
        assert done.returncode in {2, 3}, done.stdout + done.stderr
        require_clean(quick, done)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--data", ADDRESSES["password"]], id="--data"),
        pytest.param(["--baseline", ADDRESSES["password"]], id="--baseline"),
        pytest.param(["--om", ADDRESSES["query"]], id="--om"),
        pytest.param(["--soc", ADDRESSES["query"]], id="--soc"),
        pytest.param(["--set", f"{ADDRESSES['password']}=3"], id="key of --set"),
        pytest.param(["--set", ADDRESSES["query"]], id="no key"),
        pytest.param(["--set", f"expected.{ADDRESSES['password']}"], id="odd key"),
        pytest.param(["--backend", ADDRESSES["password"]], id="--backend"),
        pytest.param(["--batch-size", ADDRESSES["password"]], id="what click refuses"),
        pytest.param([ADDRESSES["password"]], id="a manifest"),
        pytest.param(["--dry-run", "--weights", ADDRESSES["password"]], id="plan"),
        pytest.param(["--dry-run", "--set", f"dataset.url={ADDRESSES['signed']}"], id="plan of data"),
    ],
)
def test_other_options(quick: ZooRun, arguments: list[str]) -> None:
    require_clean(quick, quick("trial.yaml", *arguments))


@pytest.mark.parametrize("address", [ADDRESSES["password"], ADDRESSES["query"]], ids=["password", "query"])
def test_variables(quick: ZooRun, address: str) -> None:
    given = quick.given(NUMBERS=address, ALL_PROXY=address)
    done = given("trial.yaml", "--output", "out", "--set", "dataset.root_env=NUMBERS")
    assert done.returncode == 3
    require_clean(quick, done)


def test_a_run_that_passes_with_secrets_everywhere(quick: ZooRun, site: Site) -> None:
    site.facts.body = (quick.folder / "weights.pth").read_bytes()
    host = site.url.partition("/models")[0].partition("//")[2]
    weights = f"http://me:{WORD}@{host}/{WORD}.pth?token={WORD}"
    source = f"source.note=kept by {WORD} at https://me:{WORD}@host.invalid"
    done = quick(
        *("trial.yaml", "--output", "out", "--weights", weights, "--verbose"),
        *("--set", "source.url=https://host.invalid/", "--set", source),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    require_clean(quick, done)
    assert "http://***@" in (quick.folder / "out" / "report.json").read_text()
    again = quick("trial.yaml", "--output", "out", "--weights", weights, "--data", "nowhere")
    assert again.returncode == 3
    assert (quick.folder / "out" / "previous-report.html").exists()
    require_clean(quick, again)
    require_clean(quick, quick("history", "trial"))


@pytest.mark.parametrize(
    "target",
    [
        EVERYWHERE,
        f"ftp://me:{WORD}@host.invalid/w.pth",
        f"http:\\\\me:{WORD}@[::1/w.pth",
    ],
)
def test_where_a_server_redirects_to(quick: ZooRun, site: Site, target: str) -> None:
    site.replies = [status(302, Location=target)] * 20
    done = quick("trial.yaml", "--output", "out", "--weights", site.url)
    assert done.returncode == 3
    require_clean(quick, done)


def test_what_a_server_answers(quick: ZooRun, site: Site) -> None:
    site.replies = [status(403, **{"X-Why": WORD})] * 20
    weights = site.url.replace("x=1", f"token={WORD}")
    done = quick("trial.yaml", "--output", "out", "--weights", weights)
    assert done.returncode == 3
    require_clean(quick, done)


def test_where_the_output_is_not_utf8(quick: ZooRun) -> None:
    done = quick.given(PYTHONIOENCODING="ascii", LC_ALL="C")("trial.yaml", "--weights", ADDRESSES["full width"])
    assert done.returncode in {2, 3}
    require_clean(quick, done)


@pytest.mark.parametrize("word", ["metrics", "verdict", "exit_code"])
def test_json_keeps_its_names_whatever_a_password_is(quick: ZooRun, word: str) -> None:
    given = quick.given(DATABASE_URL=f"postgres://app:{word}@db/app")
    done = given("trial.yaml", "--output", "out", "--json", "--data", "nowhere")
    assert done.returncode == 3
    assert json.loads(done.stdout)["verdict"] == "error", done.stderr
    assert {"metrics", "verdict", "exit_code"} <= json.loads(done.stdout).keys()
    assert "properties" in json.loads(given("schema", "report").stdout)
