"""Units and the configuration file: how durations, sizes and `isotherm.toml` are read. Pure, but for reading that one file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from isotherm.core.rules import Rule, RuleError, rule_from_json
from isotherm.core.webhooks import Webhook, WebhookError, webhook_from_json

__all__ = ["ConfigError", "parse_duration_ms", "parse_size_bytes", "read_config", "read_rules", "read_webhooks"]

_DURATION_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TABLES: Final = ("rules", "webhooks")  #: what stands in the file and is no option
_SIZE_BYTES: Final = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


class ConfigError(ValueError):
    """A setting that can't be; the message says what was expected and what came."""


def parse_duration_ms(text: str) -> int:
    """``250ms``, ``10s``, ``5m``, ``1h``, ``7d`` in ms. Raises `ConfigError`."""
    return _quantity(text, _DURATION_MS, "a duration such as 250ms, 10s or 5m")


def parse_size_bytes(text: str) -> int:
    """``64KiB``, ``1MiB`` in bytes. Raises `ConfigError`."""
    return _quantity(text, _SIZE_BYTES, "a size such as 64KiB or 1MiB")


def _quantity(text: str, units: dict[str, int], expected: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", text.strip())
    unit = units.get(found[2]) if found else None
    if found is None or unit is None:
        raise ConfigError(f"expected {expected}, got {text!r}")
    value = float(found[1]) * unit
    if not value.is_integer() or value < 1:
        raise ConfigError(f"expected {expected}, a whole number of the smallest unit and above 0, got {text!r}")
    return int(value)


def read_config(path: Path, commands: set[str]) -> dict[str, dict[str, Any]]:
    """The settings of the file, by table: those at its top, which hold for all commands, under ``""``; of ``[serve]``, under ``serve``.

    Keys are the options' names, with dashes or underscores. Raises `ConfigError`.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    settings = {"": {_name(key): value for key, value in content.items() if key not in commands and key not in _TABLES}}
    for command in sorted(commands):
        own = content.get(command, {})
        if not isinstance(own, dict):
            raise ConfigError(f"expected a table [{command}] in {path}, got {own!r}")
        settings[command] = {_name(key): value for key, value in own.items()}
    return settings


def read_rules(path: Path) -> list[Rule]:
    """The rules of the file, each a table ``[[rules]]``; `hold` and `cooldown` are durations. Raises `ConfigError`."""
    try:
        rules = [rule_from_json(_rule(table)) for table in _tables(path, "rules")]
    except RuleError as error:
        raise ConfigError(f"{path}: {error}") from error
    _different(path, "rule", [rule.name for rule in rules])
    return rules


def read_webhooks(path: Path) -> list[Webhook]:
    """The webhooks of the file, each a table ``[[webhooks]]``. Raises `ConfigError`, in which no secret stands."""
    try:
        webhooks = [webhook_from_json(table) for table in _tables(path, "webhooks")]
    except WebhookError as error:
        raise ConfigError(f"{path}: {error}") from error
    _different(path, "webhook", [webhook.name for webhook in webhooks])
    return webhooks


def _tables(path: Path, name: str) -> list[Any]:
    try:
        content = tomllib.loads(path.read_text("utf-8")).get(name, [])
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(content, list):
        raise ConfigError(f"expected tables [[{name}]] in {path}")
    return content


def _different(path: Path, what: str, names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise ConfigError(f"{path}: expected each {what} to have a name of its own, got {', '.join(sorted(names))}")


def _rule(table: Any) -> Any:
    """A rule's table with names and units as they are inside."""
    if not isinstance(table, dict):
        return table
    rule = {_name(key): value for key, value in table.items()}
    for name in ("hold", "cooldown"):
        if name in rule:
            text = rule.pop(name)
            rule[f"{name}_ms"] = 0 if text in (0, "0", "0s") else parse_duration_ms(str(text))
    return rule


def _name(key: str) -> str:
    return key.replace("-", "_")
