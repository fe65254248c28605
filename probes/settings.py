"""What all settings share: they are frozen, know every key they accept, and keep secrets to themselves."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from probes.interpolated import as_written, holds_interpolated

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")


class SecretUnreadable(Exception):
    """A secret's file cannot be read; the message names the file, never the content."""


class Secret:
    """A value that is never shown: given in place (by `${VAR}`) or as a file, which is read again at each use."""

    __slots__ = ("_file", "_value")

    def __init__(self, value: str | None = None, file: Path | None = None) -> None:
        self._value = value
        self._file = file

    @property
    def file(self) -> Path | None:
        """Where the secret is kept, or None when it was given in place."""
        return self._file

    def read(self) -> str:
        """The secret itself, without the line end that editors add. Raises SecretUnreadable."""
        if self._file is None:
            return self._value or ""
        try:
            return self._file.read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise SecretUnreadable(f"cannot read the secret file {self._file}: {reason}") from None

    def __repr__(self) -> str:
        return f"Secret(file={str(self._file)!r})" if self._file else "Secret('…')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._value, self._file) == (other._value, other._file)

    def __hash__(self) -> int:
        return hash((self._value, self._file))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """YAML's text becomes a Secret; dumping one shows only that there is one."""
        from_text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text]),
            serialization=core_schema.plain_serializer_function_ser_schema(repr),
        )


def _mentions(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(_mentions(part, wanted) for part in get_args(annotation))


class Settings(BaseModel):
    """The base of every model in the config: frozen, and an unknown key is an error.

    A field annotated `Secret` (or `Secret | None`) named `token` is also read from a key `token_file`. Fields annotated
    `Path`, and secret files, are relative to the folder of the config file, given as the validation context `folder`.
    What was written with `${VAR}` is shown and dumped as it was written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)

    _written: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def secret_fields(cls) -> tuple[str, ...]:
        """The names of the fields that hold secrets."""
        return _fields_of(cls, Secret)

    @classmethod
    def path_fields(cls) -> tuple[str, ...]:
        """The keys of the fields that hold paths of files or folders."""
        return tuple(cls.model_fields[name].alias or name for name in _fields_of(cls, Path))

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Frozen as they are, settings can be shared: thousands of probes have the same defaults."""
        return self

    @model_validator(mode="before")
    @classmethod
    def _files_beside_the_config(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict):
            return data
        data = dict(data)
        folder = (info.context or {}).get("folder")
        for name in cls.path_fields():
            if name in data and folder is not None:
                data[name] = _inside(folder, data[name])
        for name in cls.secret_fields():
            if (path := data.pop(f"{name}_file", None)) is None:
                continue
            if name in data:
                raise ValueError(f"both {name} and {name}_file are given; keep one")
            if isinstance(path, str | Path):
                path = Secret(file=Path(folder or "", str(path)))
            data[name] = path
        return data

    @model_validator(mode="wrap")
    @classmethod
    def _remember_what_was_written(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        settings = handler(data)
        if isinstance(data, dict) and holds_interpolated(data):
            for name, field in cls.model_fields.items():
                value = data.get(field.alias or name, data.get(name))
                if name not in cls.secret_fields() and holds_interpolated(value):
                    settings._written[name] = as_written(value)
        _lean(settings)
        return settings

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """What an editor may offer: each secret also as `<name>_file`, one of the two where it must be given."""
        schema = handler.resolve_ref_schema(handler(core))
        properties, required = schema.get("properties", {}), schema.get("required", [])
        for name in cls.secret_fields():
            properties[f"{name}_file"] = {"type": "string", "description": f"A file that holds the {name}."}
            if name in required:
                required.remove(name)
                either = [{"required": [name]}, {"required": [f"{name}_file"]}]
                schema.setdefault("allOf", []).append({"oneOf": either})
        return schema

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, self._written.get(name or "", value)

    @model_serializer(mode="wrap")
    def _dump_what_was_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped: dict[str, Any] = handler(self)
        return dumped | {name: value for name, value in self._written.items() if name in dumped}


#: Sets of fields that were given, and what is remembered where nothing was written.
_given: dict[frozenset[str], set[str]] = {}
_nothing_written: dict[str, Any] = {"_written": {}}


def _lean(settings: BaseModel) -> None:
    """Let settings share which fields were given, and that nothing was written.

    Thousands of probes give the same fields, and frozen as they are, nobody adds to them: that is 1 kB of each.
    """
    given = settings.model_fields_set
    object.__setattr__(settings, "__pydantic_fields_set__", _given.setdefault(frozenset(given), given))
    if settings.__pydantic_private__ == _nothing_written:
        object.__setattr__(settings, "__pydantic_private__", _nothing_written)


@cache
def _fields_of(model: type[BaseModel], wanted: type) -> tuple[str, ...]:
    return tuple(name for name, field in model.model_fields.items() if _mentions(field.annotation, wanted))


def _inside(folder: Path, value: Any) -> Any:
    """The value with every relative path in it made absolute."""
    if isinstance(value, list | tuple):
        return [_inside(folder, item) for item in value]
    if isinstance(value, dict):
        return {key: _inside(folder, item) for key, item in value.items()}
    return Path(folder, str(value)) if isinstance(value, str) else value


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a name; use letters, digits, spaces, dots, dashes and underscores, 100 at most"
        )
    return name


#: The name of a thing in the config, unique among its kind.
Name = Annotated[str, AfterValidator(_check_name)]


def _without_empty(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if value}


#: Labels by name. An empty one is none, as in Prometheus: so a thing can do without a label of the defaults.
LabelsByName = Annotated[dict[str, str], AfterValidator(_without_empty)]
