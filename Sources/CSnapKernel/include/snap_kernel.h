#ifndef SNAP_KERNEL_H
#define SNAP_KERNEL_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

// System calls that glibc 2.36 does not wrap, or wraps in a form Swift cannot call.
// Each returns what the kernel does: -1 with errno set on failure.

/// openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS: a descriptor that cannot lie outside
/// `directory`, whatever anybody renames meanwhile. O_CLOEXEC is always set.
int snap_open_beneath(int directory, const char *name, int flags, unsigned int mode);

/// getdents64(2): fills `buffer` with `struct linux_dirent64` records.
ssize_t snap_getdents(int directory, void *buffer, size_t count);

/// renameat2(2).
int snap_renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned int flags);

/// fcntl(F_OFD_SETLK) for the whole file: 0 when taken, -1 with EAGAIN when another open file description has it.
int snap_ofd_lock(int fd);

/// syncfs(2), which the headers hide behind _GNU_SOURCE.
int snap_syncfs(int fd);

/// mallopt(3), which Swift does not see: freed memory is kept for what is allocated next, up to `bytes`, in blocks of up
/// to `block`.
void snap_keep_freed_memory(int bytes, int block);

/// sync_file_range(2): has the kernel begin to write a part of a file out. What goes wrong shows at the next fsync.
void snap_start_writing(int fd, int64_t offset, int64_t count);

/// Processors that sched_getaffinity(2) allows this process; 0 when it does not say.
int snap_processor_count(void);

#define SNAP_RENAME_NOREPLACE 1u

#endif
