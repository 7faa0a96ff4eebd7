-- What was settled long ago is found, and dropped, from its oldest end.
CREATE INDEX deliveries_settled ON ops.deliveries (created_at) WHERE state <> 'pending';
