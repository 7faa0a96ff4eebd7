"""The webhooks' read model: which endpoints there are."""

from typing import Any, ClassVar

from domain.platform.webhooks import LISTED, WEBHOOKS, Webhook
from ledger.arrays import LongColumn, UuidColumn
from ledger.codec import Codec
from ledger.queries import queries
from projections.projection import Projection


class WebhooksProjection(Projection[Webhook]):
    """One row a webhook."""

    name = "webhooks"
    sql = queries("projections", "webhooks")
    columns: ClassVar = {
        "id": LongColumn,
        "stream": UuidColumn,
        "version": LongColumn,
        "position": LongColumn,
        "listed": LongColumn,
    }

    def __init__(self, codec: Codec) -> None:
        """Fold webhooks."""
        super().__init__(codec, WEBHOOKS, Webhook)

    def row(self, record: Webhook, position: int) -> dict[str, Any]:
        """Return a webhook's row."""
        return {
            "id": record.id,
            "stream": record.stream,
            "version": record.version,
            "position": position,
            "listed": int(record.status == LISTED),
        }
