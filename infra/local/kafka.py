"""One Kafka broker that is its own controller (KRaft), on loopback."""

from __future__ import annotations

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.local.layout import Layout
from infra.local.probe import accepts
from infra.local.process import Spec
from infra.local.service import Service, base_env

HEAP_MIB = 384
NAME = "kafka"

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
# Topics come from topics.yaml only: a misspelt name must be an error, not a new topic.
auto.create.topics.enable=false
num.partitions=1
# One broker holds the only copy of everything.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A consumer group of one member has nobody to wait for.
group.initial.rebalance.delay.ms=0
# Threads for two cores: each hand-over between more of them is a context switch.
num.network.threads=1
num.io.threads=2
# One record from the far future would push the watermark ahead and fire every timer.
log.message.timestamp.after.max.ms=3600000
"""

LOG4J = """\
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{2} %m%n
logger.kafka.name = kafka.server
logger.kafka.level = INFO
"""


def service(layout: Layout, ports: Mapping[str, int], java: Path) -> Service:
    """The broker, with its configuration written and its data folder formatted once."""
    properties = layout.conf / "kafka.properties"
    properties.write_text(
        PROPERTIES.format(
            broker=ports["kafka"], controller=ports["kafka_controller"], data=layout.data / NAME
        ),
        encoding="utf-8",
    )
    log4j = layout.conf / "kafka-log4j2.properties"
    log4j.write_text(LOG4J, encoding="utf-8")
    class_path = f"{layout.kafka_jars}/*"
    log_flag = f"-Dlog4j2.configurationFile={log4j}"
    _format_once(java, class_path, properties, layout.data / NAME, log_flag)
    spec = Spec(
        name=NAME,
        argv=(
            str(java),
            "-Xms128m",
            f"-Xmx{HEAP_MIB}m",
            # Young objects only, on few cores: no barriers, no helper threads, pauses of 1-3 ms.
            "-XX:+UseSerialGC",
            log_flag,
            "-cp",
            class_path,
            "kafka.Kafka",
            str(properties),
        ),
        env=base_env(layout, ports),
        cwd=str(layout.stack),
        port=ports["kafka"],
    )
    return Service(spec, lambda: is_ready(ports["kafka"]))


def _format_once(java: Path, class_path: str, properties: Path, data: Path, log_flag: str) -> None:
    if (data / "meta.properties").exists():
        return
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    subprocess.run(
        [
            str(java),
            "-XX:TieredStopAtLevel=1",
            log_flag,
            "-cp",
            class_path,
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster_id}",
            f"--config={properties}",
        ],
        check=True,
        capture_output=True,
        text=True,
    )


def is_ready(port: int) -> bool:
    """True when the broker answers a metadata request."""
    if not accepts(port):
        return False
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=5).brokers)
    except KafkaException:
        return False
