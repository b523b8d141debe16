// SPDX-License-Identifier: GPL-2.0-only
/* The module's own source, for this module. */
#include "../../module/expedite.c"
