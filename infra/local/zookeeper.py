"""The ZooKeeper server inside Flink's own jar: it holds the leader and the job for Flink's HA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from infra.local.layout import Layout
from infra.local.probe import answers
from infra.local.process import Spec
from infra.local.service import Service, base_env

NAME = "zookeeper"
MAIN_CLASS = "org.apache.flink.runtime.zookeeper.FlinkZooKeeperQuorumPeer"

CONFIG = """\
tickTime=2000
dataDir={data}
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
# Snapshots and logs of old elections are of no use.
autopurge.snapRetainCount=3
autopurge.purgeInterval=1
"""


def service(layout: Layout, ports: Mapping[str, int], java: Path) -> Service:
    """One ZooKeeper server on loopback."""
    config = layout.conf / "zoo.cfg"
    text = CONFIG.format(data=layout.data / NAME, port=ports[NAME])
    config.write_text(text, encoding="utf-8")
    spec = Spec(
        name=NAME,
        argv=(
            str(java),
            "-Xmx96m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Dlog4j.configurationFile=file:{layout.conf / 'flink-log4j.properties'}",
            "-cp",
            f"{layout.flink_home}/lib/*",
            MAIN_CLASS,
            "--zkConfigFile",
            str(config),
            "--peerId",
            "1",
        ),
        env=base_env(layout, ports),
        cwd=str(layout.stack),
        port=ports[NAME],
    )
    return Service(spec, lambda: answers(ports[NAME], b"srvr", b"Zookeeper version"))
