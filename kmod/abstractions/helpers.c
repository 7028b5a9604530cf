// SPDX-License-Identifier: GPL-2.0
/*
 * C inlines and macros as functions, for Rust to call. Nothing else: no logic.
 */

#include <linux/audit.h>
#include <linux/bottom_half.h>
#include <linux/cgroup.h>
#include <linux/if_vlan.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/netfilter_ipv6.h>
#include <linux/skbuff.h>
#include <net/cls_cgroup.h>
#include <net/dst_metadata.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ip_fib.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_acct.h>
#include <net/netfilter/nf_conntrack_ecache.h>
#include <net/netfilter/nf_conntrack_extend.h>
#include <net/netfilter/nf_queue.h>
#include <net/netns/generic.h>
#include <net/nexthop.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/xfrm.h>

#include "helpers.h"

void ferrule_local_bh_disable(void)
{
	local_bh_disable();
}

void ferrule_local_bh_enable(void)
{
	local_bh_enable();
}

/* Together, because each packet asks for both. */
struct ferrule_context ferrule_softirq_count_and_cpu(void)
{
	return (struct ferrule_context){
		.softirq_count = softirq_count(),
		.cpu = raw_smp_processor_id(),
	};
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

kuid_t ferrule_sock_net_uid(const struct net *net)
{
	return sock_net_uid(net, NULL);
}

unsigned int ferrule_raw_smp_processor_id(void)
{
	return raw_smp_processor_id();
}

u32 ferrule_jiffies_to_msecs(unsigned long jiffies)
{
	return jiffies_to_msecs(jiffies);
}

u8 ferrule_skb_ip_summed(const struct sk_buff *skb)
{
	return skb->ip_summed;
}

void ferrule_skb_set_ip_summed(struct sk_buff *skb, u8 value)
{
	skb->ip_summed = value;
}

bool ferrule_skb_nf_trace(const struct sk_buff *skb)
{
	return skb->nf_trace;
}

void ferrule_skb_set_nf_trace(struct sk_buff *skb, bool value)
{
	skb->nf_trace = value;
}

void ferrule_skb_set_pkt_type(struct sk_buff *skb, u8 value)
{
	skb->pkt_type = value;
}

bool ferrule_skb_vlan_tag_present(const struct sk_buff *skb)
{
	return skb_vlan_tag_present(skb);
}

struct dst_entry *ferrule_skb_dst(const struct sk_buff *skb)
{
	return skb_dst(skb);
}

bool ferrule_skb_valid_dst(const struct sk_buff *skb)
{
	return skb_valid_dst(skb);
}

struct sec_path *ferrule_skb_sec_path(const struct sk_buff *skb)
{
	return skb_sec_path(skb);
}

int ferrule_inet_sdif(const struct sk_buff *skb)
{
	return inet_sdif(skb);
}

int ferrule_inet6_sdif(const struct sk_buff *skb)
{
	return inet6_sdif(skb);
}

struct sock *ferrule_skb_to_full_sk(const struct sk_buff *skb)
{
	return skb_to_full_sk(skb);
}

bool ferrule_sk_fullsock(const struct sock *sk)
{
	return sk_fullsock(sk);
}

struct net *ferrule_sock_net(const struct sock *sk)
{
	return sock_net(sk);
}

bool ferrule_inet_sk_transparent(const struct sock *sk)
{
	return inet_sk_transparent(sk);
}

#ifdef CONFIG_CGROUP_NET_CLASSID
u32 ferrule_sock_cgroup_classid(struct sock *sk)
{
	return sock_cgroup_classid(&sk->sk_cgrp_data);
}
#endif

#ifdef CONFIG_SOCK_CGROUP_DATA
struct cgroup *ferrule_sock_cgroup_ancestor(struct sock *sk, int level)
{
	return cgroup_ancestor(sock_cgroup_ptr(&sk->sk_cgrp_data), level);
}

u64 ferrule_cgroup_id(const struct cgroup *cgroup)
{
	return cgroup_id(cgroup);
}

void ferrule_cgroup_put(struct cgroup *cgroup)
{
	cgroup_put(cgroup);
}
#endif

u32 ferrule_dst_mtu(const struct dst_entry *dst)
{
	return dst_mtu(dst);
}

__be32 ferrule_rt_nexthop(struct dst_entry *dst, __be32 daddr)
{
	return rt_nexthop(dst_rtable(dst), daddr);
}

const struct in6_addr *ferrule_rt6_nexthop(struct dst_entry *dst, const struct in6_addr *daddr)
{
	return rt6_nexthop(dst_rt6_info(dst), daddr);
}

int ferrule_fib_lookup(struct net *net, const void *flow, void *result, unsigned int flags)
{
	return fib_lookup(net, (struct flowi4 *)flow, result, flags);
}

struct net_device *ferrule_fib_res_dev(void *result)
{
	return FIB_RES_DEV(*(struct fib_result *)result);
}

struct net_device *ferrule_fib6_info_nh_dev(struct fib6_info *info)
{
	return fib6_info_nh_dev(info);
}

bool ferrule_ipv6_anycast_destination(const struct fib6_info *info, u32 flags,
				      const struct in6_addr *daddr)
{
	return __ipv6_anycast_destination(&info->fib6_dst, flags, daddr);
}

int ferrule_nf_ipv6_chk_addr(struct net *net, const struct in6_addr *addr,
			     const struct net_device *dev)
{
	return nf_ipv6_chk_addr(net, addr, dev, true);
}

int ferrule_ipv6_addr_type(const struct in6_addr *addr)
{
	return ipv6_addr_type(addr);
}

int ferrule_l3mdev_master_ifindex_rcu(const struct net_device *dev)
{
	return l3mdev_master_ifindex_rcu(dev);
}

void *ferrule_nf_ct_ext_find(const void *ct, u8 id)
{
	return nf_ct_ext_find(ct, id);
}

u32 ferrule_nf_ct_expires(const void *ct)
{
	return jiffies_to_msecs(nf_ct_expires(ct));
}

void ferrule_nf_conntrack_event_cache(int event, void *ct)
{
	nf_conntrack_event_cache(event, ct);
}

void ferrule_nf_ct_set_acct(struct net *net, bool enable)
{
	nf_ct_set_acct(net, enable);
}

void ferrule_nf_conntrack_put(void *ct)
{
	nf_conntrack_put(ct);
}

void ferrule_refcount_inc_old(void *refcount, int *old)
{
	__refcount_inc(refcount, old);
}

void ferrule_refcount_dec(void *refcount)
{
	refcount_dec(refcount);
}

bool ferrule_refcount_inc_not_zero(void *refcount)
{
	return refcount_inc_not_zero(refcount);
}

u16 ferrule_nfqueue_hash(const struct sk_buff *skb, u16 queue, u16 total, u8 family, u32 seed)
{
	return nfqueue_hash(skb, queue, total, family, seed);
}

bool ferrule_audit_enabled(void)
{
	return audit_enabled;
}

void ferrule_init_delayed_work(struct delayed_work *work, work_func_t function)
{
	INIT_DELAYED_WORK(work, function);
}

void ferrule_queue_delayed_work(struct delayed_work *work, unsigned int milliseconds)
{
	queue_delayed_work(system_dfl_wq, work, msecs_to_jiffies(milliseconds));
}

struct module *ferrule_this_module(void)
{
	return THIS_MODULE;
}
