"""What the contract asks of a dialect: its paths and forms."""

from abc import ABC, abstractmethod
from typing import Any

import httpx

from tests.support.product import Client, People


class DialectHooks(ABC):
    """What a dialect fills in, and what the suites make of it."""

    #: A list with a filter of its own, the filter's name, and a role that may read it.
    list_path: str
    filter_name: str
    reader: str
    #: A role that may create a record there.
    maker: str
    #: A role that may change and remove it.
    remover: str
    #: A path under the dialect's prefix at which there is nothing.
    nowhere: str
    invalid_status: int = 400

    @abstractmethod
    def body(self, marker: str) -> dict[str, Any]:
        """Return a body that makes a record which `filter_name` = marker finds."""

    @abstractmethod
    def update(self) -> dict[str, Any]:
        """Return a body that changes a record."""

    @abstractmethod
    def error(self, answer: httpx.Response) -> tuple[str, str, dict[str, str]]:
        """Return code, message and faults by field of an answer that must be an error in the dialect's form."""

    @abstractmethod
    def page(self, answer: httpx.Response) -> tuple[int, str | None, str | None, list[dict[str, Any]]]:
        """Return count, next, previous and the records of a page."""

    @abstractmethod
    def record(self, answer: httpx.Response) -> dict[str, Any]:
        """Return the record of an answer, out of the dialect's envelope."""

    def path_of(self, record: dict[str, Any]) -> str:
        """Return where one record is found."""
        return f"{self.list_path}{record['id']}/"

    def own(self, marker: str) -> str:
        """Return a marker that the suite of another dialect does not use."""
        return f"{marker}-{type(self).__name__}"

    def made(self, client: Client, marker: str) -> tuple[dict[str, Any], httpx.Response]:
        """Make a record."""
        answer = client.post(self.list_path, json=self.body(marker))
        assert answer.status_code == 201, answer.text
        return self.record(answer), answer

    def listed(self, people: People, marker: str) -> tuple[int, str | None, str | None, list[dict[str, Any]]]:
        """Return the first page of the records with a marker."""
        return self.page(people(self.reader).get(self.list_path, params={self.filter_name: marker}))
