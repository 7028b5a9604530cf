/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FERRULE_HELPERS_H
#define FERRULE_HELPERS_H

struct net;

void ferrule_local_bh_disable(void);
void ferrule_local_bh_enable(void);
struct net *ferrule_get_net(struct net *net);
void ferrule_put_net(struct net *net);
void *ferrule_net_generic(const struct net *net, unsigned int id);

#endif
