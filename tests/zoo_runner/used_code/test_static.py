"""Imports are found wherever a statement can stand: one that is missed would let edited code be reused."""

import pytest

from zoo_runner.used_code.static import imported

PLACES = {
    "module": "import a.b",
    "several": "import x, a.b as y",
    "function": "def f():\n    import a.b",
    "async function": "async def f():\n    import a.b",
    "class": "class C:\n    def f(self):\n        import a.b",
    "if": "if x:\n    import a.b",
    "elif": "if x:\n    pass\nelif y:\n    import a.b",
    "else": "if x:\n    pass\nelse:\n    import a.b",
    "for": "for x in y:\n    import a.b",
    "else of for": "for x in y:\n    pass\nelse:\n    import a.b",
    "else of while": "while x:\n    pass\nelse:\n    import a.b",
    "with": "with x:\n    import a.b",
    "try": "try:\n    import a.b\nexcept E:\n    pass",
    "except": "try:\n    pass\nexcept E:\n    import a.b",
    "else of try": "try:\n    pass\nexcept E:\n    pass\nelse:\n    import a.b",
    "finally": "try:\n    pass\nfinally:\n    import a.b",
    "match": "match x:\n    case 1:\n        import a.b",
    "else of TYPE_CHECKING": "if TYPE_CHECKING:\n    pass\nelse:\n    import a.b",
    "not TYPE_CHECKING": "if not TYPE_CHECKING:\n    import a.b",
}


@pytest.mark.parametrize("source", PLACES.values(), ids=PLACES)
def test_an_import_is_found(source: str) -> None:
    assert "a.b" in imported(source.encode(), "own.module")


@pytest.mark.parametrize("test", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_one_for_types_alone_is_not(test: str) -> None:
    assert imported(f"if {test}:\n    import a.b".encode(), "own.module") == frozenset()


def test_names_of_a_module_may_be_modules() -> None:
    assert imported(b"from . import one\nfrom ..two import three", "own.room.module") == {
        *("own.room", "own.room.one", "own.two", "own.two.three"),
    }


def test_what_is_no_python_imports_nothing() -> None:
    assert imported(b"import (", "own.module") == frozenset()
