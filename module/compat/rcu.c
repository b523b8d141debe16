// SPDX-License-Identifier: GPL-2.0-only
/*
 * Expedited grace periods. Module.symvers decides whether this kernel has them: it exports the
 * functions to modules, but a header that modules cannot include declares them, so a compile probe
 * cannot tell.
 */
#include "compat/compat.h"

#ifdef HAVE_RCU_EXPEDITE
void rcu_expedite_gp(void);
void rcu_unexpedite_gp(void);
#endif

/**
 * fg_rcu_expedite() - expedite all grace periods of the machine, until fg_rcu_unexpedite()
 *
 * synchronize_rcu() interrupts every processor then, instead of waiting for its next quiescent
 * state. This has no effect if the kernel was started with rcupdate.rcu_normal=1. Calls nest.
 *
 * Return: false if this kernel does not export the function.
 */
bool fg_rcu_expedite(void)
{
#ifdef HAVE_RCU_EXPEDITE
	rcu_expedite_gp();
	return true;
#else
	return false;
#endif
}

/**
 * fg_rcu_unexpedite() - undo one fg_rcu_expedite() that returned true
 */
void fg_rcu_unexpedite(void)
{
#ifdef HAVE_RCU_EXPEDITE
	rcu_unexpedite_gp();
#endif
}
