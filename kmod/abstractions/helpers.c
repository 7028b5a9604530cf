// SPDX-License-Identifier: GPL-2.0
/*
 * C inlines and macros as functions, for Rust to call. Nothing else: no logic.
 */

#include <linux/bottom_half.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "helpers.h"

void ferrule_local_bh_disable(void)
{
	local_bh_disable();
}

void ferrule_local_bh_enable(void)
{
	local_bh_enable();
}

struct net *ferrule_get_net(struct net *net)
{
	return get_net(net);
}

void ferrule_put_net(struct net *net)
{
	put_net(net);
}

void *ferrule_net_generic(const struct net *net, unsigned int id)
{
	return net_generic(net, id);
}
