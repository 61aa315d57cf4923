"""Writes the part of docs/ledger.md that the program knows best: the actions and their fields.

    .venv/bin/python scripts/document_ledger.py

A test says when that is due.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter

from studiolo.canvas import actions
from studiolo.ledger.export import COLUMNS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "ledger.md"
BEGIN, END = "<!-- begin: made by scripts/document_ledger.py -->\n", "<!-- end -->\n"


def action_models() -> list[type[BaseModel]]:
    """Every action, in the order in which they are defined."""
    return list(get_args(get_args(actions.Action)[0]))


def type_name(model: type[BaseModel]) -> str:
    return model.model_fields["type"].default


def described() -> str:
    """The tables of actions, and of the objects in them."""
    definitions = TypeAdapter(actions.Action).json_schema()["$defs"]
    named = {model.__name__ for model in action_models()}
    lines = ["| `action.type` | what it is | fields |", "|---|---|---|"]
    for model in action_models():
        lines.append(
            f"| `{type_name(model)}` | {_says(definitions[model.__name__])} | {_fields(definitions[model.__name__])} |"
        )
    lines += ["", "Objects in them:", "", "| object | what it is | fields |", "|---|---|---|"]
    for name in sorted(set(definitions) - named):
        lines.append(f"| {name} | {_says(definitions[name])} | {_fields(definitions[name])} |")
    return "\n".join(lines) + "\n"


def _says(schema: dict[str, Any]) -> str:
    return " ".join(schema.get("description", "").split()).replace("|", "\\|")


def _fields(schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    properties = {name: field for name, field in schema["properties"].items() if name != "type" or "const" not in field}
    return ", ".join(f"`{name}`{'' if name in needed else '?'} {_kind(field)}" for name, field in properties.items())


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind(one) for one in field["anyOf"]))
    if "enum" in field:
        return " \\| ".join(field["enum"])
    if "const" in field:
        return str(field["const"])
    if field["type"] == "array":
        return f"[{_kind(field['items'])}]"
    return _PLAIN[field["type"]]


_PLAIN = {"string": "text", "integer": "number", "boolean": "true or false", "null": "null"}


def written(page: str) -> str:
    """The page with the part as it should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{described()}{END}{after}"


if __name__ == "__main__":
    missing = [name for name in COLUMNS if f"`{name}`" not in PAGE.read_text()]
    if missing:
        raise SystemExit(f"docs/ledger.md does not describe the columns {', '.join(missing)}.")
    PAGE.write_text(written(PAGE.read_text()))
