"""Masetra's doors, each a line."""

from api.dialects.masetra import (
    account_routes,
    config,
    config_shapes,
    proof_routes,
    quality_routes,
    report_routes,
    roles,
    trail_routes,
    webhook_routes,
)
from api.dialects.masetra.forms import Page
from api.dialects.masetra.record_routes import CHANGE as _CHANGE
from api.dialects.masetra.record_routes import GET, PATCH, POST, PUT
from api.dialects.masetra.record_routes import MAKE as _MAKE
from api.dialects.masetra.record_routes import READ as _READ
from api.routes import Route
from domain.platform.settings import SystemSettings

ROUTES = [
    *account_routes.ROUTES,
    *quality_routes.ROUTES,
    *report_routes.ROUTES,
    *proof_routes.ROUTES,
    Route(GET, "/api/config/system", config.get_settings, "The system settings", "config",
          {200: SystemSettings, 304: None}, refusals=_READ),
    Route(PUT, "/api/config/system", config.change_settings, "Change system settings", "config",
          {200: SystemSettings}, body=config_shapes.SettingsIn, refusals=_CHANGE),
    Route(PATCH, "/api/config/system", config.change_settings, "Change system settings", "config",
          {200: SystemSettings}, body=config_shapes.SettingsIn, refusals=_CHANGE),
    Route(GET, "/api/config/permissions", roles.list_permissions, "The catalogue of permissions", "config",
          {200: config_shapes.PermissionPage}, query=Page, refusals=_READ),
    Route(GET, "/api/config/roles", roles.list_roles, "List roles", "config", {200: config_shapes.RolePage},
          query=Page, refusals=_READ),
    Route(POST, "/api/config/roles", roles.add_role, "Make a role", "config", {201: config_shapes.RoleOut},
          body=config_shapes.RoleIn, refusals=_MAKE),
    Route(GET, "/api/config/roles/{id:int}", roles.get_role, "One role", "config",
          {200: config_shapes.RoleOut, 304: None}, refusals=_READ),
    Route(PUT, "/api/config/roles/{id:int}", roles.change_role, "Change what a role grants", "config",
          {200: config_shapes.RoleOut}, body=config_shapes.RoleChange, refusals=_CHANGE),
    Route(PATCH, "/api/config/roles/{id:int}", roles.change_role, "Change what a role grants", "config",
          {200: config_shapes.RoleOut}, body=config_shapes.RoleChange, refusals=_CHANGE),
    *webhook_routes.ROUTES,
    *trail_routes.ROUTES,
]  # fmt: skip
