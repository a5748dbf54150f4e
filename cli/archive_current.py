"""Archive and log read as one: what only the log holds yet is archived first.

By the archiver where one runs, which is asked to commit and waited for, else by one run here.
Without a stack, or beside the log of another cluster, the archive is read as it is.
"""

from __future__ import annotations

import time
from pathlib import Path

from cli.endpoints import Endpoints, endpoints
from cli.output import CommandError, progress
from connectors.archive_files import is_archive, read_reaches
from connectors.archive_run import FLUSH, ArchiveRun, Limits
from connectors.archive_status import status_of
from connectors.decisions_archived import belongs
from connectors.log_topics import LogReader
from connectors.registry import RegistryClient
from schemas.topics import EVENTS

PATIENCE_S, POLL_S = 120.0, 0.2


def archive_to_the_end(folder: Path) -> None:
    """The archive of the running stack, up to the log's end as it is now.

    Raises CommandError, LogFilesError, LogUnavailable, RegistryUnavailable, OSError.
    """
    if not is_archive(folder):
        raise CommandError(f"{folder} is no archive; `kairos archive run` makes one.")
    try:
        where = endpoints()
    except CommandError:
        progress(f"no stack runs: {folder} is read as it is")
        return
    if not belongs(folder, where.brokers):
        progress(f"{folder} is of another cluster than {where.brokers}: it is read as it is")
        return
    if status_of(folder, where.brokers).running:
        _by_the_archiver(folder, where)
    else:
        registry = RegistryClient(where.registry)
        made = ArchiveRun(folder, where.brokers, registry, Limits(), model_keys=where.model_keys)
        made.run(lambda: False, lambda seen: None, once=True)


def _by_the_archiver(folder: Path, where: Endpoints) -> None:
    """What comes meanwhile is not waited for."""
    ends = {n: end for n, (_, end) in LogReader(where.brokers).spans(EVENTS).items()}
    until_s = time.monotonic() + PATIENCE_S
    while True:
        reaches = read_reaches(folder).get(EVENTS, {})
        if all(n in reaches and reaches[n].end >= end for n, end in ends.items()):
            return
        if time.monotonic() > until_s:
            raise CommandError(
                f"the archiver of {folder} does not catch up; `kairos archive status` tells more."
            )
        (folder / FLUSH).touch()
        time.sleep(POLL_S)
