"""The views: tables that could be dropped and rebuilt at any time, and the queries on them."""
