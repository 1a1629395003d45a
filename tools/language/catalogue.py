"""Write the catalogue anew: ``python tools/language/catalogue.py``.

New texts of the code enter it without a translation, texts that changed with the old one as a guess (fuzzy), and those
that are gone leave it. Fill in what is missing, remove the word ``fuzzy`` from what is right, and run it again.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from language.extraction import sentences  # noqa: E402 - stands beside this script
from language.scope import PACKAGES, TECHNICAL, left_out  # noqa: E402 - likewise
from zoo_runner.report.html.language import ENGLISH_TEXTS  # noqa: E402 - of this tree, not of one that is installed
from zoo_runner.report.summary_texts import TEXTS as SUMMARY  # noqa: E402 - likewise
from zoo_runner.zoo.texts import TEXTS as ZOO  # noqa: E402 - likewise

METHOD: Final[Any] = sentences
"""Babel's types say less than it takes."""
PO: Final = ROOT / "zoo_runner/language/locale/zh_CN/LC_MESSAGES/zoo_runner.po"
HEADER: Final = 'msgid ""\nmsgstr ""\n"Language: zh_CN\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def template() -> Catalog:
    """Return all texts of the code, with the modules that they are in."""
    found = Catalog()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            module = path.relative_to(ROOT).as_posix()
            if left_out(module):
                continue
            for _, text, _, _ in extract_from_file(METHOD, path):
                if isinstance(text, str) and repr(text)[1:-1] not in TECHNICAL:
                    found.add(text, locations=[(module, 0)])
    for room, texts in fixed().items():
        for key, text in texts.items():
            found.add(text, context=f"{room}:{key}", locations=[(room, 0)])
    return found


def fixed() -> dict[str, dict[str, str]]:
    """Return the fixed English texts of pages, by room and key."""
    page: dict[str, str] = json.loads(ENGLISH_TEXTS.read_text(encoding="utf-8"))
    return {"page": page, "summary": dict(SUMMARY), "zoo": dict(ZOO)}


def updated(found: Catalog, old: str) -> str:
    """Return the catalogue with the texts of the code, and the translations that it had."""
    known = read_po(io.StringIO(old), locale="zh_CN")
    known.update(found, no_fuzzy_matching=False)
    known.obsolete.clear()
    for message in known:
        message.flags.discard("python-brace-format")
        message.flags.discard("python-format")
    buffer = io.BytesIO()
    write_po(buffer, known, omit_header=True, width=0, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return HEADER + buffer.getvalue().decode().lstrip()


if __name__ == "__main__":
    written = updated(template(), PO.read_text(encoding="utf-8") if PO.exists() else HEADER)
    PO.write_text(written, encoding="utf-8")
    print(f"{PO.relative_to(ROOT)}: {written.count('msgid ') - 1} texts, {written.count('#, fuzzy')} fuzzy")
