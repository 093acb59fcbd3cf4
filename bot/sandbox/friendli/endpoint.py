"""One endpoint: its versions, its timeline, and the responses about it."""

from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.friendli.instances import Instance
from bot.sandbox.friendli.models import Advanced, EndpointSpec, EndpointStatus
from bot.sandbox.friendli.operations import status_of
from bot.sandbox.friendli.scenarios import ModelScenario, scenario_of
from bot.sandbox.friendli.timeline import Replicas, Timeline

DEFAULT_MAX_BATCH_SIZE = 256


@dataclass(frozen=True, slots=True)
class Scaling:
    """Replica bounds; the cool-down is in seconds."""

    least: int
    most: int
    cooldown: int


@dataclass(frozen=True, slots=True)
class Version:
    name: str
    instance: Instance
    model: str
    revision: str | None
    advanced: Advanced
    scaling: Scaling
    comment: str | None

    @property
    def scenario(self) -> ModelScenario:
        return scenario_of(self.model)

    @property
    def replicas(self) -> Replicas:
        """What runs while it serves; an endpoint that may sleep starts with one replica."""
        return Replicas(max(self.scaling.least, 1), self.instance)

    @property
    def idle_seconds(self) -> int | None:
        """The cool-down before sleep; None if at least one replica stays up."""
        return self.scaling.cooldown if self.scaling.least == 0 else None


@dataclass(slots=True)
class Endpoint:
    """One endpoint.

    Attributes:
        listed_at: When lists begin to show it.
        versions: Oldest first; never empty.
    """

    id: str
    number: int
    project_id: str
    team_id: str
    creator_id: str
    created_at: datetime
    listed_at: datetime
    versions: list[Version]
    timeline: Timeline

    @property
    def version(self) -> Version:
        return self.versions[-1]

    def status_at(self, moment: datetime) -> EndpointStatus:
        step = self.timeline.at(moment)
        return EndpointStatus(
            status=step.status,
            error_code=step.error_code,
            created_at=self.created_at,
            updated_at=step.at,
            phase=step.phase,
        )

    def spec_at(self, moment: datetime, number: int | None = None) -> EndpointSpec:
        version = self.version if number is None else self.versions[number]
        newest = version is self.version
        step = self.timeline.at(moment)
        up = step.replicas
        wants = status_of(step.status).wants_replicas
        desired = version.replicas.count if wants else 0
        return EndpointSpec(
            name=version.name,
            gpu_type=version.instance.gpu_type,
            num_gpu=version.instance.gpus,
            # the reference doesn't tie this to the instance option, so clients must not rely on it
            instance_id=None if up is None else f"instance-{self.id}",
            project_id=self.project_id,
            creator_id=self.creator_id,
            team_id=self.team_id,
            autoscaling_min=version.scaling.least,
            autoscaling_max=version.scaling.most,
            autoscaling_cooldown=version.scaling.cooldown,
            max_batch_size=version.advanced.max_batch_size or DEFAULT_MAX_BATCH_SIZE,
            max_input_length=version.advanced.max_input_length,
            max_context_length=version.advanced.max_context_length,
            tokenizer_skip_special_tokens=version.advanced.tokenizer_skip_special_tokens,
            tokenizer_add_special_tokens=version.advanced.tokenizer_add_special_tokens,
            curr_replica_cnt=(up.count if up else 0) if newest else None,
            desired_replica_cnt=desired if newest else None,
            updated_replica_cnt=(desired if up == version.replicas else 0) if newest else None,
        )
