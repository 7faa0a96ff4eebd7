-- What the application's role may do, given again at each migrate.
GRANT SELECT, INSERT, UPDATE, DELETE
    ON ops.endpoints, ops.webhook_secrets, ops.deliveries, ops.delivery_bodies, ops.delivery_attempts TO {app};
GRANT SELECT, INSERT ON ops.follow_ups, ops.capa_sources TO {app};
GRANT SELECT, UPDATE (position) ON ops.capa_sources_known TO {app};
GRANT SELECT ON ops.redeliverable, ops.webhook_health, ops.delivery_log, ops.attempt_log TO {app};
REVOKE ALL ON SCHEMA dramatiq FROM PUBLIC;
GRANT USAGE ON SCHEMA dramatiq TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON dramatiq.queue, dramatiq.worker, dramatiq.result TO {app};
GRANT SELECT, INSERT, UPDATE ON ops.erasures TO {app};
