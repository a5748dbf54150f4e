"""Names by which a savepoint finds the state of each operator. Never rename or reuse one."""

EVENTS_SOURCE = "events-source"
CONTROL_SOURCE = "control-source"
PROFILES_SOURCE = "profiles-source"
DECIDE = "decide"
RESULTS_SINK = "results-sink"

ALL = (EVENTS_SOURCE, CONTROL_SOURCE, PROFILES_SOURCE, DECIDE, RESULTS_SINK)
