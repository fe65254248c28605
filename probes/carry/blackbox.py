"""blackbox.yml, with the prometheus.yml that says which targets its modules look at."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from probes.blackbox.modules import DnsModule, HttpModule, IcmpModule, Module, Reach, TcpModule, TlsConfig, load_modules
from probes.blackbox.target import credentials_of
from probes.carry import Carried, Words
from probes.carry.credentials import headers_without_credentials, variable_of
from probes.settings import Secret
from probes.units import format_duration, parse_duration
from probes.yamlfile import Node, Problem, YamlInvalid, load, plain

_PLACEHOLDER = {
    "http": "https://shop.example/",
    "tcp": "shop.example:443",
    "dns": "192.0.2.53",
    "icmp": "shop.example",
    "grpc": "shop.example:443",
}
_OFFSET = 0.5
_SMALLEST_PING = 8
_ANYTHING = (".*", ".+", "", "^.*$")
_PLAIN = re.compile(r"[\w /;:=.,-]+")


class Schedule(NamedTuple):
    """How often a job is scraped and how long that may take, in seconds."""

    every: float = 60.0
    timeout: float = 10.0


class Target(NamedTuple):
    """What a scrape config has a module look at."""

    job: str
    module: str
    target: str
    schedule: Schedule
    labels: dict[str, str]


def carry(modules: str, file: str, prometheus: str | None = None, prometheus_file: str = "prometheus.yml") -> Carried:
    """The probes that these files amount to. Raises YamlInvalid for a file that is none."""
    known = load_modules(modules, file)
    carried = Carried()
    if prometheus is None:
        carried.lose(
            "targets", "a blackbox.yml has none; give the prometheus.yml too, or write them in place of shop.example"
        )
        targets = [Target(name, name, _PLACEHOLDER[module.prober], Schedule(), {}) for name, module in known.items()]
    else:
        targets = list(_targets(load(prometheus, prometheus_file, scalars="text"), carried))
    for target in targets:
        if target.module not in known:
            carried.lose(f"job {target.job}", f"its module {target.module!r} is not in {file}")
            continue
        _carry(carried, known[target.module], target, alone=prometheus is None)
    return carried


def _targets(root: Node, carried: Carried) -> Iterator[Target]:
    usual = _schedule(root.step("global"), Schedule())
    for node in _items(root, "scrape_configs"):
        name, path = node.step("job_name"), node.step("metrics_path")
        if path is None or not str(path.value).endswith("/probe"):
            continue
        job = str(name.value) if name else "job"
        if any(key.endswith("_sd_configs") for key in node.mapping):
            carried.lose(f"job {job}", "its targets come from service discovery; list them as probes")
        parameters = node.step("params")
        for parameter in sorted(set(parameters.mapping if parameters else ()) - {"module"}):
            carried.lose(f"job {job}", f"its params.{parameter}, for which a probe has no word of that name")
        modules = _items(parameters, "module")
        usual_module, schedule = str(modules[0].value) if modules else "http_2xx", _schedule(node, usual)
        for group in _items(node, "static_configs"):
            written = group.step("labels")
            labels = {key: str(plain(value)) for key, value in (written.mapping if written else {}).items()}
            module = labels.pop("__param_module", usual_module)
            for label in [label for label in labels if label.startswith("__")]:
                carried.lose(f"job {job}", f"{label}: {labels.pop(label)}; it is no label of a probe")
            for target in _items(group, "targets"):
                yield Target(job, module, str(target.value), schedule, labels)


def _items(node: Node | None, word: str) -> list[Node]:
    listed = node.step(word) if node else None
    return listed.items if listed else []


def _schedule(node: Node | None, usual: Schedule) -> Schedule:
    """As Prometheus has it: what is not given is inherited, and a timeout that was not given ends with the interval.

    Raises YamlInvalid.
    """
    every = _duration(node, "scrape_interval") or usual.every
    return Schedule(every, _duration(node, "scrape_timeout") or min(usual.timeout, every))


def _duration(node: Node | None, word: str) -> float | None:
    written = node.step(word) if node else None
    if written is None or written.value is None:
        return None
    try:
        return parse_duration(written.value)
    except ValueError as error:
        raise YamlInvalid([Problem.at(written.place, f"{word}: {error}")]) from None


def _timeout(module: Module, schedule: Schedule) -> float:
    """As blackbox_exporter has it: half a second less than Prometheus waits, or the module's own if that is shorter."""
    offered = schedule.timeout - _OFFSET if schedule.timeout > _OFFSET else schedule.timeout
    return min(module.timeout or offered, offered)


def _carry(carried: Carried, module: Module, target: Target, *, alone: bool) -> None:
    name = target.module if alone else f"{target.job} {target.target}"
    what = f"module {target.module}"
    common: Words = {
        "every": format_duration(target.schedule.every),
        "timeout": format_duration(_timeout(module, target.schedule)),
        "labels": target.labels,
    }
    if module.prober == "http":
        credentials, url = credentials_of(target.target)
        words = {"type": "http", "url": url, **_http(carried, what, module.http), **_reach(module.http)}
        if credentials:
            user, password = credentials
            name = f"{target.job} {url}"
            secret = _secret(carried, f"job {target.job}", "password", Secret(password))
            words["auth"] = {"basic": {"user": user, **secret}}
    elif module.prober == "tcp":
        words = {"type": "tcp", "address": target.target, **_tcp(module.tcp), **_reach(module.tcp)}
    elif module.prober == "grpc":
        carried.lose(
            what, f"that {target.target} is asked for its health by gRPC; scrape /probe for it, or look by tcp"
        )
        return
    elif module.prober == "icmp":
        words = {"type": "icmp", "host": target.target, **_icmp(carried, what, module.icmp), **_reach(module.icmp)}
    else:
        assert module.dns
        words = {"type": "dns", "server": target.target, **_dns(carried, what, module.dns), **_reach(module.dns)}
    carried.add(name, {"type": words.pop("type"), **words, **common})


def _reach(reach: Reach) -> Words:
    """Preferring one is what `any` does anyway; without the other as a fallback it is a demand."""
    source = {"source": reach.source_ip_address} if reach.source_ip_address else {}
    return source | ({} if reach.ip_protocol_fallback else {"ip": int(reach.preferred_ip_protocol[-1])})


def _http(carried: Carried, what: str, module: HttpModule) -> Words:
    expect: Words = {"status": list(module.valid_status_codes) or None}
    expect["regex"] = list(module.fail_if_body_not_matches_regexp)
    expect["absent_regex"] = list(module.fail_if_body_matches_regexp)
    headers: Words = {}
    for match in module.fail_if_header_not_matches:
        if _PLAIN.fullmatch(match.regexp.strip("^$")) and not match.allow_missing:
            headers[match.header] = match.regexp.strip("^$")
        else:
            carried.lose(what, f"the pattern {match.regexp!r} over {match.header}; `headers` knows plain text only")
    for match in module.fail_if_header_matches:
        if match.allow_missing and match.regexp in _ANYTHING:
            headers[match.header] = None  # it must be absent
            continue
        carried.lose(
            what, f"that {match.header} must not match {match.regexp!r}; `headers` knows only that one is absent"
        )
    expect["headers"] = headers
    versions = [version.removeprefix("HTTP/").removesuffix(".0") for version in module.valid_http_versions]
    if len(versions) == 1:
        expect["http"] = "1.0" if versions[0] == "1" else versions[0]
    elif versions:
        carried.lose(what, f"that any of {', '.join(module.valid_http_versions)} is fine; `http` is one version")
    if module.fail_if_not_ssl:
        expect["tls"] = "1.2"
    if module.fail_if_ssl:
        carried.lose(what, "fail_if_ssl; write where the redirects must end, as `url`")
    if module.compression:
        carried.lose(what, f"compression: {module.compression}; a probe takes what it can unpack")
    follow = module.follow_redirects and not module.no_follow_redirects
    return {
        "method": module.method if module.method != "GET" else None,
        "headers": headers_without_credentials(carried, what, what.partition(" ")[2], module.headers),
        "body": module.body or None,
        "redirects": None if follow else 0,
        "http2": module.enable_http2 or None,
        "max_body": f"{module.body_size_limit}B" if module.body_size_limit else None,
        "auth": _auth(carried, what, module),
        "proxy": {"url": str(module.proxy_url)} if module.proxy_url else None,
        "tls": _tls(module.tls_config),
        "expect": {word: value for word, value in expect.items() if value not in (None, [], {})},
    }


def _auth(carried: Carried, what: str, module: HttpModule) -> Words:
    auth = module.auth
    if auth is None:
        return {}
    if auth.basic:
        return {"basic": {"user": auth.basic.user, **_secret(carried, what, "password", auth.basic.password)}}
    if auth.bearer:
        return _secret(carried, what, "bearer", auth.bearer)
    assert auth.oauth2
    words: Words = {"token_url": str(auth.oauth2.token_url), "client_id": auth.oauth2.client_id}
    words |= _secret(carried, what, "client_secret", auth.oauth2.client_secret)
    more: Words = {"scope": auth.oauth2.scope, "parameters": auth.oauth2.parameters}
    return {"oauth2": words | {word: value for word, value in more.items() if value}}


def _secret(carried: Carried, what: str, word: str, secret: Secret) -> Words:
    """A secret in a file stays there; one that stands in the config is not copied about, and gets a variable."""
    if secret.file:
        return {f"{word}_file": str(secret.file)}
    variable = variable_of(what.partition(" ")[2], word)
    carried.lose(what, f"its {word}, which is a secret; set the variable {variable}, or write {word}_file")
    return {word: f"${{{variable}}}"}


def _tls(config: TlsConfig) -> Words:
    words: Words = {"ca": config.ca_file, "certificate": config.cert_file, "key": config.key_file}
    words |= {"name": config.server_name, "verify": False if config.insecure_skip_verify else None}
    version = f"1.{config.min_version[-1]}"
    words |= {"min_version": version if version != "1.2" else None}
    words |= {"max_version": f"1.{config.max_version[-1]}" if config.max_version else None}
    return {word: value for word, value in words.items() if value is not None}


def _tcp(module: TcpModule) -> Words:
    dialogue: list[Words] = []
    for step in module.query_response:
        dialogue += [{"expect": step.expect}] if step.expect else []
        dialogue += [{"send": re.sub(r"\$\{(\d)\}", r"\\\1", step.send) + "\n"}] if step.send else []
        dialogue += [{"starttls": True}] if step.starttls else []
    tls: Any = _tls(module.tls_config) or (True if module.tls else None)
    return {
        "tls": tls if module.tls or any(step.starttls for step in module.query_response) else None,
        "dialogue": dialogue,
    }


def _icmp(carried: Carried, what: str, module: IcmpModule) -> Words:
    if module.ttl:
        carried.lose(what, f"ttl: {module.ttl}; our pings go as far as the kernel lets them")
    if module.dont_fragment:
        carried.lose(what, "dont_fragment, for which a probe has no word; scrape /probe for it")
    return {"size": max(module.payload_size, _SMALLEST_PING) if module.payload_size else None}


def _dns(carried: Carried, what: str, module: DnsModule) -> Words:
    codes, transport = list(module.valid_rcodes), "tls" if module.dns_over_tls else module.transport_protocol
    if len(codes) > 1:
        carried.lose(what, f"that any of {', '.join(codes)} is fine; `code` is one, and {codes[0]} is taken")
    if module.query_type == "ANY":
        carried.lose(what, "query_type: ANY, which name servers need not answer (RFC 8482); A is asked for")
    if module.query_class != "IN":
        carried.lose(what, f"query_class: {module.query_class}; a probe asks the internet's class only")
    for word in ("answer", "authority", "additional"):
        match = getattr(module, f"validate_{word}_rrs")
        if match.model_fields_set:
            carried.lose(what, f"validate_{word}_rrs; write the records that are wanted, as expect: {{records: …}}")
    return {
        "query": module.query_name,
        "record": module.query_type if module.query_type != "ANY" else None,
        "transport": transport if transport != "udp" else None,
        "tls": _tls(module.tls_config) if module.dns_over_tls else None,
        "recursion": None if module.recursion_desired else False,
        "expect": {"code": codes[0]} if codes else None,
    }
