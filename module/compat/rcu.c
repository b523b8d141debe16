// SPDX-License-Identifier: GPL-2.0-only
/*
 * Expedited grace periods, asked of Module.symvers: the functions are exported to modules, and
 * declared in a header that modules don't see, so that a compile probe would always succeed.
 */
#include "compat/compat.h"

#ifdef HAVE_RCU_EXPEDITE
void rcu_expedite_gp(void);
void rcu_unexpedite_gp(void);
#endif

/**
 * fg_rcu_expedite() - let everybody's waits for RCU be short, until fg_rcu_unexpedite()
 *
 * synchronize_rcu() asks every processor by an interrupt then, instead of waiting for it to pass by. It
 * has no effect where the kernel was started with rcupdate.rcu_normal=1. Nests.
 *
 * Context: any.
 * Return: false if this kernel keeps that to itself.
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
 *
 * Context: any.
 */
void fg_rcu_unexpedite(void)
{
#ifdef HAVE_RCU_EXPEDITE
	rcu_unexpedite_gp();
#endif
}
