import httpx
import pytest
from inline_snapshot import snapshot
from pydantic import JsonValue

from bot.sandbox.friendli import FriendliSandbox
from tests.sandbox.friendli.requests import CHAT, ENDPOINTS, PROJECT, Json, create, create_body

ADVANCED: Json = {"tokenizer_skip_special_tokens": True, "tokenizer_add_special_tokens": True}


def advanced(**changes: JsonValue) -> Json:
    """The change that replaces the advanced settings."""
    return {"advanced": {**ADVANCED, **changes}}


WRONG_CREATIONS: list[tuple[Json, list[JsonValue], str]] = [
    ({"projectId": None}, ["body", "projectId"], "string_type"),
    ({"projectId": 7}, ["body", "projectId"], "string_type"),
    ({"name": ["chat"]}, ["body", "name"], "string_type"),
    ({"instanceOptionId": 1}, ["body", "instanceOptionId"], "string_type"),
    ({"hfModelRepo": None}, ["body", "hfModelRepo"], "string_type"),
    ({"hfModelRepoRevision": 1}, ["body", "hfModelRepoRevision"], "string_type"),
    ({"initialVersionComment": {}}, ["body", "initialVersionComment"], "string_type"),
    ({"advanced": None}, ["body", "advanced"], "model_type"),
    ({"project_id": PROJECT}, ["body", "project_id"], "extra_forbidden"),
    ({"hf_model_repo": "a/b"}, ["body", "hf_model_repo"], "extra_forbidden"),
    ({"minReplica": 1}, ["body", "minReplica"], "extra_forbidden"),
    ({"simplescale": {}}, ["body", "simplescale", "replicas"], "missing"),
    ({"simplescale": {"replicas": 0}}, ["body", "simplescale", "replicas"], "greater_than_equal"),
    ({"simplescale": {"replicas": "1"}}, ["body", "simplescale", "replicas"], "int_type"),
    ({"simplescale": {"replicas": True}}, ["body", "simplescale", "replicas"], "int_type"),
    ({"simplescale": 1}, ["body", "simplescale"], "model_type"),
    ({"autoscalingPolicy": {}}, ["body"], "value_error"),
    (
        {"simplescale": None, "autoscalingPolicy": {"minReplica": -1}},
        ["body", "autoscalingPolicy", "minReplica"],
        "greater_than_equal",
    ),
    (
        {"simplescale": None, "autoscalingPolicy": {"maxReplica": 11}},
        ["body", "autoscalingPolicy", "maxReplica"],
        "less_than_equal",
    ),
    (
        {"simplescale": None, "autoscalingPolicy": {"cooldownPeriod": 1.5}},
        ["body", "autoscalingPolicy", "cooldownPeriod"],
        "int_type",
    ),
    (
        {"simplescale": None, "autoscalingPolicy": {"min_replica": 0}},
        ["body", "autoscalingPolicy", "min_replica"],
        "extra_forbidden",
    ),
    (advanced(max_token_count=None), ["body", "advanced", "max_token_count"], "int_type"),
    (advanced(max_batch_size="32"), ["body", "advanced", "max_batch_size"], "int_type"),
    (
        advanced(tokenizer_add_special_tokens="yes"),
        ["body", "advanced", "tokenizer_add_special_tokens"],
        "bool_type",
    ),
    (
        advanced(max_context_length=0),
        ["body", "advanced", "max_context_length"],
        "greater_than_equal",
    ),
    (
        advanced(queue_backpressure_metric_kind="LATENCY"),
        ["body", "advanced", "queue_backpressure_metric_kind"],
        "literal_error",
    ),
    (
        advanced(queue_backpressure_metric_threshold="1"),
        ["body", "advanced", "queue_backpressure_metric_threshold"],
        "float_type",
    ),
    (advanced(maxBatchSize=1), ["body", "advanced", "maxBatchSize"], "extra_forbidden"),
]


@pytest.mark.parametrize(("changes", "loc", "kind"), WRONG_CREATIONS, ids=str)
async def test_a_wrong_creation_is_refused_in_fastapi_s_shape(
    api: httpx.AsyncClient,
    sandbox: FriendliSandbox,
    changes: Json,
    loc: list[JsonValue],
    kind: str,
) -> None:
    """A body that the reference doesn't allow gets 422 with one located error; nothing is made."""
    response = await create(api, **changes)

    assert response.status_code == 422
    ((error,),) = response.json().values()
    assert (error["loc"], error["type"]) == (loc, kind)
    assert set(error) == {"loc", "msg", "type"}
    assert sandbox.endpoints == {}


@pytest.mark.parametrize(
    "field", ["projectId", "name", "instanceOptionId", "advanced", "hfModelRepo"]
)
async def test_a_required_field_of_a_creation_is_missed(api: httpx.AsyncClient, field: str) -> None:
    """Each required field is named when it is missing."""
    body = create_body()
    del body[field]

    response = await api.post(ENDPOINTS, json=body)

    assert (response.status_code, response.json()) == (
        422,
        {"detail": [{"loc": ["body", field], "msg": "Field required", "type": "missing"}]},
    )


async def test_both_ways_of_scaling_are_refused_in_words(api: httpx.AsyncClient) -> None:
    """A creation with both simplescale and autoscalingPolicy is told to choose."""
    response = await create(api, autoscalingPolicy={"minReplica": 0})

    assert response.json() == snapshot(
        {
            "detail": [
                {
                    "loc": ["body"],
                    "msg": "Value error, Give simplescale or autoscalingPolicy, not both",
                    "type": "value_error",
                }
            ]
        }
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"instanceOptionId": "nothing"}, "Unknown instance option 'nothing'."),
        ({"name": " "}, "name must not be empty."),
        ({"hfModelRepo": ""}, "hfModelRepo must not be empty."),
        (
            {"simplescale": None, "autoscalingPolicy": {"minReplica": 3, "maxReplica": 2}},
            "maxReplica must be at least 1 and not less than minReplica.",
        ),
        (
            {"simplescale": None, "autoscalingPolicy": {"maxReplica": 0}},
            "maxReplica must be at least 1 and not less than minReplica.",
        ),
        (
            {"simplescale": None, "autoscalingPolicy": {"cooldownPeriod": -1}},
            "cooldownPeriod must not be negative.",
        ),
    ],
    ids=str,
)
async def test_values_that_make_no_sense_are_refused_in_words(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, changes: Json, words: str
) -> None:
    """What the schema allows and the API can't do gets 400 with words; nothing is made."""
    response = await create(api, **changes)

    assert (response.status_code, response.json()) == (400, {"detail": words})
    assert sandbox.endpoints == {}


@pytest.mark.parametrize(
    ("content", "content_type", "kind"),
    [
        (b"", "application/json", "missing"),
        (b"{", "application/json", "json_invalid"),
        (b"[]", "application/json", "model_type"),
        (b"{}", "text/plain", "content_type"),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(
    api: httpx.AsyncClient, content: bytes, content_type: str, kind: str
) -> None:
    """A missing, broken, mislabelled or non-object body gets 422."""
    response = await api.post(ENDPOINTS, content=content, headers={"Content-Type": content_type})

    assert response.status_code == 422
    assert response.json()["detail"][0]["type"] == kind


@pytest.mark.parametrize(
    ("query", "loc", "kind"),
    [
        ("limit=0", "limit", "greater_than_equal"),
        ("limit=101", "limit", "less_than_equal"),
        ("limit=ten", "limit", "int_parsing"),
        ("limit=", "limit", "int_parsing"),
        ("projectId=project-1", "projectId", "extra_forbidden"),
        ("limit=1&limit=2", "limit", "repeated"),
    ],
)
async def test_a_wrong_query_of_the_list_is_refused(
    api: httpx.AsyncClient, query: str, loc: str, kind: str
) -> None:
    """Limits out of bounds and parameters that the reference doesn't have get 422."""
    response = await api.get(f"{ENDPOINTS}?{query}")

    assert response.status_code == 422
    (error,) = response.json()["detail"]
    assert (error["loc"], error["type"]) == (["query", loc], kind)


@pytest.mark.parametrize(
    ("changes", "loc", "kind"),
    [
        ({"initialVersionComment": "x"}, ["body", "initialVersionComment"], "extra_forbidden"),
        ({"projectId": PROJECT}, ["body", "projectId"], "extra_forbidden"),
        ({"simplescale": {"replicas": 0}}, ["body", "simplescale", "replicas"], None),
        ({"simplescale": {"replicas": 1}, "autoscalingPolicy": {}}, ["body"], "value_error"),
        ({"advanced": {}}, ["body", "advanced", "tokenizer_skip_special_tokens"], "missing"),
        ({"name": 1}, ["body", "name"], "string_type"),
    ],
    ids=str,
)
async def test_a_wrong_update_is_refused(
    api: httpx.AsyncClient,
    sandbox: FriendliSandbox,
    changes: Json,
    loc: list[JsonValue],
    kind: str | None,
) -> None:
    """An update that the reference doesn't allow gets 422 and adds no version."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    sandbox.set_status(endpoint_id, "RUNNING")

    response = await api.put(f"{ENDPOINTS}/{endpoint_id}", json=changes)

    assert response.status_code == 422
    error = response.json()["detail"][0]
    assert error["loc"] == loc
    assert kind in (None, error["type"])
    versions = (await api.get(f"{ENDPOINTS}/{endpoint_id}/version")).json()
    assert set(versions["data"]) == {"0"}


@pytest.mark.parametrize("action", ["sleep", "wake", "terminate", "restart"])
async def test_actions_take_neither_body_nor_query(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, action: str
) -> None:
    """An action with a body or a query that the reference doesn't have gets 422."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    path = f"{ENDPOINTS}/{endpoint_id}/{action}"

    assert (await api.put(path, json={})).status_code == 422
    assert (await api.put(f"{path}?force=true")).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/status"),
        ("GET", "/version"),
        ("DELETE", ""),
        ("PUT", "/sleep"),
        ("PUT", "/wake"),
        ("PUT", "/terminate"),
        ("PUT", "/restart"),
    ],
)
async def test_an_unknown_endpoint_is_not_found(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    """Every operation on an endpoint that doesn't exist gets 404."""
    response = await api.request(method, f"{ENDPOINTS}/nothing{path}")

    assert (response.status_code, response.json()) == (
        404,
        {"detail": "Endpoint 'nothing' not found."},
    )


async def test_chat_is_refused_where_nothing_can_answer(
    api: httpx.AsyncClient, sandbox: FriendliSandbox
) -> None:
    """An unknown endpoint gets 404, a failed one 400, no messages 422, a stream 400."""
    endpoint_id = sandbox.create(project_id=PROJECT, name="chat")
    sandbox.set_status(endpoint_id, "FAILED")
    messages: JsonValue = [{"role": "user", "content": "Hello"}]

    async def status(**body: JsonValue) -> int:
        return (await api.post(CHAT, json=body)).status_code

    assert await status(model="nothing", messages=messages) == 404
    assert await status(model=endpoint_id, messages=messages) == 400
    assert await status(model=endpoint_id, messages=[]) == 422
    assert await status(model=endpoint_id, messages=messages, stream=True) == 400


async def test_paths_and_methods_that_do_not_exist(api: httpx.AsyncClient) -> None:
    """Unknown paths get 404 and unknown methods 405, in the API's shape."""
    nowhere = await api.get("/dedicated/beta/endpoints")
    assert (nowhere.status_code, nowhere.json()) == (404, {"detail": "Not Found"})
    wrong = await api.patch(ENDPOINTS)
    assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        ("INITIALIZING", {"terminate"}),
        ("RUNNING", {"sleep", "terminate", "update"}),
        ("READY", {"sleep", "terminate", "update"}),
        ("UPDATING", {"terminate"}),
        ("SLEEPING", {"wake", "terminate", "update"}),
        ("AWAKING", {"terminate"}),
        ("STOPPING", {"terminate"}),
        ("TERMINATING", set[str]()),
        ("TERMINATED", {"restart", "update", "delete"}),
        ("FAILED", {"restart", "terminate", "update", "delete"}),
    ],
)
async def test_each_status_allows_some_actions_only(
    api: httpx.AsyncClient, sandbox: FriendliSandbox, status: str, allowed: set[str]
) -> None:
    """An action gets 200 in the statuses that allow it and 400 with words in all others."""
    done: set[str] = set()
    for action in ("sleep", "wake", "restart", "terminate", "update", "delete"):
        endpoint_id = sandbox.create(project_id=PROJECT, name=action)
        sandbox.set_status(endpoint_id, status)
        path = f"{ENDPOINTS}/{endpoint_id}"
        if action == "update":
            response = await api.put(path, json={"name": "renamed"})
        elif action == "delete":
            response = await api.delete(path)
        else:
            response = await api.put(f"{path}/{action}")
        if response.status_code == 200:
            done.add(action)
        else:
            assert response.status_code == 400
            assert response.json()["detail"].startswith(f"An endpoint that is {status} can't be ")
            assert sandbox.endpoints[endpoint_id].status == status
    assert done == allowed
