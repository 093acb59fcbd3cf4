"""What adds the operation, in the order of `.github/CONTRIBUTING.md`."""

from tests.chaos.mutants import Change

STATUS = Change(
    "bot/domain/schemas.py",
    '    READY = "READY"\n',
    '    READY = "READY"\n    PAUSED = "PAUSED"\n',
)
STATUS_FACTS = Change(
    "bot/domain/statuses.py",
    "        Status.AWAKING: StatusFacts(\n",
    """\
        Status.PAUSED: StatusFacts(
            name="paused",
            kind=Kind.RESTING,
            mark="‖",
            rank=2,
            billing=Billing.NO,
            may_be_woken=True,
            note="$0.00/h while it is paused; requests don't wake it.",
            reply=StatusReply(
                requested="Paused, as asked. It costs nothing until somebody wakes it.",
                elsewhere="Paused outside of this channel.",
            ),
        ),
        Status.AWAKING: StatusFacts(
""",
)
KIND = Change(
    "bot/domain/operations.py",
    '    WAKE = "wake"\n',
    '    WAKE = "wake"\n    PAUSE = "pause"\n',
)
WORDS = """\
            words=OperationWords(
                infinitive="pause it",
                being="paused",
                doing="pausing it",
                verb="pause",
                else_true=_MAY_BE_BILLED,
            ),
"""
WARNING = '                "Requests to it fail until somebody wakes it.",\n'
FACTS = Change(
    "bot/domain/operations.py",
    "        OperationKind.WAKE: OperationFacts(\n",
    f"""\
        OperationKind.PAUSE: OperationFacts(
            permission=Permission.OPERATE,
            fits=lambda status: status.serves,
            client_call="pause_endpoint",
            effect=frozenset({{Status.PAUSED.value}}),
            spends=False,
{WORDS}\
            button=ButtonFacts("Pause"),
            command=CommandFacts(
                "Pauses an endpoint; only a wake ends that.",
                Confirmation.WARNING,
{WARNING}\
            ),
        ),
        OperationKind.WAKE: OperationFacts(
""",
)
CLIENT_CALL = Change(
    "bot/friendli/client.py",
    "    async def restart_endpoint(\n",
    """\
    async def pause_endpoint(
        self, access: Credentials, endpoint_id: str
    ) -> DedicatedEndpointStatus:
        call = Call("pause_endpoint", access, "PUT", _path(endpoint_id, "/pause"))
        return await self._change(call, DedicatedEndpointStatus)

    async def restart_endpoint(
""",
)
SANDBOX_STATUS = Change(
    "bot/sandbox/friendli/operations.py",
    '    "AWAKING": _STARTING,\n',
    '    "AWAKING": _STARTING,\n'
    '    "PAUSED": Status(wants_replicas=False, inference=Inference.REFUSES),\n',
)
SANDBOX_WAKE = Change(
    "bot/sandbox/friendli/operations.py",
    '            lambda status: status == "SLEEPING",\n',
    '            lambda status: status in ("SLEEPING", "PAUSED"),\n',
)
SANDBOX_OPERATION = Change(
    "bot/sandbox/friendli/operations.py",
    '        Operation(\n            "wake_endpoint",\n',
    """\
        Operation(
            "pause_endpoint",
            "PUT",
            _ENDPOINT + "/pause",
            "paused",
            lambda status: status_of(status).is_up,
            Effect.SHOWS,
            "PAUSED",
            "pauses an endpoint",
        ),
        Operation(
            "wake_endpoint",
""",
)
CHANGES = (
    STATUS,
    STATUS_FACTS,
    KIND,
    FACTS,
    CLIENT_CALL,
    SANDBOX_STATUS,
    SANDBOX_WAKE,
    SANDBOX_OPERATION,
)
