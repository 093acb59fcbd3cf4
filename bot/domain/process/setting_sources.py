"""Secrets from files: `SLACK_BOT_TOKEN_FILE=/path`, or a folder named by `SECRETS_DIR`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

FILE_SUFFIX = "_FILE"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A setting that a source can't provide; `reason` follows its name and quotes no value."""

    reason: str


def holds_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(holds_secret, get_args(annotation)))


class SecretFiles(PydanticBaseSettingsSource):
    """Reads each secret setting `NAME` from the file in `NAME_FILE`.

    Without `NAME_FILE`, a file called `NAME`, in small or capital letters, in the folder
    `SECRETS_DIR`, as Docker and Kubernetes mount secrets.

    Args:
        variables: The environment and the .env file, by lower-case names.
    """

    def __init__(
        self, settings_cls: type[BaseSettings], variables: Mapping[str, str | None]
    ) -> None:
        super().__init__(settings_cls)
        self._variables = variables

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if value:
                values[name] = value
        return values

    def get_field_value(
        self, field: FieldInfo, field_name: str
    ) -> tuple[str | Unusable | None, str, bool]:
        value: str | Unusable | None = None
        if holds_secret(field.annotation):
            named = self._variables.get(f"{field_name}{FILE_SUFFIX.lower()}")
            value = _content(Path(named), field_name) if named else self._mounted(field_name)
        return value, field_name, False

    def conflicts(self) -> dict[str, Any]:
        """Secrets that are set both ways, which is ambiguous."""
        return {
            name: Unusable(f"is set, and so is {name.upper()}{FILE_SUFFIX}; unset one of them")
            for name, field in self.settings_cls.model_fields.items()
            if holds_secret(field.annotation)
            and self._variables.get(name)
            and self._variables.get(f"{name}{FILE_SUFFIX.lower()}")
        }

    def _mounted(self, field_name: str) -> str | Unusable | None:
        folder = self._variables.get("secrets_dir")
        if not folder:
            return None
        for name in (field_name, field_name.upper()):
            path = Path(folder) / name
            if path.is_file():
                return _content(path, field_name)
        return None


class SecretConflicts(PydanticBaseSettingsSource):
    """Precedes the environment, to refuse secrets that are set both ways."""

    def __init__(self, settings_cls: type[BaseSettings], files: SecretFiles) -> None:
        super().__init__(settings_cls)
        self._files = files

    def __call__(self) -> dict[str, Any]:
        return self._files.conflicts()

    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002 - the library names the parameters
        field_name: str,
    ) -> tuple[Unusable | None, str, bool]:
        return self._files.conflicts().get(field_name), field_name, False


def _content(path: Path, field_name: str) -> str | Unusable:
    try:
        # Editors and `echo` append a line break, which belongs to no secret.
        return path.expanduser().read_text("utf-8").strip()
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        reason = "it isn't UTF-8 text"
    return Unusable(
        f"can't be read from its file, see {field_name.upper()}{FILE_SUFFIX} ({reason})"
    )
