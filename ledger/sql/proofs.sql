-- name: leaves
-- The stored leaf hashes of a range of positions: each batch that has any of them, the first of which may begin before.
SELECT first, hashes FROM ledger.leaves
WHERE first <= %(last)s AND first >= coalesce(
    (SELECT first FROM ledger.leaves WHERE first <= %(first)s ORDER BY first DESC LIMIT 1), %(first)s
) ORDER BY first
