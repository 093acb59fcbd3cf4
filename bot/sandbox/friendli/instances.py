"""The sandbox's instance options and prices.

The option ids are those in the description of `instanceOptionId` in Friendli's create operation;
the prices are those in force since 2026-10-01.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance option; `cents` are US cents per GPU and hour."""

    option_id: str
    gpu_type: str
    gpus: int
    cents: int


_CENTS = {"NVIDIA A100 80GB": 400, "NVIDIA H100": 500, "NVIDIA H200": 700, "NVIDIA B200": 900}
_OPTIONS = {
    "NVIDIA A100 80GB": ("ShbPuOs4tfGb", "mrAHuYt7T40o", "JkNob0NMdoF3", "sYH4kHmAcA5P"),
    "NVIDIA H100": ("TwD5AqnBSVN0", "zfTutSiLn0Hq", "lfkRz5G48REc", "GUA4qYFmsYz8"),
    "NVIDIA H200": ("LnK1wTaKc7WO", "Tu6GjBnfHPe4", "OhTzYtZuomzI", "ahBzWtOuomsI"),
    "NVIDIA B200": ("8GiQTLKfJNOr", "brTZGIuYgVrs", "AFoZMFXZnAdD", "drbc6G9FxJWZ"),
}

INSTANCES = {
    option_id: Instance(option_id, gpu_type, gpus, _CENTS[gpu_type])
    for gpu_type, option_ids in _OPTIONS.items()
    for option_id, gpus in zip(option_ids, (1, 2, 4, 8), strict=True)
}
# Newer than any table of the bot, as the API may add one at any time.
NEWEST = Instance("SandboxNewer", "NVIDIA Sandbox", 1, 300)
INSTANCES[NEWEST.option_id] = NEWEST
