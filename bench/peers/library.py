"""What the stock `eventsourcing` library is given of its surroundings: a database, everything else as it comes."""

from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

_NAMES = {"DBNAME": "dbname", "HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}


def environment(url: str) -> Environment:
    """Return the library's own PostgreSQL module on a database, with its default settings."""
    parts = conninfo_to_dict(url)
    variables = {f"POSTGRES_{name}": str(parts[part]) for name, part in _NAMES.items()}
    return Environment(env={"PERSISTENCE_MODULE": "eventsourcing.postgres", **variables})
