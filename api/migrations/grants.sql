-- What the application's role may do, given again at each migrate. User names are never given again: none is deleted.
GRANT SELECT, INSERT ON ops.usernames, ops.names TO {app};
GRANT SELECT, INSERT, UPDATE ON ops.credentials TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE
    ON ops.refresh_tokens, ops.sessions, ops.password_tries, ops.rate_hours, ops.uploads, ops.second_factors TO {app};
-- Answers that show somebody who was erased since are sealed anew.
GRANT SELECT, INSERT, UPDATE (answer), DELETE ON ops.answers TO {app};
