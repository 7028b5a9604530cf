/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads. Kbuild says which names it takes from here.
 *
 * Some members of structures lie in anonymous unions and bit fields, which bindgen numbers by
 * their order: the numbers differ between kernels and configurations. Their offsets, worked out
 * by the compiler, do not have to be spelled.
 */

#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>

#include "helpers.h"

enum {
	FERRULE_SKB_NETWORK_HEADER = offsetof(struct sk_buff, network_header),
	FERRULE_SKB_PROTOCOL = offsetof(struct sk_buff, protocol),
	FERRULE_SKB_MARK = offsetof(struct sk_buff, mark),
	FERRULE_SKB_PKT_TYPE = PKT_TYPE_OFFSET,
	FERRULE_SKB_PKT_TYPE_MASK = PKT_TYPE_MAX,
	FERRULE_NETDEV_IFINDEX = offsetof(struct net_device, ifindex),
	FERRULE_NETDEV_NAME = offsetof(struct net_device, name),
};
