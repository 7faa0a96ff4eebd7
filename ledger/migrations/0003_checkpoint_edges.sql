-- The right edge of the tree that was signed: from it the next checkpoint is found to go on, without the leaves before.
-- The note's signature covers it, whose root it folds to. Checkpoints of earlier versions have none.
ALTER TABLE ledger.checkpoints ADD COLUMN edge bytea[];
