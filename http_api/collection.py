"""The same description as a request collection (Postman v2.1, which Bruno and Insomnia read too).

Sign in first: its answer's access token is kept, and every other request sends it.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from http_api.exchange import Response
from http_api.openapi import Schema

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
KEEP_TOKEN = [
    "const answer = pm.response.json();",
    "if (answer.success) pm.collectionVariables.set('accessToken', answer.data.accessToken);",
]
SIGNING_IN = ("signup", "login", "refresh")


def response(description: Schema) -> Response:
    body = msgspec.json.encode(collection(description))
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-cache"),
        (b"content-disposition", b'attachment; filename="loopync.postman_collection.json"'),
    ]
    return Response(200, body, headers)


def collection(description: Schema) -> Schema:
    folders: dict[str, list[Schema]] = {}
    for path, methods in description["paths"].items():
        base = methods.get("servers", description["servers"])[0]["url"].rstrip("/")
        for method, operation in methods.items():
            if method != "servers":
                item = _item(method.upper(), f"{base}{path}", operation)
                folders.setdefault(operation["tags"][0], []).append(item)
    return {
        "info": {
            "name": description["info"]["title"],
            "description": description["info"]["description"],
            "schema": SCHEMA,
        },
        "variable": [
            {"key": "origin", "value": "http://127.0.0.1:8000"},
            {"key": "accessToken", "value": ""},
        ],
        "auth": {
            "type": "bearer",
            "bearer": [{"key": "token", "value": "{{accessToken}}", "type": "string"}],
        },
        "item": [{"name": tag, "item": items} for tag, items in folders.items()],
    }


def _item(method: str, path: str, operation: Schema) -> Schema:
    parameters = operation.get("parameters", [])
    query = [
        {"key": parameter["name"], "value": "", "disabled": not parameter["required"]}
        for parameter in parameters
        if parameter["in"] == "query"
    ]
    path = re.sub(r"\{(\w+)\}", r":\1", path)
    asked: Schema = {
        "method": method,
        "description": operation["summary"],
        "header": [],
        "url": {
            "raw": "{{origin}}" + path,
            "host": ["{{origin}}"],
            "path": path.strip("/").split("/"),
            "query": query,
            "variable": [{"key": p["name"], "value": ""} for p in parameters if p["in"] == "path"],
        },
    }
    if operation.get("security") == []:
        asked["auth"] = {"type": "noauth"}
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is not None:
        body: Any = content.get("example", {})
        asked["header"] = [{"key": "Content-Type", "value": "application/json"}]
        text = msgspec.json.format(msgspec.json.encode(body), indent=2).decode()
        asked["body"] = {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}
    item: Schema = {"name": operation["operationId"], "request": asked}
    if operation["operationId"] in SIGNING_IN:
        item["event"] = [
            {"listen": "test", "script": {"type": "text/javascript", "exec": KEEP_TOKEN}}
        ]
    return item
