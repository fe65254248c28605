"""A text of the config that was written with `${VAR}`: it works as its value, and is shown only as it was written."""

from typing import Any


class Interpolated(str):
    """The value, variables filled in; `source` is the text as written, such as `https://me:${PASSWORD}@shop.example/`."""

    source: str

    def __new__(cls, value: str, source: str) -> "Interpolated":  # noqa: D102 - described by its class
        self = super().__new__(cls, value)
        self.source = source
        return self

    def __repr__(self) -> str:
        return repr(self.source)

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # str's own takes one argument, ours two
        return str.__str__(self), self.source


def holds_interpolated(value: Any) -> bool:
    """Whether a variable was filled in anywhere in this value."""
    if isinstance(value, dict):
        return any(map(holds_interpolated, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_interpolated, value))
    return isinstance(value, Interpolated)


def as_written(value: Any) -> Any:
    """The same value with every text as it was written in the config, `${VAR}` not filled in."""
    if isinstance(value, dict):
        return {key: as_written(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_written(item) for item in value]
    return value.source if isinstance(value, Interpolated) else value
