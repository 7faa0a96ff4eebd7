"""What must be readable nowhere: in no log line, in no table's bytes."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest

from tests.api.accounts import account
from tests.api.codes import App
from tests.api.stories import Story, fire, fired
from tests.support.product import ADMIN_PASSWORD, Client, People, Product


def rows(product: Product) -> Iterator[tuple[str, str]]:
    """Yield every row of every table of ours as text, bytes decoded."""
    tables = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('ledger', 'ops', 'views')"
    with psycopg.connect(product.env["DATABASE_ADMIN_URL"]) as connection:
        for schema, table in connection.execute(tables).fetchall():
            for row in connection.execute(f"SELECT * FROM {schema}.{table}"):  # type: ignore[call-overload]
                columns = (it.decode("utf-8", "replace") if isinstance(it, bytes) else str(it) for it in row)
                yield f"{schema}.{table}", " ".join(columns)


def leave_traces(product: Product, people: People) -> list[str]:
    """Do everything that a secret takes part in; return the secrets."""
    hook = f"hook-secret-{secrets.token_hex(8)}"
    name, mail = f"Zebulon{secrets.token_hex(4)}", f"mail-{secrets.token_hex(6)}@private.example"
    password = f"pass-{secrets.token_hex(8)}"
    user = {"username": name, "password": password, "email": mail, "first_name": f"F{name}", "last_name": f"L{name}"}
    admin = product.admin()
    assert admin.post("/api/users/", json=user, headers={"Idempotency-Key": "user"}).status_code == 201
    webhook = {"url": "http://127.0.0.1:9/", "events": ["deviation.created"], "secret": hook}
    made = admin.post("/api/webhooks/", json=webhook, headers={"Idempotency-Key": "hook"})
    assert made.status_code == 201
    tokens = product.anonymous().post("/api/auth/token/", json={"username": name, "password": password}).json()
    product.anonymous().get(f"/api/tokens/{tokens['access']}/")
    product.anonymous().get(f"/api/deviations/?token={tokens['access']}&password={password}")
    product.anonymous().post("/api/auth/token/", json={"username": name, "password": f"{password}-wrong"})
    product.anonymous().post("/api/auth/token/", content=f'{{"password": "{password}"')
    hidden = [hook, name, mail, password, tokens["access"], tokens["access"].rsplit(".", 1)[1], tokens["refresh"]]
    hidden += manage(product, Client(product.http, tokens["access"]), password)
    sign(people)
    admin.delete(f"/api/webhooks/{made.json()['id']}/")
    return hidden


def prove(product: Product, people: People) -> list[str]:
    """Set up one-time codes, sign in and sign with them, wrongly too; return what they are made from."""
    head = account(people, product, roles=["department_head"])
    session = head.signed_in()
    app = App(head, session)
    app.sign_in(app.wrong())
    assert app.sign_in(app.fresh()).status_code == 200
    story = Story(people).submitted()
    signed = {"password": head.password, "meaning": "Agreed."}
    fire(session, story.id, "approve_department", signature={**signed, "otp": app.wrong()})
    fired(session, story.id, "approve_department", signature={**signed, "otp": app.fresh()})
    return [app.secret, head.password]


def manage(product: Product, own: Client, password: str) -> list[str]:
    """Do everything that an account's own secrets take part in; return them."""
    number = own.get("/api/users/me/").json()["id"]
    phone, job = f"+256-{secrets.token_hex(6)}", f"Job{secrets.token_hex(6)}"
    new, set_by_another = (f"pass-{secrets.token_hex(8)}" for _ in range(2))
    assert own.patch("/api/users/me/", json={"profile": {"phone": phone, "job_title": job}}).status_code == 200
    bodies = [
        {"current_password": f"{password}-wrong", "new_password": new},
        {"current_password": password, "new_password": password},
        {"current_password": password, "new_password": new},
    ]
    headers = {"Idempotency-Key": "password"}
    assert [own.post("/api/auth/password/", json=it, headers=headers).status_code for it in bodies] == [403, 400, 200]
    own.get(f"/api/auth/sessions/?password={new}")
    refused = product.admin().put(f"/api/users/{number}/", json={"password": set_by_another, "bogus": 1})
    assert refused.status_code == 400
    assert product.admin().put(f"/api/users/{number}/", json={"password": set_by_another}).status_code == 200
    own.get("/api/users/me/")
    return [phone, job, new, set_by_another]


def sign(people: People) -> None:
    """Sign a step, the first time with a wrong password."""
    story = Story(people).submitted()
    signed = {"password": people.password("department_head"), "meaning": "Agreed."}
    fire(people("department_head"), story.id, "approve_department", signature={**signed, "password": "wrong-signing"})
    fired(people("department_head"), story.id, "approve_department", signature=signed)


@pytest.mark.clause("11.300", negative=True)
def test_passwords_tokens_secrets_and_names_are_readable_nowhere(product: Product, people: People) -> None:
    made = [*leave_traces(product, people), *prove(product, people)]
    hidden = [*made, "wrong-signing", ADMIN_PASSWORD, people.password("department_head")]
    for table, row in rows(product):
        for secret in hidden:
            assert secret not in row, f"{secret} in {table}"
    logs = {log.name: log.read_text() for log in product.data.glob("*.log")}
    assert any('"event":"request"' in text for text in logs.values())
    for name, text in logs.items():
        for secret in hidden:
            assert secret not in text, f"{secret} in {name}"
