"""One running stack: `up`, `down`, `status`. The command line and the tests both use this class."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.local import supervisor
from infra.local.builds import Build, ensure_build, existing_build
from infra.local.claims import Claims, claims
from infra.local.cluster import CLUSTERS, DECISIONING, LEARNING, Cluster
from infra.local.ending import ended_clean, may_have_job, stop_jobs
from infra.local.flink_rest import FlinkRest
from infra.local.layout import Layout, read_layout
from infra.local.lock import stack_lock
from infra.local.model_keys import trusted
from infra.local.ports import allocate, chosen_ports, held_by
from infra.local.preflight import Refused, check_machine
from infra.local.process import Processes
from infra.local.rollout import Outcome, Rollout, RolloutFailed
from infra.local.savepoints import forget_leaders
from infra.local.service import endpoints
from infra.local.services import ALL, BASE, EDGE, Services, stop_rank
from infra.local.starting import Starting
from infra.local.state import State, read_state, write_state
from infra.local.status import serves, show
from infra.local.submission import Submission

Report = Callable[[str], None]


def silent(text: str) -> None:
    """Reports nothing."""


class Stack:
    """A stack in a folder of its own. `code` is where builds are made from, the checkout.

    Where the environment names an owner (KAIROS_OWNER_PID), the stack ends when that is gone.
    """

    def __init__(
        self,
        layout: Layout | None = None,
        *,
        code: Path | None = None,
        report: Report = silent,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self.layout = layout or read_layout(env)
        self.code = code or self.layout.checkout
        self.report, self.env = report, env
        self.processes = Processes(self.layout.run, self.layout.logs)

    # ---- looking ---------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """What `stack.json` says."""
        return read_state(self.layout.stack)

    @property
    def rest(self) -> FlinkRest:
        """The REST client of the cluster that decides."""
        return self.rest_of(DECISIONING)

    def rest_of(self, cluster: Cluster) -> FlinkRest:
        """The REST client of a cluster."""
        return FlinkRest(self.state.endpoints[cluster.endpoint])

    def lock(self) -> AbstractContextManager[None]:
        """Keeps every other command, and the supervisor, from changing the stack."""
        return stack_lock(self.layout.run)

    def status(self) -> dict[str, Any]:
        """Processes, job and URLs, as `kairos status --json` prints them."""
        return show(self.state, self.processes)

    def _serves(self, endpoint: str) -> bool:
        return serves(endpoint, self.processes)

    # ---- up --------------------------------------------------------------------------------

    def up(
        self,
        services: Sequence[str] = ALL,
        *,
        parallelism: int = 1,
        demo: bool = True,
        job: bool = True,
        learning: bool = False,
        keep_forever: bool = False,
    ) -> State:
        """Ends with every service ready and exactly one job, of the code as it is now.

        With `learning`, or where that runs already, the learning job follows on its own cluster.

        Raises Refused, PortTaken, ProcessFailed, SubmissionFailed or RolloutFailed.
        """
        self.layout.make_folders()
        with self.lock(), claims() as held:
            made = self._services(held)
            build = ensure_build(self.code, self.layout.builds)
            self._watch(made)
            start = self._starting(made)
            base = [name for name in BASE if name in services]
            started = start.spawn(base)
            rollout = self._rollout(made, DECISIONING)
            early = False
            if job:
                rollout.prepare(build, parallelism)
                # A cluster with a job of its own must be looked at before one is submitted.
                early = not may_have_job(DECISIONING, self.layout, self.state, started)
                if early:
                    rollout.start_client(build, parallelism)
            start.fill(base, demo=demo, keep_forever=keep_forever)
            edge = [name for name in EDGE if name in services]
            start.spawn(edge)
            if job:
                outcome = start.timed(
                    "job", lambda: rollout.run(build, parallelism, client_started=early)
                )
                self._note_job(outcome, parallelism)
            start.await_ready(edge)
            if learning or self._serves(LEARNING.endpoint):
                self._learn(made, build)
            return self._write(made)

    def _watch(self, made: Services) -> None:
        """A new supervisor, before all else: whatever follows ends when the owner is gone."""
        self.processes.stop(supervisor.NAME)
        self._write(made)
        self.processes.spawn(made.supervisor(self.env.get(supervisor.OWNER_ENV, "")))

    def _learn(self, made: Services, build: Build) -> None:
        """The learning cluster with its one job; after the decisions, which nobody may delay."""
        start = self._starting(made)
        started = start.spawn([LEARNING.jobmanager])
        rollout = self._rollout(made, LEARNING)
        rollout.prepare(build, 1)
        early = not may_have_job(LEARNING, self.layout, self.state, started)
        if early:
            rollout.start_client(build, 1)
        start.await_ready([LEARNING.jobmanager])
        outcome = start.timed(LEARNING.job, lambda: rollout.run(build, 1, client_started=early))
        write_state(self.layout.stack, self.state.with_learning(outcome.job_id, outcome.build_id))

    def learn(self) -> None:
        """Adds the learning job to a stack that decides. Raises as `up` does."""
        with self.lock(), claims() as held:
            made = self._services(held)
            self._learn(made, existing_build(self.state.build_id, self.layout.builds))

    def unlearn(self) -> None:
        """Ends the learning job with a savepoint, and its cluster; decisions go on."""
        with self.lock():
            stop_jobs(LEARNING, self.layout, self.rest_of(LEARNING), self.report)
            for name in sorted(LEARNING.own(self.processes.names()), key=stop_rank):
                self.processes.stop(name)
            write_state(self.layout.stack, self.state.without(LEARNING.prefix))

    def _services(self, held: Claims) -> Services:
        java = check_machine(self.layout)
        remembered = self.state.ports
        alive = {name for name in self.processes.names() if self.processes.alive(name)}
        ours = held_by(remembered, alive)
        ports = allocate(chosen_ports(self.env), remembered, ours, free=held.claim)
        keys = trusted(self.layout.stack, self.env)
        return Services(self.layout, ports, java, held.claim, keys)

    def _starting(self, made: Services) -> Starting:
        return Starting(made, self.processes, self.report)

    def _rollout(self, made: Services, cluster: Cluster) -> Rollout:
        return Rollout(
            made.of(cluster),
            self.processes,
            FlinkRest(endpoints(made.ports)[cluster.endpoint]),
            Submission(self.processes, cluster.gate(self.layout), cluster.client),
            cluster.data(self.layout),
            self.report,
        )

    def _write(self, made: Services) -> State:
        pids = {n: p.pid for n in self.processes.names() if (p := self.processes.alive(n))}
        state = replace(
            self.state, ports=dict(made.ports), endpoints=endpoints(made.ports), pids=pids
        )
        write_state(self.layout.stack, state)
        return state

    def _note_job(self, outcome: Outcome, parallelism: int) -> None:
        told = () if outcome.kept else trusted(self.layout.stack, self.env)
        keys = told or self.state.model_keys
        state = replace(self.state, parallelism=parallelism, model_keys=keys)
        write_state(self.layout.stack, state.with_job(outcome.job_id, outcome.build_id))

    # ---- down ------------------------------------------------------------------------------

    def down(self) -> str:
        """Ends everything, the job with a savepoint first; data stays. Returns the savepoint."""
        if not self.layout.run.exists():
            return ""
        with self.lock():
            self.processes.stop(supervisor.NAME)
            serving = [each for each in (LEARNING, DECISIONING) if self._serves(each.endpoint)]
            savepoint = ""
            for cluster in serving:
                savepoint = stop_jobs(cluster, self.layout, self.rest_of(cluster), self.report)
            for name in sorted(self.processes.names(), key=stop_rank):
                self.processes.stop(name, grace_s=20.0)
                supervisor.failed_mark(self.layout.run, name).unlink(missing_ok=True)
                self.report(f"{name:<12} stopped")
            for mark in self.layout.run.glob("*.failed"):
                mark.unlink()
            for cluster in CLUSTERS:
                shutil.rmtree(cluster.scratch(self.layout), ignore_errors=True)
            if all(ended_clean(cluster, self.layout) for cluster in CLUSTERS):
                forget_leaders(self.layout.data)
            write_state(self.layout.stack, self.state.without(""))
        return savepoint

    # ---- deploy ----------------------------------------------------------------------------

    def deploy(self, *, rollback: bool = False) -> dict[str, Any]:
        """Replaces the job's code under way; keys as `kairos deploy --json` prints them.

        A build that does not run is rolled back to the one before. Raises Refused, RolloutFailed.
        """
        with self.lock(), claims() as held:
            state = self.state
            if not self._serves("flink"):
                raise Refused("no stack runs here: run `kairos up`")
            made = self._services(held)
            before = existing_build(state.build_id, self.layout.builds)
            build = self._build_to_deploy(state, rollback=rollback)
            rollout = self._rollout(made, DECISIONING)
            try:
                outcome = rollout.run(build, state.parallelism, client_started=False)
            except RolloutFailed as error:
                self.report(f"rolling back: {error}")
                outcome = rollout.run(before, state.parallelism, client_started=False)
                self._note_job(outcome, state.parallelism)
                self._write(made)
                return {**_shown(outcome), "rolled_back": True, "error": str(error)}
            self._note_job(outcome, state.parallelism)
            if self._serves(LEARNING.endpoint):
                self._learn(made, build)
            self._write(made)
            return {**_shown(outcome), "rolled_back": rollback}

    def _build_to_deploy(self, state: State, *, rollback: bool) -> Build:
        if not rollback:
            return ensure_build(self.code, self.layout.builds)
        if not state.previous_build_id:
            raise Refused("nothing to roll back to: only one build was ever deployed here")
        return existing_build(state.previous_build_id, self.layout.builds)


def _shown(outcome: Outcome) -> dict[str, Any]:
    return {
        "build_id": outcome.build_id,
        "job_id": outcome.job_id,
        "savepoint": outcome.savepoint,
        "gap_ms": outcome.gap_ms,
    }
