#ifndef SNAP_SQLITE_H
#define SNAP_SQLITE_H

#include <sqlite3.h>

/// `sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, …)`: the call is variadic, which Swift cannot make.
/// Returns SQLITE_OK, or the error code of SQLite; SQLITE_ERROR when the switch did not take.
int snap_sqlite_no_checkpoint_on_close(sqlite3 *db);

#endif
