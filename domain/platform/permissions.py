"""Every permission that there is, with what it lets its holder do: the catalogue that roles are made from."""

from collections.abc import Mapping

PERMISSIONS: Mapping[str, str] = {
    "deviation.read": "See deviations, their attachments and their history.",
    "deviation.create": "Report deviations, and change one's own while they are open.",
    "deviation.manage": "Assign investigators, change, close, reopen and cancel deviations.",
    "deviation.investigate": "Be made investigator, record findings and submit them.",
    "deviation.approve_department": "Approve for the department, reject, and ask there.",
    "deviation.approve_qa": "Approve for quality assurance, reject, and ask there.",
    "deviation.approve": "Approve for the management, reject, and ask there.",
    "capa.read": "See CAPAs, their attachments and their history.",
    "capa.create": "Open CAPAs.",
    "capa.manage": "Assign owners, change, close, reopen and cancel CAPAs.",
    "capa.own": "Be made owner, plan the actions and verify that they worked.",
    "capa.approve": "Approve CAPAs.",
    "report.read": "See reports and the dashboard.",
    "config.read": "See the system settings.",
    "config.manage": "Change the system settings.",
    "role.read": "See roles and the catalogue of permissions.",
    "role.manage": "Make and change roles.",
    "user.read": "See users.",
    "user.manage": "Add, change, deactivate and unlock users, and end their sessions.",
    "webhook.read": "See webhooks and their deliveries.",
    "webhook.manage": "Add, change and delete webhooks, and send again.",
    "audit.read": "See the audit trail, and what was cancelled.",
    "audit.review": "See the audit trail, and review what others did.",
}
