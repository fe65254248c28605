"""What the config says of /probe: which modules there are, and where they may look."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from probes.blackbox.guard import Guard
from probes.blackbox.modules import Module, load_modules
from probes.settings import Settings
from probes.yamlfile import YamlInvalid

#: The modules when no file is named: those of blackbox_exporter's own example that need no settings.
_USUAL = """
modules:
  http_2xx: {prober: http}
  http_post_2xx: {prober: http, http: {method: POST}}
  tcp_connect: {prober: tcp}
  icmp: {prober: icmp}
"""


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


class BlackboxSettings(Settings):
    """`modules` is a blackbox.yml; `allow` lists networks (10.0.0.0/8), addresses and names (*.shop.example).

    Without `allow` everything may be probed but this machine itself, link-local, multicast and metadata addresses.
    """

    modules: Path | None = Field(default=None, description="A blackbox.yml; by default http_2xx, tcp_connect, icmp …")
    allow: Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])] = Field(
        default=(), description="Networks, addresses and names that may be probed."
    )
    _text: str = PrivateAttr(default=_USUAL)
    _modules: dict[str, Module] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _read(self) -> "BlackboxSettings":
        try:
            Guard(self.allow)
        except ValueError as error:
            raise ValueError(f"allow: {error}") from None
        if self.modules is not None:
            try:
                self._text = self.modules.read_text()
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"cannot read {self.modules}: {error}") from None
        try:
            self._modules = load_modules(self._text, str(self.modules or "the usual modules"))
        except YamlInvalid as invalid:
            raise ValueError("; ".join(map(str, invalid.problems))) from None
        return self

    @property
    def names(self) -> list[str]:
        """The modules that `?module=` may name."""
        return sorted(self._modules)

    @property
    def text(self) -> str:
        """The modules as they were read."""
        return self._text

    def module(self, name: str) -> Module | None:
        """The module of this name."""
        return self._modules.get(name)
