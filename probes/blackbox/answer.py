"""What /probe says: success or not, and blackbox_exporter's metrics, as Prometheus scrapes them."""

from dataclasses import dataclass, field

from probes.base import Metric, Sample
from probes.net.certificate import Certificate, TlsFacts
from probes.net.reach import address_samples

#: Every metric of the answers, by name.
METRICS = {
    metric.name: metric
    for metric in (
        Metric("probe_success", "gauge", "Displays whether or not the probe was a success"),
        Metric("probe_duration_seconds", "gauge", "Returns how long the probe took to complete in seconds"),
        Metric("probe_dns_lookup_time_seconds", "gauge", "Returns the time taken for probe dns lookup in seconds"),
        Metric("probe_ip_protocol", "gauge", "Specifies whether probe ip protocol is IP4 or IP6"),
        Metric("probe_ip_addr_hash", "gauge", "Specifies the hash of IP address, to see when it changes"),
        Metric("probe_failed_due_to_regex", "gauge", "Indicates if probe failed due to regex"),
        Metric("probe_http_status_code", "gauge", "Response HTTP status code"),
        Metric("probe_http_content_length", "gauge", "Length of http content response"),
        Metric("probe_http_uncompressed_body_length", "gauge", "Length of uncompressed response body"),
        Metric("probe_http_redirects", "gauge", "The number of redirects"),
        Metric("probe_http_ssl", "gauge", "Indicates if SSL was used for the final redirect"),
        Metric("probe_http_version", "gauge", "Returns the version of HTTP of the probe response"),
        Metric("probe_http_duration_seconds", "gauge", "Duration of http request by phase, over all redirects"),
        Metric("probe_http_last_modified_timestamp_seconds", "gauge", "The Last-Modified header in unixtime"),
        Metric("probe_ssl_earliest_cert_expiry", "gauge", "Returns earliest SSL cert expiry in unixtime"),
        Metric("probe_ssl_last_chain_expiry_timestamp_seconds", "gauge", "Returns last SSL chain expiry in unixtime"),
        Metric("probe_ssl_last_chain_info", "gauge", "Contains SSL leaf certificate information"),
        Metric("probe_tls_version_info", "gauge", "Contains the TLS version used"),
        Metric("probe_dns_duration_seconds", "gauge", "Duration of DNS request by phase"),
        Metric("probe_dns_answer_rrs", "gauge", "Returns number of entries in the answer resource record list"),
        Metric("probe_dns_authority_rrs", "gauge", "Returns number of entries in the authority resource record list"),
        Metric("probe_dns_additional_rrs", "gauge", "Returns number of entries in the additional resource record list"),
        Metric("probe_dns_query_succeeded", "gauge", "Displays whether or not the query was executed successfully"),
        Metric("probe_dns_serial", "gauge", "Returns the serial number of the zone"),
        Metric("probe_grpc_duration_seconds", "gauge", "Duration of gRPC request by phase"),
        Metric("probe_grpc_ssl", "gauge", "Indicates if SSL was used for the connection"),
        Metric("probe_grpc_status_code", "gauge", "Response gRPC status code"),
        Metric("probe_grpc_healthcheck_response", "gauge", "Response HealthCheck response"),
        Metric("probe_icmp_duration_seconds", "gauge", "Duration of icmp request by phase"),
        Metric("probe_icmp_reply_hop_limit", "gauge", "Replied packet hop limit (TTL for ipv4)"),
    )
}
#: What Go's zero time is in Unix seconds: said where no chain was verified.
_NEVER = -62135596800.0
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(slots=True)
class Answer:
    """One probe's outcome; `reason` says why it failed, and must show nothing of `secrets`."""

    success: bool = False
    reason: str = ""
    samples: list[Sample] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, **labels: str) -> None:
        """One more sample."""
        self.samples.append(Sample(name, value, tuple(labels.items())))

    def reached(self, ip: str, seconds: float) -> None:
        """How the target was reached; zeros when it was not, as blackbox_exporter has it."""
        self.add("probe_dns_lookup_time_seconds", seconds)
        if ip:
            self.samples += address_samples(ip)
        else:
            self.add("probe_ip_protocol", 0)
            self.add("probe_ip_addr_hash", 0)

    def certificates(self, facts: TlsFacts) -> None:
        """What the handshake showed."""
        leaf = facts.chain[0] if facts.chain else None
        if leaf is None or facts.earliest_expiry is None:
            return
        self.add("probe_ssl_earliest_cert_expiry", facts.earliest_expiry)
        expiry = min((certificate.not_after for certificate in facts.verified), default=_NEVER)
        self.add("probe_ssl_last_chain_expiry_timestamp_seconds", expiry)
        self.leaf(leaf, facts.version)

    def leaf(self, leaf: Certificate, version: str) -> None:
        """The server's own certificate, and the version of TLS."""
        self.add(
            "probe_ssl_last_chain_info",
            1,
            fingerprint_sha256=leaf.fingerprint,
            issuer=leaf.issuer,
            subject=leaf.subject,
            subjectalternative=",".join(name for name in leaf.names if name in leaf.dns_names),
        )
        self.add("probe_tls_version_info", 1, version=version)

    def text(self, seconds: float) -> str:
        """The page in Prometheus' text format. `seconds` is how long the probe took."""
        samples = [
            *self.samples,
            Sample("probe_success", float(self.success)),
            Sample("probe_duration_seconds", seconds),
        ]
        lines: list[str] = []
        for name in sorted({sample.name for sample in samples}):
            lines += (f"# HELP {name} {METRICS[name].help}", f"# TYPE {name} {METRICS[name].type}")
            lines += sorted(_line(sample) for sample in samples if sample.name == name)
        return "\n".join(lines) + "\n"


def _line(sample: Sample) -> str:
    labels = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in sample.labels)
    return f"{sample.name}{{{labels}}} {sample.value!r}" if labels else f"{sample.name} {sample.value!r}"
