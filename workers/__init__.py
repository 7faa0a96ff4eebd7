"""The hands: consumers of the ledger that reach out of the database, and the tasks that they wake."""
