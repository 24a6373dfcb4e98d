"""What the API offers, as OpenAPI for programs and as a page for people."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from web.api.operation_documents import Problem
from web.problems import PROBLEM_TYPE

_INTRODUCTION = (
    "Results, studies and the state of an Osteon node. Research use – not for clinical diagnosis. "
    "Every answer to a GET but an export has an ETag; a list names its next page in `next` and in "
    "the header Link. What is not known is null; times are UTC."
)
_PROBLEMS = {
    "401": "nobody is signed in, or the token is not known",
    "403": "the account's role or the token's scopes do not allow it",
    "404": "there is no such study, image or job",
    "406": "it does not come in a form that Accept names",
    "409": "it cannot be done as things stand",
    "413": "the body is longer than 64 kB",
    "422": "a parameter is wrong or not known",
    "503": "the ledger does not answer: try again later",
}
_METHODS = ("get", "post")


def openapi_of(router: APIRouter) -> dict[str, Any]:
    """OpenAPI 3.1, with problem details wherever something is refused."""
    document = get_openapi(
        title="Osteon",
        version=version("osteon"),
        description=_INTRODUCTION,
        routes=router.routes,
    )
    schemas = document["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for operations in document["paths"].values():
        for method, operation in operations.items():
            _say_what_else(method, operation["responses"])
    return document


def _say_what_else(method: str, responses: dict[str, Any]) -> None:
    for status, description in _PROBLEMS.items():
        schema = {"$ref": "#/components/schemas/Problem"}
        content = {PROBLEM_TYPE: {"schema": schema}}
        responses[status] = {"description": description, "content": content}
    if method == "get":
        responses["304"] = {"description": "the document is the one whose ETag was named"}


@dataclass(frozen=True)
class FieldLine:
    """A parameter or a field of a document, in words."""

    name: str
    type: str
    description: str
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """What can be asked for or done, and by which scope."""

    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[FieldLine, ...]
    body: str
    answer: str


@dataclass(frozen=True)
class DocumentLines:
    """A document's fields."""

    name: str
    description: str
    fields: tuple[FieldLine, ...]


def operations_of(document: dict[str, Any]) -> list[Operation]:
    return [
        _operation(method, path, operations[method])
        for path, operations in document["paths"].items()
        for method in _METHODS
        if method in operations
    ]


def documents_of(document: dict[str, Any]) -> list[DocumentLines]:
    """Those whose fields are described here; the network's card has a page of its own."""
    found = [
        DocumentLines(name, schema.get("description", ""), _fields(schema))
        for name, schema in document["components"]["schemas"].items()
        if "properties" in schema
    ]
    return [one for one in found if any(field.description for field in one.fields)]


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    parameters = tuple(
        FieldLine(
            name=one["name"],
            type=_type(one["schema"]),
            description=one.get("description", ""),
            required=one["required"],
        )
        for one in operation.get("parameters", ())
    )
    good = operation["responses"].get("201") or operation["responses"]["200"]
    return Operation(
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        parameters=parameters,
        body=_document(operation.get("requestBody", {})),
        answer=_document(good),
    )


def _document(part: dict[str, Any]) -> str:
    schema = part.get("content", {}).get("application/json", {}).get("schema", {})
    return _type(schema) if schema else ""


def _fields(schema: dict[str, Any]) -> tuple[FieldLine, ...]:
    required = schema.get("required", ())
    return tuple(
        FieldLine(name, _type(field), field.get("description", ""), name in required)
        for name, field in schema["properties"].items()
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"[{_type(schema.get('items', {}))}]"
    return str(schema.get("format") or schema.get("type", "any"))
