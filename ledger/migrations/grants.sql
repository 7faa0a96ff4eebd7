-- What the application's role may do, given again at each migrate: whoever prepared the database may not have known it.
-- It adds to the record and never changes it.
REVOKE ALL ON SCHEMA ledger, ops, views, views_next FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger, ops TO {app};
GRANT USAGE, CREATE ON SCHEMA views, views_next TO {app};
GRANT SELECT ON ledger.migrations TO {app};
GRANT SELECT, INSERT ON ledger.events, ledger.leaves, ledger.checkpoints TO {app};
GRANT SELECT, UPDATE (size, edge, recorded_at, numbers) ON ledger.head TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.positions TO {app};
