"""What the user says of ``plugin.config`` of a manifest that is to be written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from zoo_runner.errors import ManifestError, UsageError
from zoo_runner.manifest import overrides as command_line
from zoo_runner.manifest.explain import explain
from zoo_runner.manifest.schema import Manifest
from zoo_runner.manifest.tree import KeyPath, Node, Origin, origins, plain
from zoo_runner.manifest.wording import lines_shown

if TYPE_CHECKING:
    from pydantic import BaseModel

CONFIG: Final = ("plugin", "config")
PREFIX: Final = f"{'.'.join(CONFIG)}."


@dataclass(frozen=True, kw_only=True)
class Given:
    """Keys of ``plugin.config``.

    Attributes:
        values: By key.
        origins: Where each value was written, by key path.
        plugin: Where any other value comes from.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[KeyPath, Origin] = field(default_factory=dict)
    plugin: str = ""

    def origin(self, key_path: KeyPath) -> Origin:
        """Return where a value was written; of one that the plugin found, its name."""
        while key_path not in self.origins and key_path:
            key_path = key_path[:-1]
        return self.origins.get(key_path, Origin(self.plugin))

    def having(self, key: str, value: object, source: str) -> Given:
        """Return the same with another key."""
        origins = {**self.origins, (*CONFIG, key): Origin(source)}
        return Given(values={**self.values, key: value}, origins=origins, plugin=self.plugin)

    def check(self, model: type[BaseModel]) -> None:
        """Check the values that there are.

        Args:
            model: What the plugin checks its configuration against; keys that it requires may still lack.

        Raises:
            ManifestError: A key is unknown, or a value is wrong.
        """
        try:
            model.model_validate_json(json.dumps(dict(self.values)))
        except ValidationError as error:
            if any(each["type"] != "missing" for each in error.errors(include_url=False, include_input=False)):
                lines = explain(error, dict(self.values), model, self.origin, CONFIG)
                raise ManifestError(lines_shown(lines)) from None


def given(overrides: Sequence[str], plugin: str) -> Given:
    """Read ``plugin.config.KEY=VALUE`` texts.

    Args:
        overrides: As ``--set`` has them.
        plugin: The plugin's name.

    Raises:
        UsageError: A text has another form, or is about another key.
    """
    others = [text for text in overrides if not text.strip().startswith(PREFIX)]
    if others:
        msg = f"--set {others[0]}: expected {PREFIX}KEY=VALUE; other keys can be changed in the file that is written"
        raise UsageError(msg)
    tree = command_line.apply(Node({}, Origin(plugin)), overrides, Manifest)
    said = plain(tree)["plugin"]["config"] if overrides else {}
    values = {key: value for key, value in said.items() if value is not None}
    return Given(values=values, origins=dict(origins(tree)), plugin=f"plugin {plugin}")
