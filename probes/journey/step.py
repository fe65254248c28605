"""One step of a journey: the request it makes, what must come back, and what is taken from it for later steps."""

from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from probes.expect import Expect
from probes.journey.capture import Capture
from probes.journey.level import Level
from probes.journey.template import Template, compiled, names_in
from probes.net.auth import AuthSettings
from probes.pattern import Css
from probes.settings import Name, Settings

_FILLED_IN_EXPECT = ("text", "absent", "json_", "css", "headers", "location")
_VERBS = ("get", "post", "put", "delete", "submit")


def _check_header(name: str) -> str:
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"{name!r} is not a header name")
    return name


def _check_header_value(value: str) -> str:
    if any(char in value for char in "\r\n\0"):
        raise ValueError("a header holds no line break")
    return value


HeaderName = Annotated[str, AfterValidator(_check_header)]
HeaderValue = Annotated[str, AfterValidator(_check_header_value)]
Headers = dict[HeaderName, Template]
#: YAML values whose texts may hold `{{ }}`.
Filled = Annotated[Any, BeforeValidator(compiled)]
FormFields = Annotated[dict[str, Any], AfterValidator(compiled)]


class Request(Settings):
    """One request: exactly one of `get`, `post`, `put`, `delete` with a URL, or `submit` with the selector of a form
    on the page before, which is sent as the page says, hidden fields included. `form` gives (more) fields.

    `follow` walks along redirects; without it a redirect is an answer like any other. `idempotency` names a header
    that carries a key made for this run.
    """

    name: Name
    get: Template | None = None
    post: Template | None = None
    put: Template | None = None
    delete: Template | None = None
    submit: Css | None = None
    form: FormFields | None = None
    json_: Filled = Field(default=None, alias="json")
    body: Template | None = None
    headers: Headers = Field(default_factory=dict)
    auth: AuthSettings | None = None
    follow: bool = False
    idempotency: HeaderName | None = None
    expect: Expect = Expect()

    @model_validator(mode="after")
    def _one_request(self) -> "Request":
        verbs = [verb for verb in _VERBS if getattr(self, verb) is not None]
        if len(verbs) != 1:
            raise ValueError(f"a step makes one request; write exactly one of {', '.join(_VERBS)}")
        contents = [word for word in ("form", "json", "body") if getattr(self, "json_" if word == "json" else word)]
        if len(contents) > 1:
            raise ValueError(f"a request has one body; keep one of {', '.join(contents)}")
        if contents and verbs[0] == "get":
            raise ValueError(f"a get has no {contents[0]}; write it into the URL, or use post")
        if contents and verbs[0] == "submit" and contents != ["form"]:
            raise ValueError(f"submit sends a form; write form instead of {contents[0]}")
        if self.follow and self.expect.location:
            raise ValueError("expect.location looks at the redirect itself, which follow would walk past; keep one")
        return self

    @property
    def verb(self) -> str:
        """Which of the verbs is written."""
        return next(verb for verb in _VERBS if getattr(self, verb) is not None)

    @property
    def names(self) -> frozenset[str]:
        """Every name that the step's texts want."""
        own = (self.get, self.post, self.put, self.delete, self.form, self.json_, self.body, self.headers)
        return names_in(own) | names_in(self.texts_of_expect)

    @cached_property
    def texts_of_expect(self) -> dict[str, Any]:
        """The words of `expect` whose texts may hold `{{ }}`, as templates."""
        return {word: compiled(getattr(self.expect, word)) for word in _FILLED_IN_EXPECT}

    @model_validator(mode="after")
    def _templates_in_expect(self) -> "Request":
        self.texts_of_expect  # noqa: B018 - a text in expect that is no template is told now, not at night
        return self


class Step(Request):
    """One step of the walk. `level` says how far along it is; a journey refuses steps beyond its own level."""

    capture: dict[str, Capture] = Field(default_factory=dict)
    level: Level | None = None

    @property
    def reaches(self) -> Level:
        """How far this step goes: as it says itself; else a get browses, an idempotent request orders, and any other
        fills the cart.
        """
        if self.level is not None:
            return self.level
        if self.verb == "get":
            return Level.BROWSE
        return Level.SANDBOX_ORDER if self.idempotency else Level.CART


class Cleanup(Request):
    """One request that tidies up; with `when` only if that name was captured."""

    when: str | None = None
