"""What is known of settings and roles."""

from pathlib import Path

from ledger.codec import Codec
from ledger.keys import Keys
from ledger.vault import Vault
from projections.standing import Standing


def test_names_of_roles_that_there_are_none_of_grant_nothing_and_are_not_kept(tmp_path: Path) -> None:
    standing = Standing(Codec(Vault(Keys(tmp_path))))
    viewer = standing.granted(("viewer",))
    for number in range(10):
        assert standing.granted(("viewer", f"invented-{number}")) == viewer
    assert len(standing._granted) == 1
