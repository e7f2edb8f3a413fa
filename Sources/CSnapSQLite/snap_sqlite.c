#include "snap_sqlite.h"

int snap_sqlite_no_checkpoint_on_close(sqlite3 *db) {
    int on = 0;
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &on);
    if (code != SQLITE_OK) return code;
    return on ? SQLITE_OK : SQLITE_ERROR;
}
