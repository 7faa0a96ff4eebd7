"""Every workflow there is, by the kind of its records. Importing this registers every fact."""

from typing import Any

from domain.platform.access import ACCESS
from domain.platform.forks import FORKS
from domain.platform.review import REVIEWS
from domain.platform.roles import ROLES
from domain.platform.settings import SETTINGS
from domain.platform.users import USERS
from domain.platform.webhooks import WEBHOOKS
from domain.quality.capa import CAPAS
from domain.quality.deviation import DEVIATIONS
from domain.workflow import Workflow

WORKFLOWS: dict[str, Workflow[Any]] = {
    flow.kind: flow for flow in (DEVIATIONS, CAPAS, USERS, WEBHOOKS, ROLES, SETTINGS, ACCESS, REVIEWS, FORKS)
}
