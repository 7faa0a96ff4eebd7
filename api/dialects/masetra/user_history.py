"""What befell a user: to who manages users, and to who sees the audit trail."""

from api.actions import load
from api.call import Call
from api.dialects.masetra.resources import FORMS
from api.dialects.masetra.users import check_reads
from api.records.trail import told_of
from api.reply import Reply
from domain.errors import Denied
from domain.platform.users import USERS


async def list_history(call: Call) -> Reply:
    """Answer a user's events, oldest first."""
    check_reads(call, call.record_id)
    if not (call.actor.may("user.manage") or call.actor.may("audit.read")):
        raise Denied("This needs the permission user.manage or audit.read.")
    return await told_of(call, USERS, await load(call, USERS, call.record_id), FORMS)
