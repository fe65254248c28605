"""How far a walk may go: looking, filling a cart, checking out, ordering."""

from enum import IntEnum
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema


class Level(IntEnum):
    """How far a walk may go; each level allows what the ones before it allow."""

    BROWSE = 0
    CART = 1
    CHECKOUT = 2
    SANDBOX_ORDER = 3

    @property
    def word(self) -> str:
        """As it is written in YAML."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read,
            json_schema_input_schema=core_schema.literal_schema([level.word for level in cls]),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda level: level.word),
        )

    @classmethod
    def _read(cls, value: Any) -> "Level":
        for level in cls:
            if value is level or value == level.word:
                return level
        raise PydanticKnownError("literal_error", {"expected": " or ".join(repr(level.word) for level in cls)})
