"""A real registry process for tests: started, killed and started again on the same data."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
START_S = 20.0


class RegistryProcess:
    """One registry on a free loopback port over `data_dir`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        module = [sys.executable, "-m", "infra.registry"]
        place = ["--port", str(self.port), "--data-dir", str(self.data_dir)]
        self._process = subprocess.Popen([*module, *place], cwd=ROOT, env=dict(os.environ))
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self._process.poll() is None, "the registry ended while starting"
            assert time.monotonic() < deadline, "the registry did not answer in time"

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        code = self._process.wait(10)
        self._process = None
        return code

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/subjects", timeout=0.2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
