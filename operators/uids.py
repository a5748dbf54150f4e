"""Names by which a savepoint finds the state of each operator. Never rename or reuse one."""

EVENTS_SOURCE = "events-source"
CONTROL_SOURCE = "control-source"
PROFILES_SOURCE = "profiles-source"
DECIDE = "decide"
RESULTS_SINK = "results-sink"

DECISIONS_SOURCE = "decisions-source"
RELATE, ATTRIBUTE, LEARN = "relate", "attribute", "learn"

ALL = (EVENTS_SOURCE, CONTROL_SOURCE, PROFILES_SOURCE, DECIDE, RESULTS_SINK)
"""Of the decision job."""

LEARNING = (
    *(EVENTS_SOURCE, CONTROL_SOURCE, PROFILES_SOURCE, DECISIONS_SOURCE),
    *(RELATE, ATTRIBUTE, LEARN, RESULTS_SINK),
)
"""Of the learning job: sources and sink bear the same names, in savepoints of their own."""
