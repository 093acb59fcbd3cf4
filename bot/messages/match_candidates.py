"""What Friendli shows of a candidate endpoint, and how it differs from the request."""

from collections.abc import Mapping

from bot.domain.candidate_note import CandidateNote
from bot.domain.listed_endpoint import gpus_text
from bot.domain.matching import Candidate, differs_in_gpus, differs_in_replicas
from bot.domain.request.deploy_request import DeployRequest, replicas_text
from bot.domain.schemas import DedicatedEndpointSpec
from bot.domain.text import clip
from bot.messages.markup import bold, code, escape, moment

_LONGEST = 100


def note(candidate: Candidate) -> dict[str, object]:
    """As rows store it."""
    spec = candidate.spec
    setup = (gpus_text(spec), _replicas(spec)) if spec is not None else ()
    return CandidateNote(
        name=candidate.name,
        setup=[part for part in setup if part],
        created_at=candidate.status.created_at,
    ).model_dump(mode="json")


def notes(row: Mapping[str, object] | None) -> dict[str, CandidateNote]:
    """By endpoint id."""
    return {id_: CandidateNote.model_validate(one) for id_, one in (row or {}).items()}


def line(endpoint_id: str, noted: CandidateNote) -> str:
    parts = [code(endpoint_id)]
    parts.append(f"named {bold(clip(noted.name, _LONGEST))}" if noted.name else "name unreadable")
    parts += [escape(clip(part, _LONGEST)) for part in noted.setup]
    if noted.created_at is not None:
        parts.append(moment(noted.created_at, lead="created "))
    return " · ".join(parts)


def differences(request: DeployRequest, spec: DedicatedEndpointSpec | None) -> list[str]:
    """Differences to the request: sentences of mrkdwn."""
    if spec is None:
        return ["Friendli didn't return its configuration."]
    said = []
    if spec.name.strip() not in ("", request.name):
        said.append(f"Friendli shows the name {bold(clip(spec.name, _LONGEST))}.")
    gpus, replicas = gpus_text(spec), _replicas(spec)
    if differs_in_gpus(request, spec):
        shown = escape(clip(gpus or f"{spec.num_gpu} GPUs", _LONGEST))
        said.append(f"Friendli shows {shown}; {escape(request.option.label)} was requested.")
    if differs_in_replicas(request, spec) and replicas:
        asked, _, _ = request.replicas_text.partition(" ")
        verb = "was" if asked == "1" else "were"
        said.append(f"Friendli shows {replicas}; {asked} {verb} requested.")
    return said


def _replicas(spec: DedicatedEndpointSpec) -> str | None:
    least, most = spec.autoscaling_min, spec.autoscaling_max
    if least is not None and most is not None:
        return replicas_text(least, most)
    if most is not None:
        return f"at most {replicas_text(most, most)}"
    return None if least is None else f"at least {replicas_text(least, least)}"
