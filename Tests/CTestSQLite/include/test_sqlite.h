#ifndef TEST_SQLITE_H
#define TEST_SQLITE_H

#include <stdint.h>

// A VFS for SQLite that hands every durable operation to the tests before it is carried out, so that what SQLite writes
// passes the same gates as everything else of a store. Everything but these operations is the system's VFS.

enum test_sqlite_operation {
    /// A file is made by opening it.
    TEST_SQLITE_CREATE = 1,
    TEST_SQLITE_WRITE,
    TEST_SQLITE_TRUNCATE,
    TEST_SQLITE_SYNC,
    TEST_SQLITE_DELETE,
    /// The system's VFS syncs a new journal's directory with the journal's first sync.
    TEST_SQLITE_SYNC_DIRECTORY,
};

struct test_sqlite_call {
    enum test_sqlite_operation operation;
    /// Of the file; of the directory's entry for TEST_SQLITE_SYNC_DIRECTORY.
    const char *path;
    const void *bytes;
    int count;
    /// Where it is written, or the new length.
    int64_t offset;
};

/// Decides on an operation: calls `perform(argument)` to carry it out and returns its result, or returns another code of
/// SQLite (SQLITE_IOERR_WRITE, SQLITE_FULL …) without carrying it out.
typedef int (*test_sqlite_hook)(const struct test_sqlite_call *call, int (*perform)(void *argument), void *argument);

/// Makes the VFS the default of the process. Returns a code of SQLite. Call it once, before any database is opened.
int test_sqlite_install(test_sqlite_hook hook);

#endif
