#include "test_sqlite.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sqlite3_vfs *system_vfs;
static sqlite3_vfs shim_vfs;
static test_sqlite_hook hook;

struct shim_file {
    sqlite3_file base;
    char *path;
    /// The first sync of a new journal syncs its directory, too.
    int syncs_directory;
    sqlite3_file *real;
};

static struct shim_file *shim(sqlite3_file *file) { return (struct shim_file *)file; }
static sqlite3_file *real(sqlite3_file *file) { return shim(file)->real; }

// MARK: The gated operations

struct file_call {
    sqlite3_file *file;
    const void *bytes;
    int count;
    sqlite3_int64 offset;
};

static int perform_nothing(void *argument) { (void)argument; return SQLITE_OK; }

static int perform_write(void *argument) {
    struct file_call *call = argument;
    return call->file->pMethods->xWrite(call->file, call->bytes, call->count, call->offset);
}

static int perform_truncate(void *argument) {
    struct file_call *call = argument;
    return call->file->pMethods->xTruncate(call->file, call->offset);
}

static int perform_sync(void *argument) {
    struct file_call *call = argument;
    return call->file->pMethods->xSync(call->file, call->count);
}

static int ask(enum test_sqlite_operation operation, const char *path, const struct file_call *call,
               int (*perform)(void *)) {
    struct test_sqlite_call question = {operation, path, call->bytes, call->count, call->offset};
    return hook(&question, perform, (void *)call);
}

static int shim_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    struct file_call call = {real(file), bytes, count, offset};
    return ask(TEST_SQLITE_WRITE, shim(file)->path, &call, perform_write);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size) {
    struct file_call call = {real(file), NULL, 0, size};
    return ask(TEST_SQLITE_TRUNCATE, shim(file)->path, &call, perform_truncate);
}

static int shim_sync(sqlite3_file *file, int flags) {
    struct file_call call = {real(file), NULL, flags, 0};
    int code = ask(TEST_SQLITE_SYNC, shim(file)->path, &call, perform_sync);
    if (code != SQLITE_OK || !shim(file)->syncs_directory) return code;
    code = ask(TEST_SQLITE_SYNC_DIRECTORY, shim(file)->path, &call, perform_nothing);
    if (code == SQLITE_OK) shim(file)->syncs_directory = 0;
    return code;
}

// MARK: What is passed on

static int shim_close(sqlite3_file *file) {
    int code = real(file)->pMethods ? real(file)->pMethods->xClose(real(file)) : SQLITE_OK;
    free(shim(file)->path);
    shim(file)->path = NULL;
    return code;
}

static int shim_read(sqlite3_file *f, void *b, int n, sqlite3_int64 o) { return real(f)->pMethods->xRead(real(f), b, n, o); }
static int shim_size(sqlite3_file *f, sqlite3_int64 *size) { return real(f)->pMethods->xFileSize(real(f), size); }
static int shim_lock(sqlite3_file *f, int level) { return real(f)->pMethods->xLock(real(f), level); }
static int shim_unlock(sqlite3_file *f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
static int shim_reserved(sqlite3_file *f, int *out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
static int shim_control(sqlite3_file *f, int op, void *arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); }
static int shim_sector(sqlite3_file *f) { return real(f)->pMethods->xSectorSize(real(f)); }
static int shim_traits(sqlite3_file *f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
static int shim_shm_map(sqlite3_file *f, int i, int size, int extend, void volatile **out) {
    return real(f)->pMethods->xShmMap(real(f), i, size, extend, out);
}
static int shim_shm_lock(sqlite3_file *f, int o, int n, int flags) { return real(f)->pMethods->xShmLock(real(f), o, n, flags); }
static void shim_shm_barrier(sqlite3_file *f) { real(f)->pMethods->xShmBarrier(real(f)); }
static int shim_shm_unmap(sqlite3_file *f, int deletes) { return real(f)->pMethods->xShmUnmap(real(f), deletes); }

// Version 2: no memory-mapped pages, which would be read past the shim.
static const sqlite3_io_methods methods = {
    2, shim_close, shim_read, shim_write, shim_truncate, shim_sync, shim_size, shim_lock, shim_unlock, shim_reserved,
    shim_control, shim_sector, shim_traits, shim_shm_map, shim_shm_lock, shim_shm_barrier, shim_shm_unmap, NULL, NULL,
};

// MARK: Opening and deleting

struct open_call {
    const char *path;
    sqlite3_file *file;
    int flags;
    int *out;
};

static int perform_open(void *argument) {
    struct open_call *call = argument;
    return system_vfs->xOpen(system_vfs, call->path, call->file, call->flags, call->out);
}

static int shim_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out) {
    (void)vfs;
    struct shim_file *made = shim(file);
    memset(made, 0, sizeof *made);
    made->real = (sqlite3_file *)((char *)file + sizeof *made);
    memset(made->real, 0, (size_t)system_vfs->szOsFile);
    struct open_call call = {path, made->real, flags, out};
    int is_made = path && (flags & SQLITE_OPEN_CREATE) && access(path, F_OK) != 0;
    int code;
    if (is_made) {
        struct test_sqlite_call question = {TEST_SQLITE_CREATE, path, NULL, 0, 0};
        code = hook(&question, perform_open, &call);
    } else {
        code = perform_open(&call);
    }
    if (code != SQLITE_OK) return code;
    made->path = strdup(path ? path : "");
    made->syncs_directory = is_made && (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL));
    made->base.pMethods = &methods;
    return SQLITE_OK;
}

struct delete_call {
    const char *path;
    int syncs;
};

static int perform_delete(void *argument) {
    struct delete_call *call = argument;
    return system_vfs->xDelete(system_vfs, call->path, call->syncs);
}

static int shim_delete(sqlite3_vfs *vfs, const char *path, int syncs) {
    (void)vfs;
    struct delete_call call = {path, syncs};
    struct test_sqlite_call question = {TEST_SQLITE_DELETE, path, NULL, 0, 0};
    int code = hook(&question, perform_delete, &call);
    if (code != SQLITE_OK || !syncs) return code;
    question.operation = TEST_SQLITE_SYNC_DIRECTORY;
    return hook(&question, perform_nothing, NULL);
}

int test_sqlite_install(test_sqlite_hook decide) {
    hook = decide;
    system_vfs = sqlite3_vfs_find(NULL);
    if (!system_vfs) return SQLITE_ERROR;
    shim_vfs = *system_vfs;
    shim_vfs.zName = "gated";
    shim_vfs.szOsFile = (int)sizeof(struct shim_file) + system_vfs->szOsFile;
    shim_vfs.xOpen = shim_open;
    shim_vfs.xDelete = shim_delete;
    return sqlite3_vfs_register(&shim_vfs, 1);
}
