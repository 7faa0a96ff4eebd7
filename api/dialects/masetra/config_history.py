"""What became of the settings and of a role: to who sees them, and to who sees the audit trail."""

from api.actions import load
from api.call import Call
from api.dialects.masetra.resources import FORMS
from api.records.trail import told_of
from api.reply import Reply
from domain.errors import Denied, Hidden
from domain.platform.roles import ROLES
from domain.platform.settings import NUMBER, SETTINGS


async def of_settings(call: Call) -> Reply:
    """Answer every change of the settings, oldest first."""
    if not _sees(call, "config.read"):
        raise Denied("This needs the permission config.read or audit.read.", "config.read")
    return await told_of(call, SETTINGS, await load(call, SETTINGS, NUMBER), FORMS)


async def of_role(call: Call) -> Reply:
    """Answer every change of a role, oldest first; none of one that is as the product came with it."""
    if not _sees(call, "role.read"):
        raise Hidden(f"There is no role {call.record_id}.", "role.read")
    return await told_of(call, ROLES, await load(call, ROLES, call.record_id), FORMS)


def _sees(call: Call, permission: str) -> bool:
    return call.actor.may(permission) or call.actor.may("audit.read")
