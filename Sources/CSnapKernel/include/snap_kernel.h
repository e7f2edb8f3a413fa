#ifndef SNAP_KERNEL_H
#define SNAP_KERNEL_H
#endif
