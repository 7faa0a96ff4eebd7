"""The doors of webhooks and their deliveries."""

from api.dialects.masetra import deliveries, webhook_changes, webhooks
from api.dialects.masetra import webhook_shapes as shapes
from api.dialects.masetra.forms import Page
from api.dialects.masetra.record_routes import CHANGE, DELETE, FIRE, GET, MAKE, PATCH, POST, PUT, READ
from api.dialects.masetra.shapes import RemovalIn, RemovalQuery
from api.routes import Route
from projections.delivery_log import DISPATCH

_ALL = "/api/webhooks"
_ONE = f"{_ALL}/{{id:int}}"
_LOG = f"{_ONE}/deliveries"
_DELIVERY = f"{_LOG}/{{delivery_id:str}}"
_TAG = "webhooks"

ROUTES = [
    Route(GET, _ALL, webhooks.list_webhooks, "List webhooks, newest first", _TAG, {200: shapes.WebhookPage},
          query=Page, refusals=READ),
    Route(POST, _ALL, webhooks.add_webhook, "Add a webhook", _TAG, {201: shapes.WebhookOut}, body=shapes.WebhookIn,
          refusals=MAKE),
    Route(GET, _ONE, webhooks.get_webhook, "One webhook", _TAG, {200: shapes.WebhookOut, 304: None}, refusals=READ),
    Route(PUT, _ONE, webhook_changes.change_webhook, "Change a webhook", _TAG, {200: shapes.WebhookOut},
          body=shapes.WebhookChange, refusals=CHANGE),
    Route(PATCH, _ONE, webhook_changes.change_webhook, "Change a webhook", _TAG, {200: shapes.WebhookOut},
          body=shapes.WebhookChange, refusals=CHANGE),
    Route(DELETE, _ONE, webhooks.delete_webhook, "Delete a webhook", _TAG, {204: None}, body=RemovalIn,
          body_required=False, query=RemovalQuery, refusals=CHANGE),
    Route(POST, f"{_ONE}/rotate", webhook_changes.rotate_webhook_secret, "Have another secret sign", _TAG,
          {200: shapes.RotationOut}, body=shapes.RotationIn, body_required=False, refusals=FIRE),
    Route(GET, _LOG, deliveries.list_deliveries, "The log of its deliveries, newest first", _TAG,
          {200: shapes.DeliveryPage}, query=shapes.DeliveryQuery, refusals=READ, follows=DISPATCH),
    Route(GET, _DELIVERY, deliveries.get_delivery, "One delivery, with every attempt", _TAG,
          {200: shapes.DeliveryDetail}, refusals=READ, follows=DISPATCH),
    Route(POST, f"{_DELIVERY}/redeliver", deliveries.redeliver, "Make one delivery again", _TAG,
          {202: shapes.RedeliveryOut}, body=shapes.RedeliveryIn, body_required=False, refusals=FIRE, follows=DISPATCH),
    Route(POST, f"{_ONE}/redeliver", deliveries.redeliver_window, "Make the deliveries of a time again", _TAG,
          {202: shapes.RedeliveryOut}, body=shapes.RedeliveriesIn, refusals=FIRE, follows=DISPATCH),
]  # fmt: skip
