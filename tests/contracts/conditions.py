"""What every dialect owes its clients of conditions, keys and positions."""

from tests.contracts.hooks import DialectHooks
from tests.support.product import People


class ConditionsContract(DialectHooks):
    """Requests that depend on what was before."""

    # Conditions.

    def test_if_match_that_names_another_version_is_412(self, people: People) -> None:
        record, answer = self.made(people(self.maker), self.own("contract-match"))
        path, tag = self.path_of(record), answer.headers["ETag"]
        changed = people(self.maker).patch(path, json=self.update(), headers={"If-Match": tag})
        assert changed.status_code == 200, changed.text
        again = people(self.maker).patch(path, json={}, headers={"If-Match": tag})
        assert again.status_code == 412
        assert self.error(again)[0] == "PRECONDITION_FAILED"
        for good in (changed.headers["ETag"], "*", f'"0-x", {changed.headers["ETag"]}'):
            assert people(self.maker).patch(path, json={}, headers={"If-Match": good}).status_code == 200

    def test_if_none_match_that_holds_is_304_without_a_body(self, people: People) -> None:
        record, _ = self.made(people(self.maker), self.own("contract-none-match"))
        reader, path = people(self.reader), self.path_of(record)
        tag = reader.get(path).headers["ETag"]
        for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            answer = reader.get(path, headers={"If-None-Match": given})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["ETag"] == tag
        assert reader.get(path, headers={"If-None-Match": '"1-0"'}).status_code == 200

    def test_answers_vary_with_who_asks_and_are_not_kept_by_caches(self, people: People) -> None:
        answer = people(self.reader).get(self.list_path)
        assert answer.headers["Vary"] == "Accept, Authorization, Cookie"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    # Idempotency.

    def test_the_same_key_and_body_give_the_first_answer_again(self, people: People) -> None:
        marker = self.own("contract-same")
        given = {"headers": {"Idempotency-Key": marker}, "json": self.body(marker)}
        first = people(self.maker).post(self.list_path, **given)
        again = people(self.maker).post(self.list_path.rstrip("/"), **given)
        for name in ("ETag", "X-Position", "Content-Type"):
            assert again.headers[name] == first.headers[name]
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert self.listed(people, marker)[0] == 1

    def test_the_same_key_with_another_body_is_422(self, people: People) -> None:
        headers = {"Idempotency-Key": self.own("contract-other")}
        people(self.maker).post(self.list_path, json=self.body(self.own("contract-other")), headers=headers)
        answer = people(self.maker).post(self.list_path, json=self.body(self.own("contract-other-2")), headers=headers)
        assert answer.status_code == 422
        assert self.error(answer)[0] == "VALIDATION_ERROR"

    def test_another_users_key_is_another_key(self, people: People) -> None:
        marker = self.own("contract-mine")
        given = {"headers": {"Idempotency-Key": marker}, "json": self.body(marker)}
        first = self.record(people(self.maker).post(self.list_path, **given))
        second = self.record(people(self.maker, another=1).post(self.list_path, **given))
        assert first["id"] != second["id"]

    def test_a_refused_request_does_not_use_its_key_up(self, people: People) -> None:
        headers = {"Idempotency-Key": self.own("contract-refused")}
        assert people(self.maker).post(self.list_path, json={}, headers=headers).status_code == self.invalid_status
        answer = people(self.maker).post(self.list_path, json=self.body(self.own("contract-refused")), headers=headers)
        assert answer.status_code == 201

    def test_a_change_and_a_removal_under_a_key_give_the_first_answer_again(self, people: People) -> None:
        """Also where the same request without the key would be answered otherwise: what is gone is not found."""
        record, _ = self.made(people(self.maker), self.own("contract-again"))
        remover, path = people(self.remover), self.path_of(record)
        for method in ("PATCH", "PUT", "DELETE"):
            given = {"headers": {"Idempotency-Key": self.own(f"contract-{method}")}}
            if method != "DELETE":
                given |= {"json": self.update()}
            first, again = (remover.request(method, path, **given) for _ in range(2))
            assert first.is_success, first.text
            assert (again.status_code, again.content) == (first.status_code, first.content)
            assert "Idempotency-Replayed" not in first.headers
            assert again.headers["Idempotency-Replayed"] == "true"
            assert again.headers["X-Position"] == first.headers["X-Position"]
        assert remover.delete(path).status_code == 404

    def test_the_same_key_with_another_method_or_record_is_422(self, people: People) -> None:
        record, _ = self.made(people(self.maker), self.own("contract-method"))
        given = {"headers": {"Idempotency-Key": self.own("contract-method")}, "json": self.update()}
        maker, path = people(self.maker), self.path_of(record)
        assert maker.put(path, **given).status_code == 200
        assert maker.patch(path, **given).status_code == 422
        assert maker.put(f"{self.list_path}{10**9}/", **given).status_code == 422

    def test_a_key_that_can_be_none_is_refused(self, people: People) -> None:
        for key in ("", "x" * 256, "\x7f"):
            answer = people(self.maker).post(
                self.list_path, json=self.body(self.own("contract-key")), headers={"Idempotency-Key": key}
            )
            assert answer.status_code == 400

    # Positions.

    def test_a_write_says_its_position_and_a_read_can_wait_for_it(self, people: People) -> None:
        record, answer = self.made(people(self.maker), self.own("contract-position"))
        position = answer.headers["X-Position"]
        read = people(self.reader).get(self.path_of(record), headers={"X-Min-Position": position})
        assert read.status_code == 200
        assert int(read.headers["X-Position"]) >= int(position)

    def test_a_position_that_is_none_is_refused(self, people: People) -> None:
        for given in ("-1", "ten", "1.5", "9" * 19, ""):
            answer = people(self.reader).get(self.list_path, headers={"X-Min-Position": given})
            assert answer.status_code == 400, given
            assert "X-Min-Position" in self.error(answer)[2]
