"""What must be readable nowhere: in no log line, in no table's bytes."""

import secrets
from collections.abc import Iterator

import psycopg

from tests.api.stories import Story, fire, fired
from tests.support.product import ADMIN_PASSWORD, People, Product


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
    sign(people)
    admin.delete(f"/api/webhooks/{made.json()['id']}/")
    return [hook, name, mail, password, tokens["access"], tokens["access"].rsplit(".", 1)[1], tokens["refresh"]]


def sign(people: People) -> None:
    """Sign a step, the first time with a wrong password."""
    story = Story(people).submitted()
    signed = {"password": people.password("department_head"), "meaning": "Agreed."}
    fire(people("department_head"), story.id, "approve_department", signature={**signed, "password": "wrong-signing"})
    fired(people("department_head"), story.id, "approve_department", signature=signed)


def test_passwords_tokens_secrets_and_names_are_readable_nowhere(product: Product, people: People) -> None:
    hidden = [*leave_traces(product, people), "wrong-signing", ADMIN_PASSWORD, people.password("department_head")]
    for table, row in rows(product):
        for secret in hidden:
            assert secret not in row, f"{secret} in {table}"
    logs = {log.name: log.read_text() for log in product.data.glob("*.log")}
    assert any('"event":"request"' in text for text in logs.values())
    for name, text in logs.items():
        for secret in hidden:
            assert secret not in text, f"{secret} in {name}"
