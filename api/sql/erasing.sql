-- name: forget_password
-- No password is the user's any more, and none is known that was.
UPDATE ops.credentials SET active = false, password_hash = '', former = '{}', changed_at = now() WHERE user_id = %s

-- name: forget_sessions
-- From where, and with what, the user was signed in.
UPDATE ops.sessions SET address = NULL, user_agent = '' WHERE user_id = %s
