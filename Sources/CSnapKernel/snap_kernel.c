#include "snap_kernel.h"
