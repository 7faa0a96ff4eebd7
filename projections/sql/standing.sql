-- name: roles
-- How many roles were ever made beside those that come with the product.
SELECT coalesce((numbers ->> 'role')::bigint, 0) FROM ledger.head
