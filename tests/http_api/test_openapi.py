"""The description says what the server does: nothing more, and nothing less."""

import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from http_api import collection, openapi
from http_api.docs_page import docs_page
from http_api.endpoint import IN_QUERY, Route, decoded
from http_api.examples import EXAMPLES
from http_api.routes import ROUTES
from realtime.commands.surface import COMMANDS
from storage.gate import Gate
from tests.http_api.conftest import app_over, client_of

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"
SOME_ID = "019a5a3c-7f00-7000-8000-000000000d01"
DESCRIPTION = openapi.document(ROUTES)
BY_NAME = {route.action.name: route for route in ROUTES}


def operations() -> dict[str, tuple[str, str]]:
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in DESCRIPTION["paths"].items()
        for method, operation in methods.items()
        if method != "servers"
    }


def test_it_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DESCRIPTION).validate()


def test_an_invalid_one_would_be_noticed() -> None:
    broken: dict[str, Any] = {**DESCRIPTION, "paths": {"/x": {"get": {"responses": "none"}}}}

    assert not OpenAPIV31SpecValidator(broken).is_valid()


def test_every_route_is_described_and_nothing_else() -> None:
    documents = {name: ("GET", path) for _, path, name, _, _ in openapi.DOCUMENTS}
    routed = {route.action.name: (route.method, route.path) for route in ROUTES}

    assert operations() == documents | routed


def test_the_protocol_names_the_same_routes() -> None:
    rows = re.findall(r"^\| `(\w+)`.*?\| `(\w+) (/[^`]*)` \|", PROTOCOL.read_text(), re.MULTILINE)

    assert {name: (method, path) for name, method, path in rows} == {
        route.action.name: (route.method, route.path) for route in ROUTES
    }


def test_no_schema_stands_unnamed_in_a_body() -> None:
    for methods in DESCRIPTION["paths"].values():
        for operation in methods.values():
            body = operation.get("requestBody") if isinstance(operation, dict) else None
            if body is not None:
                assert list(body["content"]["application/json"]["schema"]) == ["$ref"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.action.name)
def test_every_field_of_a_command_is_described_in_one_place(route: Route) -> None:
    operation = DESCRIPTION["paths"][route.path][route.method.lower()]
    parameters = [p["name"] for p in operation.get("parameters", []) if p["in"] != "header"]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    body = openapi.resolve(DESCRIPTION, content["schema"])["properties"] if content else {}

    described = [*parameters, *body]
    assert sorted(described) == sorted(route.command.__struct_encode_fields__)
    assert set(re.findall(r"{(\w+)}", route.path)) <= set(parameters)
    assert not (body and route.method in IN_QUERY)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_can_be_sent(name: str) -> None:
    route = BY_NAME[name]
    in_path = dict.fromkeys(
        re.findall(r"{(\w+)}", route.path), "019a5a3c-7f00-7000-8000-000000000d01"
    )

    decoded(EXAMPLES[name] | in_path, route.command)


def test_only_signing_in_needs_no_token() -> None:
    signed_out = {
        operation["operationId"]
        for methods in DESCRIPTION["paths"].values()
        for operation in methods.values()
        if isinstance(operation, dict) and operation.get("security") == []
    }

    documents = {name for _, _, name, _, _ in openapi.DOCUMENTS}
    assert signed_out == {"signup", "login", "refresh", "logout"} | documents


def test_the_collection_holds_every_operation_once() -> None:
    made = collection.collection(DESCRIPTION)
    items = [item for folder in made["item"] for item in folder["item"]]

    assert sorted(item["name"] for item in items) == sorted(operations())
    send = next(item["request"] for item in items if item["name"] == "mark_read")
    assert send["url"]["raw"] == "{{origin}}/api/v1/conversations/:conversationId/read"
    assert send["body"]["raw"] == '{\n  "seq": 12\n}'


def test_the_page_shows_every_operation() -> None:
    shown = [op for section in docs_page(DESCRIPTION)["sections"] for op in section["operations"]]

    assert {operation["name"] for operation in shown} == set(operations())


async def test_all_three_are_served(gate: Gate, web_client: Path) -> None:
    async with client_of(app_over(gate, web_client, ROUTES), gate.settings) as client:
        described = await client.get("/api/v1/openapi.json")
        collected = await client.get("/api/v1/collection.json")
        page = await client.get("/api/v1/docs")
        style = await client.get("/api/v1/docs/style.css")

    assert described.json() == DESCRIPTION
    assert collected.json()["info"]["schema"].endswith("v2.1.0/collection.json")
    assert page.headers["content-type"].startswith("text/html")
    assert style.headers["content-type"].startswith("text/css")
    for name in operations():
        assert f'id="{name}"' in page.text


async def test_the_page_lives_under_the_same_policy(gate: Gate, web_client: Path) -> None:
    async with client_of(app_over(gate, web_client, ROUTES), gate.settings) as client:
        page = await client.get("/api/v1/docs")

    assert "script-src 'self'" in page.headers["content-security-policy"]
    for forbidden in ("<script", "style=", "<style", "http://", "https://", " onclick"):
        assert forbidden not in page.text


def test_both_doors_offer_the_same() -> None:
    http_alone = {"signup", "login", "refresh", "logout"}

    assert set(COMMANDS) - {"ping"} == {route.action.name for route in ROUTES} - http_alone
