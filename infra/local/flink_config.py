"""Flink's configuration for one stack, written from the template, and the JVM flags it implies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml

from infra.local.cluster import Cluster
from infra.local.layout import Layout
from infra.local.preflight import check_execution_mode

TEMPLATE = Path(__file__).resolve().parents[1] / "flink" / "config.yaml.template"

LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1} %m%n%ex
# Chatty libraries.
logger.zookeeper.name = org.apache.flink.shaded.zookeeper3
logger.zookeeper.level = WARN
logger.curator.name = org.apache.flink.shaded.curator5
logger.curator.level = WARN
logger.kafka.name = org.apache.flink.kafka.shaded
logger.kafka.level = WARN
logger.pekko.name = org.apache.pekko
logger.pekko.level = WARN
"""


def render(layout: Layout, cluster: Cluster, ports: Mapping[str, int]) -> str:
    """The template's text for this cluster's folders and ports."""
    values: dict[str, object] = dict(ports)
    for name in ("flink", "jobmanager", "prometheus_jobmanager"):
        values[name] = ports[cluster.port(name)]
    values["python"] = layout.python
    values["data"] = cluster.data(layout)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(values)


def write_config(layout: Layout, cluster: Cluster, ports: Mapping[str, int]) -> dict[str, Any]:
    """Writes config.yaml and the log settings; returns the settings. Raises Refused."""
    text = render(layout, cluster, ports)
    settings: dict[str, Any] = {**yaml.safe_load(text), **cluster.changes}
    check_execution_mode(settings)
    wheel = yaml.safe_load((layout.flink_home / "conf" / "config.yaml").read_text(encoding="utf-8"))
    opens = str(wheel["env"]["java"]["opts"]["all"])
    if cluster.changes:
        # A key may stand in the file once, so what differs replaces the template's text.
        text = yaml.safe_dump(settings, sort_keys=False)
    (cluster.conf(layout) / "config.yaml").write_text(
        f"{text}\n# Reflection that Java closed by default, as the distribution lists it.\n"
        f"env.java.opts.all: {opens}\n",
        encoding="utf-8",
    )
    (layout.conf / "flink-log4j.properties").write_text(LOG4J, encoding="utf-8")
    return {**settings, "env.java.opts.all": opens}


def mib(size: str) -> int:
    """A size such as `384m` in MiB. Raises ValueError for any other unit."""
    match = re.fullmatch(r"(\d+)m", size)
    if match is None:
        raise ValueError(f"{size!r}: write sizes in the Flink template as whole MiB, like 384m")
    return int(match.group(1))


def taskmanager_flags(settings: Mapping[str, Any]) -> list[str]:
    """JVM flags that make the heap and direct memory what the settings say."""
    memory = "taskmanager.memory"
    heap = mib(settings[f"{memory}.framework.heap.size"]) + mib(
        settings[f"{memory}.task.heap.size"]
    )
    direct = sum(
        mib(settings[f"{memory}.{part}"])
        for part in ("framework.off-heap.size", "task.off-heap.size", "network.max")
    )
    return [
        f"-Xmx{heap}m",
        f"-Xms{heap // 2}m",
        f"-XX:MaxDirectMemorySize={direct}m",
        f"-XX:MaxMetaspaceSize={settings[f'{memory}.jvm-metaspace.size']}",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=10",
    ]


def jobmanager_flags(settings: Mapping[str, Any]) -> list[str]:
    """JVM flags of the JobManager."""
    memory = "jobmanager.memory"
    return [
        f"-Xmx{settings[f'{memory}.heap.size']}",
        "-Xms128m",
        f"-XX:MaxMetaspaceSize={settings[f'{memory}.jvm-metaspace.size']}",
        "-XX:+UseSerialGC",
        # It coordinates, it does not compute: the quick compiler saves seconds at each start.
        "-XX:TieredStopAtLevel=1",
    ]
