"""The rows of the table, in its order."""

from bench.plan import Record, Row
from bench.rows import (
    append,
    as_of,
    audit,
    growth,
    load,
    memory,
    one_caller,
    proof,
    read,
    rebuild,
    tree,
    webhook,
    write,
)

ALL: tuple[Row | Record, ...] = (
    append.ROW,
    one_caller.ROW,
    tree.ROW,
    rebuild.ROW,
    audit.ROW,
    read.ROW,
    growth.RECORD,
    as_of.RECORD,
    proof.RECORD,
    write.ROW,
    webhook.RECORD,
    memory.RECORD,
    load.RECORD,
)
