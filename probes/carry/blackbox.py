"""blackbox.yml, with the prometheus.yml that says which targets its modules look at."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from probes.blackbox.modules import DnsModule, HttpModule, IcmpModule, Module, Reach, TcpModule, TlsConfig, load_modules
from probes.blackbox.target import credentials_of
from probes.carry import Carried, Words
from probes.settings import Secret
from probes.units import format_duration
from probes.yamlfile import Node, load, plain

_PLACEHOLDER = {
    "http": "https://shop.example/",
    "tcp": "shop.example:443",
    "dns": "192.0.2.53",
    "icmp": "shop.example",
    "grpc": "shop.example:443",
}
_ANYTHING = (".*", ".+", "", "^.*$")
_PLAIN = re.compile(r"[\w /;:=.,-]+")


class Target(NamedTuple):
    """What a scrape config has a module look at."""

    job: str
    module: str
    target: str
    every: str | None
    labels: dict[str, str]


def carry(modules: str, file: str, prometheus: str | None = None, prometheus_file: str = "prometheus.yml") -> Carried:
    """The probes that these files amount to. Raises YamlInvalid for a file that is none."""
    known = load_modules(modules, file)
    carried = Carried()
    if prometheus is None:
        carried.lose(
            "targets", "a blackbox.yml has none; give the prometheus.yml too, or write them in place of shop.example"
        )
        targets = [Target(name, name, _PLACEHOLDER[module.prober], None, {}) for name, module in known.items()]
    else:
        targets = list(_targets(load(prometheus, prometheus_file), carried))
    for target in targets:
        if target.module not in known:
            carried.lose(f"job {target.job}", f"its module {target.module!r} is not in {file}")
            continue
        _carry(carried, known[target.module], target, alone=prometheus is None)
    return carried


def _targets(root: Node, carried: Carried) -> Iterator[Target]:
    jobs: list[Words] = (plain(root) or {}).get("scrape_configs") or []
    for words in jobs:
        job, parameters = str(words.get("job_name", "job")), words.get("params") or {}
        if not str(words.get("metrics_path", "")).endswith("/probe"):
            continue
        if any(key.endswith("_sd_configs") for key in words):
            carried.lose(f"job {job}", "its targets come from service discovery; list them as probes")
        for group in words.get("static_configs") or ():
            for target in group.get("targets") or ():
                module = str((parameters.get("module") or ["http_2xx"])[0])
                labels = {str(key): str(value) for key, value in (group.get("labels") or {}).items()}
                yield Target(job, module, str(target), words.get("scrape_interval"), labels)


def _carry(carried: Carried, module: Module, target: Target, *, alone: bool) -> None:
    name = target.module if alone else f"{target.job} {target.target}"
    what = f"module {target.module}"
    common: Words = {
        "every": target.every,
        "timeout": format_duration(module.timeout) if module.timeout else None,
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
    follow = module.follow_redirects and not module.no_follow_redirects
    return {
        "method": module.method if module.method != "GET" else None,
        "headers": module.headers,
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
    variable = re.sub(r"\W", "_", f"{what.partition(' ')[2]}_{word}").upper()
    carried.lose(what, f"its {word}, which is a secret; set the variable {variable}, or write {word}_file")
    return {word: f"${{{variable}}}"}


def _tls(config: TlsConfig) -> Words:
    words: Words = {"ca": config.ca_file, "certificate": config.cert_file, "key": config.key_file}
    words |= {"name": config.server_name, "verify": False if config.insecure_skip_verify else None}
    version = f"1.{config.min_version[-1]}"
    words |= {"min_version": version if version != "1.2" else None}
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
    return {}


def _dns(carried: Carried, what: str, module: DnsModule) -> Words:
    codes, transport = list(module.valid_rcodes), "tls" if module.dns_over_tls else module.transport_protocol
    if len(codes) > 1:
        carried.lose(what, f"that any of {', '.join(codes)} is fine; `code` is one, and {codes[0]} is taken")
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
