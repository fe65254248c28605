"""blackbox.yml as it is: its modules, by its own names. What we cannot do is refused by name, not left out."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from probes.net.address import Url, ascii_host
from probes.net.auth import AuthSettings, Basic, OAuth2
from probes.net.decode import can_unpack
from probes.net.proxy import ProxySettings
from probes.net.source import Source
from probes.net.tls import TlsSettings
from probes.pattern import Regex
from probes.settings import Secret, Settings
from probes.units import Interval, Size
from probes.yamlfile import Node, Problem, YamlInvalid, load, plain

#: The timeout of a module that names none, in seconds, as blackbox_exporter has it.
DEFAULT_TIMEOUT = 120.0
_TLS_VERSIONS = {"TLS10": "1.0", "TLS11": "1.1", "TLS12": "1.2", "TLS13": "1.3"}
_METHODS = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class TlsConfig(Settings):
    """Prometheus' tls_config."""

    insecure_skip_verify: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    min_version: Literal["TLS10", "TLS11", "TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS10", "TLS11", "TLS12", "TLS13"] | None = None

    def settings(self, name: str | None = None) -> TlsSettings:
        """The same in our words; `name` is checked where no server_name is set."""
        return TlsSettings.model_validate(
            {
                "ca": self.ca_file,
                "certificate": self.cert_file,
                "key": self.key_file,
                "name": self.server_name or name,
                "verify": not self.insecure_skip_verify,
                "min_version": _TLS_VERSIONS[self.min_version],
                "max_version": _TLS_VERSIONS.get(self.max_version or ""),
            }
        )


class Reach(Settings):
    """Which address of a target is used, and which of ours it is reached from.

    blackbox_exporter 0.23 knows no source_ip_address for http and grpc; here it means the same everywhere.
    """

    preferred_ip_protocol: Literal["ip4", "ip6"] = "ip6"
    ip_protocol_fallback: bool = True
    source_ip_address: Source = ""


class HeaderMatch(Settings):
    """One pattern over one header."""

    header: str
    regexp: Regex
    allow_missing: bool = False


class BasicAuth(Settings):
    """Prometheus' basic_auth."""

    username: str = ""
    password: Secret | None = None


class AuthorizationConfig(Settings):
    """Prometheus' authorization."""

    type: str = "Bearer"
    credentials: Secret | None = None


class OAuth2Config(Settings):
    """Prometheus' oauth2, as far as it is RFC 6749, 4.4."""

    client_id: str
    client_secret: Secret
    token_url: Url
    scopes: tuple[str, ...] = ()
    endpoint_params: dict[str, str] = Field(default_factory=dict)


def _can_unpack(compression: str) -> str:
    if compression == "br" and not can_unpack("br"):
        raise ValueError("br needs the Python package brotli, which is not installed (pip install brotli)")
    return compression


class HttpModule(Reach):
    """Section `http`."""

    valid_status_codes: tuple[int, ...] = ()
    valid_http_versions: tuple[str, ...] = ()
    method: _METHODS = "GET"
    headers: dict[str, str] = Field(default_factory=dict)
    body: str = ""
    body_size_limit: Size = 0
    compression: Annotated[Literal["", "gzip", "deflate", "br", "identity"], AfterValidator(_can_unpack)] = ""
    follow_redirects: bool = True
    no_follow_redirects: bool = False
    enable_http2: bool = True
    fail_if_ssl: bool = False
    fail_if_not_ssl: bool = False
    fail_if_body_matches_regexp: tuple[Regex, ...] = ()
    fail_if_body_not_matches_regexp: tuple[Regex, ...] = ()
    fail_if_header_matches: tuple[HeaderMatch, ...] = ()
    fail_if_header_not_matches: tuple[HeaderMatch, ...] = ()
    basic_auth: BasicAuth | None = None
    bearer_token: Secret | None = None
    authorization: AuthorizationConfig | None = None
    oauth2: OAuth2Config | None = None
    proxy_url: Url | None = None
    skip_resolve_phase_with_proxy: bool = False
    tls_config: TlsConfig = TlsConfig()

    @property
    def auth(self) -> AuthSettings | None:
        """How we say who we are, in our words."""
        if self.basic_auth:
            basic = Basic(user=self.basic_auth.username, password=self.basic_auth.password or Secret(""))
            return AuthSettings(basic=basic)
        if self.oauth2:
            words = self.oauth2
            scope = " ".join(words.scopes)
            secret = words.client_secret
            oauth2 = OAuth2(
                token_url=words.token_url,
                client_id=words.client_id,
                client_secret=secret,
                scope=scope,
                parameters=words.endpoint_params,
            )
            return AuthSettings(oauth2=oauth2)
        bearer = self.bearer_token or (self.authorization.credentials if self.authorization else None)
        return AuthSettings(bearer=bearer) if bearer else None

    @property
    def proxy(self) -> ProxySettings | None:
        """The proxy in our words."""
        return ProxySettings(url=self.proxy_url) if self.proxy_url else None

    @model_validator(mode="after")
    def _bearer_only(self) -> "HttpModule":
        if self.authorization and self.authorization.type != "Bearer":
            raise ValueError(f"authorization of type {self.authorization.type!r} is not supported, only Bearer")
        return self


class QueryResponse(Settings):
    """One turn of a tcp dialogue; like blackbox_exporter, all of its words are taken in the order expect, send, TLS."""

    expect: Regex | None = None
    send: str | None = None
    starttls: bool = False


class TcpModule(Reach):
    """Section `tcp`."""

    query_response: tuple[QueryResponse, ...] = ()
    tls: bool = False
    tls_config: TlsConfig = TlsConfig()


class RecordMatch(Settings):
    """Patterns over the records of one section of a DNS answer."""

    fail_if_matches_regexp: tuple[Regex, ...] = ()
    fail_if_all_match_regexp: tuple[Regex, ...] = ()
    fail_if_not_matches_regexp: tuple[Regex, ...] = ()
    fail_if_none_matches_regexp: tuple[Regex, ...] = ()


class DnsModule(Reach):
    """Section `dns`."""

    query_name: str
    query_type: str = "ANY"
    query_class: Literal["IN", "CH", "HS"] = "IN"
    transport_protocol: Literal["udp", "tcp"] = "udp"
    dns_over_tls: bool = False
    tls_config: TlsConfig = TlsConfig()
    recursion_desired: bool = True
    valid_rcodes: tuple[str, ...] = ()
    validate_answer_rrs: RecordMatch = RecordMatch()
    validate_authority_rrs: RecordMatch = RecordMatch()
    validate_additional_rrs: RecordMatch = RecordMatch()

    @model_validator(mode="after")
    def _tls_needs_tcp(self) -> "DnsModule":
        if self.dns_over_tls and self.transport_protocol != "tcp":
            raise ValueError("dns_over_tls needs transport_protocol: tcp; by udp it never succeeds")
        return self


class GrpcModule(Reach):
    """Section `grpc`."""

    service: str = ""
    tls: bool = False
    tls_config: TlsConfig = TlsConfig()


class IcmpModule(Reach):
    """Section `icmp`."""

    payload_size: Annotated[int, Field(ge=0, le=65000)] = 0
    ttl: Annotated[int, Field(ge=0, le=255)] = 0
    dont_fragment: bool = False


def _seconds(value: Any) -> Any:
    """A timeout of 0 means none given."""
    return None if value in ("0", "0s", 0) else value


class Module(Settings):
    """One module: exactly what `?module=` names."""

    prober: Literal["http", "tcp", "dns", "icmp", "grpc"]
    timeout: Annotated[Interval | None, BeforeValidator(_seconds)] = None
    http: HttpModule = HttpModule()
    tcp: TcpModule = TcpModule()
    dns: DnsModule | None = None
    icmp: IcmpModule = IcmpModule()
    grpc: GrpcModule = GrpcModule()

    def for_host(self, hostname: str) -> "Module":
        """The same module for `?hostname=`: the site that is meant, where the target is but an address of it.

        Raises ValueError when it is no host's name.
        """
        if not hostname or self.prober != "http":
            return self
        hostname = ascii_host(hostname)
        headers = {name: value for name, value in self.http.headers.items() if name.lower() != "host"}
        http = self.http.model_copy(update={"headers": headers | {"Host": hostname}})
        return self.model_copy(update={"http": http})

    @model_validator(mode="after")
    def _dns_asks_something(self) -> "Module":
        if self.prober == "dns" and self.dns is None:
            raise ValueError("a module of the prober dns needs dns: {query_name: …}")
        return self


class _File(Settings):
    modules: dict[str, Module]


def load_modules(text: str, file: str) -> dict[str, Module]:
    """The modules of a blackbox.yml. Raises YamlInvalid with every problem, each at its place."""
    root = load(text, file)
    try:
        return _File.model_validate(plain(root)).modules
    except ValidationError as invalid:
        raise YamlInvalid([_problem(root, dict(error)) for error in invalid.errors(include_url=False)]) from None


def _problem(root: Node, error: dict[str, Any]) -> Problem:
    *above, last = error["loc"] or ("",)
    path = ".".join(str(key) for key in error["loc"])
    if error["type"] == "extra_forbidden":
        return Problem.at(root.walk(above)[0].key_place(str(last)), f"{path} is not supported")
    message = error["msg"].removeprefix("Value error, ")
    return Problem.at(root.walk(error["loc"])[0].place, f"{path}: {message}")
