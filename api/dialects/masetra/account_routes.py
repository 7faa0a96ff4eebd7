"""The doors of sign-in, sessions and users."""

from typing import Any

from api.dialects.masetra import (
    account_shapes,
    password,
    profile,
    sessions,
    shapes,
    sign_in,
    totp,
    user_changes,
    user_erasure,
    user_history,
    users,
)
from api.dialects.masetra import platform_shapes as platform
from api.dialects.masetra.forms import Page
from api.dialects.masetra.record_routes import CHANGE, DELETE, GET, MAKE, PATCH, POST, PUT, READ
from api.routes import Route

_OPEN = (400, 401, 413, 415, 503)
_TOLD = (400, 401, 403, 409, 413, 415, 503)
_END = (400, 401, 403, 404, 409, 413, 415, 503)
_OWN, _SESSIONS = "/api/auth/sessions", "/api/users/{id:int}/sessions"
_USER, _ME, _TOTP = "/api/users/{id:int}", "/api/users/me", "/api/users/me/totp"
_SHOWN: dict[int, Any] = {200: platform.UserOut}
_OWN_SHOWN: dict[int, Any] = {200: platform.OwnOut}
_OWN_SEEN: dict[int, Any] = {200: platform.OwnOut, 304: None}
_SEEN: dict[int, Any] = {200: platform.UserOut, 304: None}
_WHY: dict[str, Any] = {"body": shapes.RemovalIn, "body_required": False, "query": shapes.RemovalQuery}

ROUTES = [
    Route(POST, "/api/auth/token", sign_in.make_token, "Obtain an access token", "auth", {200: platform.TokenOut},
          body=platform.TokenIn, refusals=(*_OPEN, 403), public=True),
    Route(POST, "/api/auth/refresh", sign_in.refresh_token, "Refresh an access token", "auth",
          {200: platform.AccessOut}, body=platform.RefreshIn, refusals=_OPEN, public=True),
    Route(POST, "/api/auth/logout", sign_in.leave, "Log out: the session's tokens are dead at once", "auth",
          {200: platform.DoneOut}, body=platform.LogoutIn, refusals=_OPEN, public=True),
    Route(POST, "/api/auth/password", password.change_password, "Change one's own password", "auth",
          {200: platform.DoneOut}, body=account_shapes.PasswordIn, refusals=MAKE, follows="users"),
    Route(GET, _OWN, sessions.list_own, "List one's own sessions", "auth", {200: account_shapes.SessionPage},
          query=Page, refusals=READ),
    Route(DELETE, _OWN, sessions.end_own_others, "End all of one's own sessions but this one", "auth", {204: None},
          refusals=_END, follows="users", **_WHY),
    Route(DELETE, f"{_OWN}/{{session:uuid}}", sessions.end_own, "End one of one's own sessions", "auth", {204: None},
          refusals=_END, follows="users", **_WHY),
    Route(GET, "/api/users", users.list_users, "List users", "users", {200: platform.UserPage},
          query=account_shapes.UserQuery, refusals=READ),
    Route(POST, "/api/users", users.add_user, "Add a user", "users", {201: platform.UserOut}, body=platform.UserIn,
          refusals=MAKE),
    Route(GET, _ME, profile.get_own, "Who is signed in", "users", _OWN_SEEN, refusals=READ),
    Route(PUT, _ME, profile.change_own, "Change one's own names, address and profile", "users", _OWN_SHOWN,
          body=account_shapes.OwnChange, refusals=CHANGE),
    Route(PATCH, _ME, profile.change_own, "Change one's own names, address and profile", "users", _OWN_SHOWN,
          body=account_shapes.OwnChange, refusals=CHANGE),
    Route(POST, _TOTP, totp.draw, "Set up one-time codes: answers once what they are made from", "users",
          {200: account_shapes.TotpOut}, body=account_shapes.TotpIn, refusals=_TOLD, told_once=True),
    Route(POST, f"{_TOTP}/confirm", totp.confirm, "Show a code: they are asked for from now on", "users", _OWN_SHOWN,
          body=account_shapes.CodeIn, refusals=MAKE),
    Route(DELETE, _TOTP, totp.give_up, "Remove one's own one-time codes", "users", {204: None},
          body=account_shapes.TotpProof, refusals=_END),
    Route(GET, _USER, users.get_user, "One user", "users", _SEEN, refusals=READ),
    Route(PUT, _USER, user_changes.change_user, "Change a user, or his password", "users", _SHOWN,
          body=account_shapes.UserChange, refusals=CHANGE),
    Route(PATCH, _USER, user_changes.change_user, "Change a user, or his password", "users", _SHOWN,
          body=account_shapes.UserChange, refusals=CHANGE),
    Route(DELETE, _USER, user_changes.remove_user, "Deactivate a user; nothing is erased", "users", {204: None},
          refusals=CHANGE, **_WHY),
    Route(POST, f"{_USER}/unlock", user_changes.unlock_user, "Take a user's passwords again before the time", "users",
          _SHOWN, body=shapes.RemovalIn, body_required=False, refusals=(*CHANGE, 422)),
    Route(DELETE, f"{_USER}/totp", totp.remove, "Remove a user's one-time codes, and end his sessions", "users",
          {204: None}, refusals=CHANGE, **_WHY),
    Route(POST, f"{_USER}/erase", user_erasure.erase_user, "Erase a user: what is known of the person is destroyed",
          "users", {200: account_shapes.ErasedOut}, body=account_shapes.ErasureIn, refusals=(*CHANGE, 422),
          finish=user_erasure.erased_at_once),
    Route(GET, f"{_USER}/history", user_history.list_history, "Every event of a user, with what it changed", "users",
          {200: shapes.HistoryPage}, query=Page, refusals=READ),
    Route(GET, _SESSIONS, sessions.list_of_user, "List a user's sessions", "users",
          {200: account_shapes.SessionPage}, query=Page, refusals=READ),
    Route(DELETE, _SESSIONS, sessions.end_all_of_user, "End all of a user's sessions", "users", {204: None},
          refusals=_END, **_WHY),
    Route(DELETE, f"{_SESSIONS}/{{session:uuid}}", sessions.end_of_user, "End one of a user's sessions", "users",
          {204: None}, refusals=_END, **_WHY),
]  # fmt: skip
