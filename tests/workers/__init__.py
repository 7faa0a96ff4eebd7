"""What the hands do, on real PostgreSQL and over real HTTP."""
