"""From a scenario file to a `Scenario`, or to one line that says what is wrong with it.

In: a path. Out: a `Scenario` whose names all refer to something. A `ScenarioError` names the file, the table (with the
name that it gives itself), the field, and what may stand there; a name that does not exist comes with the nearest one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from dsl.nearest import nearest
from runtime.scenario.model import TABLES, Scenario, fields_of
from runtime.scenario.names import wrong_name

MOST_BYTES = 1 << 20
LISTED = ("node", "memcg", "swap", "task", "proactive")
"""Tables of which there may be several."""


class ScenarioError(Exception):
    """The file does not describe a scenario: the message says where and why."""


def load_scenario(path: str) -> Scenario:
    """Read and check a file."""
    data = _toml(path)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(f"{path}: {_first_error(error, data)}") from None
    wrong = wrong_name(scenario)
    if wrong is not None:
        raise ScenarioError(f"{path}: {wrong}")
    return scenario


def _toml(path: str) -> dict[str, Any]:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError:  # a path with a null byte
        raise ScenarioError(f"{path!r}: not a path") from None
    if len(raw) > MOST_BYTES:
        raise ScenarioError(f"{path}: larger than {MOST_BYTES:,} bytes: not a scenario")
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: byte {error.start}: not UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ScenarioError(f"{path}: not TOML: {error}") from None


# --- what is wrong, in words ------------------------------------------------------------------------------


def _first_error(error: ValidationError, data: Mapping[str, Any]) -> str:
    # A mistyped field is the cause where the right one is missing, too.
    found = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")[0]
    place = found["loc"]
    table = str(place[0]) if place and isinstance(data.get(str(place[0])), list | dict) else ""
    if table not in TABLES:
        table = ""
    where = _table_in_words(place, data) if table else ""
    name = _field(place, table)
    if found["type"] == "extra_forbidden":
        return where + _unknown_field(name, TABLES[table], table)
    if found["type"] == "missing":
        return f"{where}{_required(name, table)}"
    field = f"field `{name}`: " if name else ""
    return f"{where}{field}{_in_words(found)}"


def _table_in_words(place: Sequence[int | str], data: Mapping[str, Any]) -> str:
    """The table at a place: `[[memcg]] apps/db: `, by number if it has no name."""
    table = str(place[0])
    if len(place) < 2 or not isinstance(place[1], int):
        return f"[{table}]: " if isinstance(data[table], dict) else f"[[{table}]]: "
    entry = data[table][place[1]]
    name = entry.get("name") if isinstance(entry, dict) else None
    return f"[[{table}]] {f'`{name}`' if isinstance(name, str) and name else f'number {place[1] + 1}'}: "


def _field(place: Sequence[int | str], table: str) -> str:
    names = [str(part) for part in place[1 if table else 0 :] if not isinstance(part, int)]
    return names[0] if names else ""


def _unknown_field(name: str, table: type[BaseModel], title: str) -> str:
    known = list(fields_of(table))
    close = nearest(name, known)
    kind = "field" if title else "table or field"
    return f"there is no {kind} `{name}`; " + (f"did you mean `{close}`?" if close else f"there are {', '.join(known)}")


def _required(name: str, table: str) -> str:
    if not table and name in TABLES:
        return f"at least one table [[{name}]] is needed"
    return f"field `{name}` is needed: {fields_of(TABLES[table])[name].description}"


def _in_words(found: Any) -> str:
    """A message of pydantic's in this project's words."""
    message = str(found["msg"])
    if found["type"] in ("tuple_type", "model_type", "model_attributes_type"):
        table = found["loc"][0]
        return f"must be a table: [[{table}]], once for each" if table in LISTED else f"must be a table: [{table}]"
    message = message.replace("valid integer", "whole number").replace("valid boolean", "true or false")
    message = message.replace("a valid string", "text, in quotes")
    words = (("Input should be ", "must be "), ("Value error, ", ""), ("Tuple should have", "there must be"))
    for start, better in words:
        if message.startswith(start):
            message = better + message[len(start) :]
    given = found.get("input")
    message = message.replace("a true or false", "true or false")
    if isinstance(given, str | int | float | bool) and "`" not in message:
        message += f", not `{given}`"
    return message
