"""Probes look, and know nobody: one file per kind, its settings and its `check()` side by side."""

from probes.registry import Registry

#: Every built-in kind of probe. To add one: one file, one line here, one example in config.example.yaml, one test file.
KINDS = Registry(
    "shopwatch.probes",
    {
        "host": "probes.host:HostProbe",
        "http": "probes.http:HttpProbe",
        "tcp": "probes.tcp:TcpProbe",
        "tls": "probes.tls:TlsProbe",
        "dns": "probes.dns:DnsProbe",
        "icmp": "probes.icmp:IcmpProbe",
        "heartbeat": "probes.heartbeat:HeartbeatProbe",
        "journey": "probes.journey:JourneyProbe",
        "redis": "probes.redis:RedisProbe",
        "scrape": "probes.scrape:ScrapeProbe",
        "amqp": "probes.amqp:AmqpProbe",
        "smtp": "probes.smtp:SmtpProbe",
        "sql": "probes.sql:SqlProbe",
        "websocket": "probes.websocket:WebsocketProbe",
        "domain": "probes.domain:DomainProbe",
        "clock": "probes.clock:ClockProbe",
    },
)
