/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FERRULE_HELPERS_H
#define FERRULE_HELPERS_H

#include <linux/types.h>
#include <linux/uidgid_types.h>

struct cgroup;
struct dst_entry;
struct fib6_info;
struct in6_addr;
struct module;
#include <linux/workqueue.h>

struct net;
struct net_device;
struct sec_path;
struct sk_buff;
struct sock;

void ferrule_local_bh_disable(void);
void ferrule_local_bh_enable(void);

struct ferrule_context {
	u32 softirq_count;
	u32 cpu;
};

struct ferrule_context ferrule_softirq_count_and_cpu(void);
struct net *ferrule_get_net(struct net *net);
void ferrule_put_net(struct net *net);
void *ferrule_net_generic(const struct net *net, unsigned int id);
kuid_t ferrule_sock_net_uid(const struct net *net);

unsigned int ferrule_raw_smp_processor_id(void);
u32 ferrule_jiffies_to_msecs(unsigned long jiffies);

/* linux/skbuff.h */
u8 ferrule_skb_ip_summed(const struct sk_buff *skb);
void ferrule_skb_set_ip_summed(struct sk_buff *skb, u8 value);
bool ferrule_skb_nf_trace(const struct sk_buff *skb);
void ferrule_skb_set_nf_trace(struct sk_buff *skb, bool value);
void ferrule_skb_set_pkt_type(struct sk_buff *skb, u8 value);
bool ferrule_skb_vlan_tag_present(const struct sk_buff *skb);
struct dst_entry *ferrule_skb_dst(const struct sk_buff *skb);
bool ferrule_skb_valid_dst(const struct sk_buff *skb);
struct sec_path *ferrule_skb_sec_path(const struct sk_buff *skb);
int ferrule_inet_sdif(const struct sk_buff *skb);
int ferrule_inet6_sdif(const struct sk_buff *skb);

/* net/sock.h */
struct sock *ferrule_skb_to_full_sk(const struct sk_buff *skb);
bool ferrule_sk_fullsock(const struct sock *sk);
struct net *ferrule_sock_net(const struct sock *sk);
bool ferrule_inet_sk_transparent(const struct sock *sk);
u32 ferrule_sock_cgroup_classid(struct sock *sk);
struct cgroup *ferrule_sock_cgroup_ancestor(struct sock *sk, int level);
u64 ferrule_cgroup_id(const struct cgroup *cgroup);
void ferrule_cgroup_put(struct cgroup *cgroup);

/* net/dst.h, net/route.h, net/ip6_route.h */
u32 ferrule_dst_mtu(const struct dst_entry *dst);
__be32 ferrule_rt_nexthop(struct dst_entry *dst, __be32 daddr);
const struct in6_addr *ferrule_rt6_nexthop(struct dst_entry *dst, const struct in6_addr *daddr);
int ferrule_fib_lookup(struct net *net, const void *flow, void *result, unsigned int flags);
struct net_device *ferrule_fib_res_dev(void *result);
struct net_device *ferrule_fib6_info_nh_dev(struct fib6_info *info);
bool ferrule_ipv6_anycast_destination(const struct fib6_info *info, u32 flags, const struct in6_addr *daddr);
int ferrule_nf_ipv6_chk_addr(struct net *net, const struct in6_addr *addr, const struct net_device *dev);
int ferrule_ipv6_addr_type(const struct in6_addr *addr);
int ferrule_l3mdev_master_ifindex_rcu(const struct net_device *dev);

/* net/netfilter/nf_conntrack.h and its kin */
void *ferrule_nf_ct_ext_find(const void *ct, u8 id);
u32 ferrule_nf_ct_expires(const void *ct);
void ferrule_nf_conntrack_event_cache(int event, void *ct);
void ferrule_nf_ct_set_acct(struct net *net, bool enable);
void ferrule_nf_conntrack_put(void *ct);
void ferrule_refcount_inc_old(void *refcount, int *old);
void ferrule_refcount_dec(void *refcount);
bool ferrule_refcount_inc_not_zero(void *refcount);
u16 ferrule_nfqueue_hash(const struct sk_buff *skb, u16 queue, u16 total, u8 family, u32 seed);

/* linux/module.h */
struct module *ferrule_this_module(void);

/* linux/audit.h */
bool ferrule_audit_enabled(void);
void ferrule_init_delayed_work(struct delayed_work *work, work_func_t function);
void ferrule_queue_delayed_work(struct delayed_work *work, unsigned int milliseconds);

#endif
