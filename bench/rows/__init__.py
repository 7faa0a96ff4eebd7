"""The rows of the table, in its order."""

from bench.plan import Record, Row
from bench.rows import append, audit, growth, load, memory, one_caller, read, rebuild, webhook, write

ALL: tuple[Row | Record, ...] = (
    append.ROW,
    one_caller.ROW,
    rebuild.ROW,
    audit.ROW,
    read.ROW,
    growth.RECORD,
    write.ROW,
    webhook.RECORD,
    memory.RECORD,
    load.RECORD,
)
