"""The webhooks' read model: which endpoints there are."""

from typing import Any, ClassVar

from domain.platform.webhooks import LISTED, WEBHOOKS, Webhook
from ledger.arrays import LongColumn
from ledger.queries import queries
from projections.projection import Projection


class WebhooksProjection(Projection[Webhook]):
    """One row a webhook."""

    name = "webhooks"
    sql = queries("projections", "webhooks")
    workflow = WEBHOOKS
    folded = Webhook
    columns: ClassVar = {"listed": LongColumn}

    def found_by(self, record: Webhook) -> dict[str, Any]:
        """Return whether a webhook is listed."""
        return {"listed": int(record.status == LISTED)}
