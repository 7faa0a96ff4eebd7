"""Our OpenAPI document against the product that it describes: Schemathesis with all of its checks."""

import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core.failures import AcceptedNegativeData, Failure, FailureGroup
from schemathesis.openapi.checks import RejectedPositiveData

from api.dialects import masetra
from api.documents import openapi
from tests.support.database import Server
from tests.support.product import Client, Product, running

#: What no schema can say: rules between fields, what the configuration or a record allows, and the calendar.
_RULES = re.compile(
    "limit and page_size say different things|There is no [^.]+|is not a transition"
    "|characters\\.|may not be the user name|more than 1000 periods|The URL must|Not a date or a time"
    "|Must be from \\d|not a cursor of ours|no records of kind|reason: This field is required"
    "|Control characters"
)
#: One that every rule for passwords is content with.
_PASSWORD = "Aa1!" * 32
_OTHERS = ["401", "403", "404", "409", "412", "422"]


def described() -> Any:
    """Return the document as Schemathesis reads it."""
    schema = schemathesis.openapi.from_dict(openapi(masetra.ROUTES))
    schema.config.phases.coverage.enabled = False  # Its cases are not bounded in number.
    schema.config.generation.update(with_security_parameters=False)
    checks = schema.config.checks
    checks.positive_data_acceptance.expected_statuses = ["2xx", "304", "416", *_OTHERS]
    checks.negative_data_rejection.expected_statuses = ["400", "405", "413", "415", *_OTHERS]
    return schema


DOCUMENT = described()


@pytest.fixture(scope="module")
def fuzzed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that nobody else's test has to live with afterwards."""
    data = tmp_path_factory.mktemp("fuzzed")
    with (
        server.database() as made,
        running(data, made.app_dsn, made.owner_dsn, FLOWLEDGER_READ_WAIT_SECONDS="0.2") as it,
    ):
        yield it


@pytest.fixture
def client(fuzzed: Product) -> Client:
    """An administrator of each test's own: some operations end sessions, and wrong passwords lock out."""
    name = f"fuzzer-{secrets.token_hex(4)}"
    made = fuzzed.admin().post(
        "/api/users/", json={"username": name, "password": _PASSWORD, "roles": ["administrator"]}
    )
    assert made.status_code == 201, made.text
    return fuzzed.anonymous().sign_in(name, _PASSWORD)


def check(case: Any, client: Client) -> None:
    """Ask, and raise what Schemathesis finds wrong with the answer."""
    if case.headers.get("X-Min-Position", "").isdigit():
        case.headers["X-Min-Position"] = "0"  # What lies in the future is rightly answered 503, after a while.
    if case.operation.path.startswith("/api/users/{id}") and str(case.path_parameters.get("id")) == "1":
        case.path_parameters["id"] = 2  # The first administrator is left alone.
    answer = case.call(base_url=str(client._http.base_url), headers=client.headers)
    try:
        case.validate_response(answer, headers=client.headers)
    except FailureGroup as group:
        failures = [failure for failure in group.exceptions if not tolerated(failure, answer)]
        if failures:
            told = f"{case.as_curl_command()}\n{answer.status_code} {answer.text[:1000]}"
            raise AssertionError(told) from FailureGroup(failures)


def tolerated(failure: Failure, answer: Any) -> bool:
    """Tell whether a failure is none: a header that nobody knows is no fault, and some rules are in no schema."""
    if isinstance(failure, RejectedPositiveData):
        faults = answer.json()["error"]["details"]
        # Whether a reason must be given is for the record to say; it may stand in the query or in the body.
        return bool(faults) and all(fault["field"] == "reason" or _RULES.search(fault["message"]) for fault in faults)
    return isinstance(failure, AcceptedNegativeData) and "in header - object with unexpected" in failure.message


@DOCUMENT.parametrize()
@settings(max_examples=4, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_operation_answers_as_the_document_says(case: Any, client: Client) -> None:
    check(case, client)
