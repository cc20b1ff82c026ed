"""The description, put into words for the documentation page."""

from __future__ import annotations

from typing import Any

import msgspec

from http_api.openapi import REF, Schema, resolve


def docs_page(description: Schema) -> dict[str, Any]:
    """What the template shows."""
    sections: dict[str, list[dict[str, Any]]] = {}
    for path, methods in description["paths"].items():
        base = methods.get("servers", description["servers"])[0]["url"].rstrip("/")
        for method, operation in methods.items():
            if method != "servers":
                worded = _operation(description, method, base + path, operation)
                sections.setdefault(operation["tags"][0], []).append(worded)
    schemas = description["components"]["schemas"]
    return {
        "version": description["info"]["version"],
        "about": description["info"]["description"],
        "sections": [{"tag": tag, "operations": each} for tag, each in sections.items()],
        "things": [
            {"name": name, "fields": _fields(schema, "")}
            for name, schema in schemas.items()
            if "properties" in schema and not name.endswith("Answer")
        ],
    }


def _operation(description: Schema, method: str, path: str, operation: Schema) -> dict[str, Any]:
    fields = [
        {
            "name": parameter["name"],
            "place": parameter["in"],
            "required": parameter["required"],
            "kind": kind_of(parameter["schema"]),
        }
        for parameter in operation.get("parameters", [])
    ]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if content:
        fields += _fields(resolve(description, content["schema"]), "body")
    example = content.get("example")
    [status, done] = next(iter(operation["responses"].items()))
    answer = resolve(description, done["content"]["application/json"]["schema"])
    return {
        "name": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "signed_out": operation.get("security") == [],
        "fields": fields,
        "example": msgspec.json.format(msgspec.json.encode(example), indent=2).decode()
        if example
        else None,
        "status": status,
        "answer": kind_of(answer["properties"]["data"]),
    }


def _fields(schema: Schema, place: str) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {"name": name, "place": place, "required": name in required, "kind": kind_of(field)}
        for name, field in schema.get("properties", {}).items()
    ]


def kind_of(schema: Schema) -> str:
    """A schema in a few words: `string, 1 to 80 characters`."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REF.format(name=""))
    if "anyOf" in schema:
        return " or ".join(kind_of(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"“{value}”" for value in schema["enum"])
    if "const" in schema:
        return f"always {schema['const']}"
    if schema.get("type") == "array":
        kind = f"list of {kind_of(schema.get('items', {}))}"
        return kind + _range(schema, "minItems", "maxItems", "")
    kind = str(schema.get("format") or schema.get("type") or "anything")
    kind += _range(schema, "minLength", "maxLength", " characters")
    return kind + _range(schema, "minimum", "maximum", "")


def _range(schema: Schema, least: str, most: str, unit: str) -> str:
    low, high = schema.get(least), schema.get(most)
    if low is None and high is None:
        return ""
    if high is None:
        return f", at least {low}{unit}"
    return f", {low or 0} to {high}{unit}"
