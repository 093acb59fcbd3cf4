"""Bodies and paths of requests to the sandbox, as the API reference has them."""

import ssl

import httpx
from pydantic import JsonValue

KEY = "sandbox-key-not-a-secret"
TEAM = "team-1"
PROJECT = "project-1"
ENDPOINTS = "/dedicated/beta/endpoint"
CHAT = "/dedicated/v1/chat/completions"

H100 = "TwD5AqnBSVN0"
H200X2 = "Tu6GjBnfHPe4"

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""An empty context: loading the usual one takes longer than most tests here."""

Json = dict[str, JsonValue]


def create_body(**changes: JsonValue) -> Json:
    """A body that the create operation takes, with some fields changed."""
    return {
        "projectId": PROJECT,
        "name": "chat",
        "instanceOptionId": H100,
        "advanced": {"tokenizer_skip_special_tokens": True, "tokenizer_add_special_tokens": False},
        "simplescale": {"replicas": 1},
        "hfModelRepo": "sandbox/works",
        **changes,
    }


async def create(api: httpx.AsyncClient, **changes: JsonValue) -> httpx.Response:
    """Ask for an endpoint."""
    return await api.post(ENDPOINTS, json=create_body(**changes))


async def listed(api: httpx.AsyncClient) -> dict[str, Json]:
    """The first page of the project's list."""
    response = await api.get(ENDPOINTS, params={"project_id": PROJECT, "limit": 100})
    assert response.status_code == 200
    statuses: dict[str, Json] = response.json()["data"]
    return statuses


async def seen(api: httpx.AsyncClient, endpoint_id: str) -> tuple[str, str | None, str | None]:
    """The status, phase and error code that the status operation shows."""
    response = await api.get(f"{ENDPOINTS}/{endpoint_id}/status")
    assert response.status_code == 200
    answer = response.json()
    return answer["status"], answer["phase"], answer["errorCode"]
