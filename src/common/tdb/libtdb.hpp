// libtdb, included once the right way, with what it exports but does not declare. For .cpp files of
// this folder and for code that only other processes run (the agent, test helpers).
#pragma once

#include <csignal>

#include <sys/stat.h>
#include <sys/types.h>
#include <tdb.h>

extern "C" {
// Exported since libtdb 1.2.1 / 1.2.10, absent from tdb.h. `list` is a chain number.
int tdb_lock_nonblock(struct tdb_context* tdb, int list, int ltype);
int tdb_unlock(struct tdb_context* tdb, int list, int ltype);
int tdb_transaction_write_lock_mark(struct tdb_context* tdb);
int tdb_transaction_write_lock_unmark(struct tdb_context* tdb);
}
