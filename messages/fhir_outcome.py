"""What a FHIR client asked for and does not get, in plain words: OperationOutcome."""

from enum import StrEnum

from messages.fhir_values import Element


class IssueCode(StrEnum):
    """The kinds of trouble the service has (R4 value set issue-type)."""

    INVALID = "invalid"
    NOT_FOUND = "not-found"
    NOT_SUPPORTED = "not-supported"
    TRANSIENT = "transient"


class FhirRefusal(Exception):
    """The answer is an error: its HTTP status, its kind, and a sentence without patient data."""

    def __init__(self, status: int, code: IssueCode, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code


def invalid(sentence: str) -> FhirRefusal:
    return FhirRefusal(400, IssueCode.INVALID, sentence)


def operation_outcome(refusal: FhirRefusal) -> Element:
    sentence = str(refusal)
    issue = {"severity": "error", "code": refusal.code.value, "details": {"text": sentence}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}
