"""Refusals with Confluent's error codes, which clients branch on."""

from __future__ import annotations


class Refusal(Exception):
    """A request that cannot be served; HTTP status = the first three digits of `code`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message

    @property
    def status(self) -> int:
        """HTTP status of this refusal."""
        return self.code if self.code < 1000 else self.code // 100


def subject_not_found(subject: str) -> Refusal:
    return Refusal(40401, f"Subject '{subject}' not found.")


def version_not_found(version: int | str) -> Refusal:
    return Refusal(40402, f"Version {version} not found.")


def schema_not_found(what: str = "Schema") -> Refusal:
    return Refusal(40403, f"{what} not found")


def subject_soft_deleted(subject: str) -> Refusal:
    return Refusal(
        40404,
        f"Subject '{subject}' was soft deleted. Set permanent=true to delete permanently",
    )


def subject_not_soft_deleted(subject: str) -> Refusal:
    return Refusal(
        40405, f"Subject '{subject}' was not deleted first before being permanently deleted"
    )


def version_soft_deleted(subject: str, version: int) -> Refusal:
    return Refusal(
        40406,
        f"Subject '{subject}' Version {version} was soft deleted. "
        "Set permanent=true to delete permanently",
    )


def version_not_soft_deleted(subject: str, version: int) -> Refusal:
    return Refusal(
        40407,
        f"Subject '{subject}' Version {version} was not deleted first "
        "before being permanently deleted",
    )


def no_subject_level(subject: str) -> Refusal:
    return Refusal(
        40408, f"Subject '{subject}' does not have subject-level compatibility configured"
    )


def no_subject_mode(subject: str) -> Refusal:
    return Refusal(40409, f"Subject '{subject}' does not have subject-level mode configured")


def invalid_schema(why: str) -> Refusal:
    return Refusal(42201, f"Invalid schema: {why}")


def invalid_version(text: str) -> Refusal:
    return Refusal(
        42202,
        f"The specified version '{text}' is not a valid version id. Allowed values are between "
        '[1, 2^31-1] and the string "latest"',
    )


def invalid_level(levels: tuple[str, ...]) -> Refusal:
    return Refusal(42203, f"Invalid compatibility level. Valid values are {', '.join(levels)}")


def invalid_mode(modes: tuple[str, ...]) -> Refusal:
    return Refusal(42204, f"Invalid mode. Valid values are {', '.join(modes)}")


def read_only(subject: str) -> Refusal:
    return Refusal(42205, f"Subject {subject} is in read-only mode")


def incompatible(messages: list[str]) -> Refusal:
    reasons = "; ".join(messages)
    return Refusal(
        409, f"Schema being registered is incompatible with an earlier schema: {reasons}"
    )
