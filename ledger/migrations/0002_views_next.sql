-- Where a rebuild fills its tables: the application's role makes tables there, and no schema anywhere.
CREATE SCHEMA IF NOT EXISTS views_next;
