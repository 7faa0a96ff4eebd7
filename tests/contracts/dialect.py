"""What every dialect owes its clients, whatever its paths and forms: subclassed by each, which fills in the hooks."""

import json

import httpx
import pytest

from tests.contracts.conditions import ConditionsContract
from tests.support.product import People, Product

_JSON = {"Content-Type": "application/json"}


class DialectContract(ConditionsContract):
    """Who is let in, paths, bodies and lists; with conditions, the whole contract."""

    # Who asks.

    @pytest.mark.clause("11.10(d)", negative=True)
    def test_nobody_is_let_in_without_a_token(self, product: Product) -> None:
        answer = product.anonymous().get(self.list_path)
        assert answer.status_code == 401
        assert self.error(answer)[0] == "AUTHENTICATION_REQUIRED"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_a_token_that_is_none_is_refused(self, product: Product) -> None:
        answer = product.anonymous().get(self.list_path, headers={"Authorization": "Bearer not.a.token"})
        assert answer.status_code == 401
        assert self.error(answer)[0] == "AUTHENTICATION_REQUIRED"

    def test_who_only_reads_may_not_make(self, people: People) -> None:
        answer = people("viewer").post(self.list_path, json=self.body(self.own("contract-denied")))
        assert answer.status_code == 403
        assert self.error(answer)[0] == "PERMISSION_DENIED"

    def test_who_may_not_make_is_told_so_before_any_fault(self, people: People) -> None:
        assert people("viewer").post(self.list_path, json={"bogus": 1}).status_code == 403

    # Paths and methods.

    def test_an_unknown_path_is_404_in_the_dialects_form(self, product: Product) -> None:
        answer = product.anonymous().get(self.nowhere)
        assert answer.status_code == 404
        assert self.error(answer)[0] == "RESOURCE_NOT_FOUND"

    def test_a_method_that_a_path_has_not_is_405_and_says_which_it_has(self, people: People) -> None:
        answer = people(self.reader).delete(self.list_path)
        assert answer.status_code == 405
        assert self.error(answer)[0] == "METHOD_NOT_ALLOWED"
        assert {"GET", "POST"} <= {name.strip() for name in answer.headers["Allow"].split(",")}

    def test_the_last_slash_is_optional_and_never_redirects_a_write(self, people: People) -> None:
        answer = people(self.maker).post(self.list_path.rstrip("/"), json=self.body(self.own("contract-slash")))
        assert answer.status_code == 201
        path = self.path_of(self.record(answer))
        reader = people(self.reader)
        assert reader.get(path.rstrip("/")).content == reader.get(path).content

    def test_a_record_has_one_address(self, people: People) -> None:
        """An id is written in ASCII digits, without zeros in front: by any other writing there is nothing."""
        record, _ = self.made(people(self.maker), self.own("contract-address"))
        number = record["id"]
        arabic = "".join(chr(0x660 + int(digit)) for digit in str(number))
        for other in (f"0{number}", arabic, f"+{number}", f"{number}.0", f"%20{number}", f"{number}_0", "\u00b2", "0"):
            answer = people(self.reader).get(f"{self.list_path}{other}/")
            assert (answer.status_code, self.error(answer)[0]) == (404, "RESOURCE_NOT_FOUND"), other
            assert people(self.remover).delete(f"{self.list_path}{other}/").status_code == 404, other
        assert people(self.reader).get(self.path_of(record).replace("/api/", "/api//")).status_code in (200, 404)

    def test_head_is_a_get_without_its_body(self, people: People) -> None:
        record, _ = self.made(people(self.maker), self.own("contract-head"))
        got = people(self.reader).get(self.path_of(record))
        head = people(self.reader).request("HEAD", self.path_of(record))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["ETag"] == got.headers["ETag"]

    def test_every_answer_carries_the_request_id_that_was_given(self, people: People, product: Product) -> None:
        given = {"X-Request-ID": "contract-request-1"}
        assert people(self.reader).get(self.list_path, headers=given).headers["X-Request-ID"] == "contract-request-1"
        assert product.anonymous().get(self.nowhere, headers=given).headers["X-Request-ID"] == "contract-request-1"

    def test_a_request_id_that_could_be_mischief_is_replaced(self, people: People) -> None:
        for given in ("has space", "x" * 65, 'quote"', "a;b"):
            told = people(self.reader).get(self.list_path, headers={"X-Request-ID": given}).headers["X-Request-ID"]
            assert told.startswith("req_")

    # Bodies.

    def test_a_name_that_a_body_says_twice_is_refused(self, people: People) -> None:
        """One reader would take the first, another the last. What says a name once may show it in its text."""
        body = self.body(self.own("contract-twice"))
        text = json.dumps(body)
        for twice in (f'{text[:-1]}, "title" : "Another"}}', f'{text[:-1]}, "x": [{{"title": 1, "\\u0074itle": 2}}]}}'):
            answer = people(self.maker).post(self.list_path, content=twice, headers=_JSON)
            assert answer.status_code == 400
            assert self.error(answer)[2] == {"title": "Given more than once."}
        shown = json.dumps(body | {"description": '"title": 1, "title": 2'})
        assert people(self.maker).post(self.list_path, content=shown, headers=_JSON).status_code == 201

    def test_all_faults_of_a_body_are_told_at_once(self, people: People) -> None:
        answer = people(self.maker).post(self.list_path, json={"bogus": 1})
        assert answer.status_code == self.invalid_status
        code, _, faults = self.error(answer)
        assert code == "VALIDATION_ERROR"
        assert "bogus" in faults
        assert len(faults) > 1

    def test_a_body_that_is_not_json_is_refused(self, people: People) -> None:
        for content in (b"{", b"[]", b'"text"', b"nul", b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"[" * 50_000, b""):
            answer = people(self.maker).post(
                self.list_path, content=content, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 400, content[:20]
            assert self.error(answer)[0] == "VALIDATION_ERROR"

    def test_a_body_of_another_type_is_415(self, people: People) -> None:
        answer = people(self.maker).post(self.list_path, content=b"a=b", headers={"Content-Type": "text/plain"})
        assert answer.status_code == 415
        assert self.error(answer)[0] == "UNSUPPORTED_MEDIA_TYPE"

    def test_a_body_over_one_mebibyte_is_413_also_in_chunks(self, people: People) -> None:
        large = b'{"a":"' + b"x" * (1024 * 1024) + b'"}'
        for content in (large, iter([large[:600_000], large[600_000:]])):
            answer = people(self.maker).post(
                self.list_path, content=content, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 413
            assert self.error(answer)[0] == "PAYLOAD_TOO_LARGE"

    def test_numbers_without_end_are_refused(self, people: People) -> None:
        first = next(iter(self.body("x")))
        for number in ("1" * 4000, "1" * 6000, "1e999999", "-" + "9" * 400):
            answer = people(self.maker).post(
                self.list_path, content=f'{{"{first}": {number}}}', headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 400, number[:10]

    def test_a_hundred_thousand_strange_fields_are_refused_in_a_short_answer(self, people: People) -> None:
        body = {f"f{number}": 1 for number in range(90_000)}
        answer = people(self.maker).post(self.list_path, json=body, timeout=10)
        assert answer.status_code == self.invalid_status
        assert len(answer.content) < 20_000

    # Lists.

    def test_a_list_has_twenty_records_unless_another_number_is_asked(self, people: People) -> None:
        maker = people(self.maker)
        for _ in range(21):
            self.made(maker, self.own("contract-pages"))
        count, following, before, records = self.listed(people, self.own("contract-pages"))
        assert (count, before, len(records)) == (21, None, 20)
        assert following is not None
        last = people(self.reader).get(following)
        count, following, before, records = self.page(last)
        assert (count, following, len(records)) == (21, None, 1)
        assert before is not None
        assert self.page(people(self.reader).get(before))[3][0]["id"] > records[0]["id"]

    def test_newest_first(self, people: People) -> None:
        first, _ = self.made(people(self.maker), self.own("contract-order"))
        second, _ = self.made(people(self.maker), self.own("contract-order"))
        found = self.listed(people, self.own("contract-order"))[3]
        assert [record["id"] for record in found] == [second["id"], first["id"]]

    def test_a_page_past_the_end_is_404_and_the_first_of_nothing_is_not(self, people: People) -> None:
        nothing = {self.filter_name: self.own("contract-nothing")}
        answer = people(self.reader).get(self.list_path, params=nothing)
        assert self.page(answer) == (0, None, None, [])
        past = people(self.reader).get(self.list_path, params={**nothing, "page": 2})
        assert past.status_code == 404
        assert self.error(past)[0] == "RESOURCE_NOT_FOUND"

    def test_pages_and_limits_outside_their_bounds_are_refused_by_name(self, people: People) -> None:
        for name, value in (
            ("limit", "201"), ("limit", "0"), ("limit", "-1"), ("limit", "ten"), ("limit", "1.5"), ("limit", "9" * 30),
            ("page", "0"), ("page", "-1"), ("page", "first"), ("page", "9" * 30), ("page", "٣"),
        ):  # fmt: skip
            answer = people(self.reader).get(self.list_path, params={name: value})
            assert answer.status_code == self.invalid_status, (name, value)
            assert name in self.error(answer)[2]

    def test_two_hundred_on_a_page_are_allowed(self, people: People) -> None:
        assert people(self.reader).get(self.list_path, params={"limit": 200}).status_code == 200

    def test_an_unknown_parameter_is_refused_naming_the_nearest(self, people: People) -> None:
        near = self.filter_name[:-1]
        for value in ("x", ""):
            answer = people(self.reader).get(self.list_path, params={near: value})
            assert answer.status_code == self.invalid_status
            assert self.filter_name in self.error(answer)[2][near]

    def test_a_parameter_given_twice_is_refused(self, people: People) -> None:
        answer = people(self.reader).get(f"{self.list_path}?page=1&page=2")
        assert answer.status_code == self.invalid_status
        assert "page" in self.error(answer)[2]

    def test_a_query_that_is_no_text_is_refused(self, people: People) -> None:
        for query in ("%ff", "%ed%a0%80", "%00", "x" * 9000, "&".join(["a=1"] * 300)):
            answer = people(self.reader).get(f"{self.list_path}?{self.filter_name}={query}")
            assert answer.status_code == self.invalid_status, query[:20]

    def test_links_keep_the_query_that_was_asked(self, people: People) -> None:
        for _ in range(2):
            self.made(people(self.maker), self.own("contract & links"))
        asked = {self.filter_name: self.own("contract & links"), "limit": 1}
        following = self.page(people(self.reader).get(self.list_path, params=asked))[1]
        assert following is not None
        params = httpx.URL(following).params
        assert dict(params) == {self.filter_name: self.own("contract & links"), "limit": "1", "page": "2"}
