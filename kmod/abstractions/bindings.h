/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads. Kbuild says which names it takes from here.
 *
 * Some members of structures lie in anonymous unions and bit fields, which bindgen numbers by
 * their order: the numbers differ between kernels and configurations. Their offsets, worked out
 * by the compiler, do not have to be spelled. What a configuration lacks is at FERRULE_ABSENT.
 */

#include <linux/audit.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/security.h>
#include <linux/skbuff.h>
#include <linux/time.h>
#include <net/dst.h>
#include <net/flow.h>
#include <net/inet_sock.h>
#include <net/ip6_fib.h>
#include <net/ip_fib.h>
#include <net/l3mdev.h>
#include <net/netfilter/ipv4/nf_dup_ipv4.h>
#include <net/netfilter/ipv4/nf_reject.h>
#include <net/netfilter/ipv6/nf_dup_ipv6.h>
#include <net/netfilter/ipv6/nf_reject.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_acct.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_count.h>
#include <net/netfilter/nf_conntrack_ecache.h>
#include <net/netfilter/nf_conntrack_expect.h>
#include <net/netfilter/nf_conntrack_extend.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_labels.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netfilter/nf_log.h>
#include <net/netfilter/nf_queue.h>
#include <net/netfilter/nf_socket.h>
#include <net/nexthop.h>
#include <net/rtnetlink.h>
#include <net/sock.h>
#include <net/xfrm.h>

#include "helpers.h"

#define FERRULE_ABSENT 0xffffffff

enum {
	FERRULE_SKB_NETWORK_HEADER = offsetof(struct sk_buff, network_header),
	FERRULE_SKB_MAC_HEADER = offsetof(struct sk_buff, mac_header),
	FERRULE_SKB_PROTOCOL = offsetof(struct sk_buff, protocol),
	FERRULE_SKB_MARK = offsetof(struct sk_buff, mark),
	FERRULE_SKB_PRIORITY = offsetof(struct sk_buff, priority),
	FERRULE_SKB_CSUM = offsetof(struct sk_buff, csum),
	FERRULE_SKB_NFCT = offsetof(struct sk_buff, _nfct),
	FERRULE_SKB_VLAN_PROTO = offsetof(struct sk_buff, vlan_proto),
	FERRULE_SKB_VLAN_TCI = offsetof(struct sk_buff, vlan_tci),
	FERRULE_SKB_SK = offsetof(struct sk_buff, sk),
	FERRULE_SKB_DEV = offsetof(struct sk_buff, dev),
	FERRULE_SKB_PKT_TYPE = PKT_TYPE_OFFSET,
	FERRULE_SKB_PKT_TYPE_MASK = PKT_TYPE_MAX,

	FERRULE_NETDEV_IFINDEX = offsetof(struct net_device, ifindex),
	FERRULE_NETDEV_NAME = offsetof(struct net_device, name),
	FERRULE_NETDEV_TYPE = offsetof(struct net_device, type),
	FERRULE_NETDEV_GROUP = offsetof(struct net_device, group),
	FERRULE_NETDEV_FLAGS = offsetof(struct net_device, flags),
	FERRULE_NETDEV_LINK_OPS = offsetof(struct net_device, rtnl_link_ops),
	FERRULE_LINK_OPS_KIND = offsetof(struct rtnl_link_ops, kind),
	FERRULE_IFF_LOOPBACK = IFF_LOOPBACK,

	FERRULE_SOCK_SOCKET = offsetof(struct sock, sk_socket),
	FERRULE_SOCK_MARK = offsetof(struct sock, sk_mark),
	FERRULE_SOCK_RCV_SADDR = offsetof(struct sock, sk_rcv_saddr),
	FERRULE_SOCK_V6_RCV_SADDR = offsetof(struct sock, sk_v6_rcv_saddr),
	FERRULE_SOCK_RX_DST_IFINDEX = offsetof(struct sock, sk_rx_dst_ifindex),
	FERRULE_SOCKET_FILE = offsetof(struct socket, file),
	FERRULE_FILE_CRED = offsetof(struct file, f_cred),
	FERRULE_CRED_FSUID = offsetof(struct cred, fsuid),
	FERRULE_CRED_FSGID = offsetof(struct cred, fsgid),
	FERRULE_NET_USER_NS = offsetof(struct net, user_ns),
	FERRULE_CGROUP_LEVEL = offsetof(struct cgroup, level),
	FERRULE_TZ_MINUTESWEST = offsetof(struct timezone, tz_minuteswest),

	FERRULE_CT_TUPLE = offsetof(struct nf_conn, tuplehash) + offsetof(struct nf_conntrack_tuple_hash, tuple),
	FERRULE_CT_TUPLE_STRIDE = sizeof(struct nf_conntrack_tuple_hash),
	FERRULE_TUPLE_SRC = offsetof(struct nf_conntrack_tuple, src.u3),
	FERRULE_TUPLE_DST = offsetof(struct nf_conntrack_tuple, dst.u3),
	FERRULE_TUPLE_SRC_PORT = offsetof(struct nf_conntrack_tuple, src.u.all),
	FERRULE_TUPLE_DST_PORT = offsetof(struct nf_conntrack_tuple, dst.u.all),
	FERRULE_TUPLE_L3NUM = offsetof(struct nf_conntrack_tuple, src.l3num),
	FERRULE_TUPLE_PROTONUM = offsetof(struct nf_conntrack_tuple, dst.protonum),
	FERRULE_CT_STATUS = offsetof(struct nf_conn, status),
	FERRULE_CT_USE = offsetof(struct nf_conn, ct_general.use),
	FERRULE_CT_MASTER = offsetof(struct nf_conn, master),
	FERRULE_HELPER_NAME = offsetof(struct nf_conntrack_helper, name),
	FERRULE_HELPER_USE = offsetof(struct nf_conntrack_helper, ct_refcnt),
	FERRULE_HELPER_ME = offsetof(struct nf_conntrack_helper, me),
	FERRULE_HELPER_MAX_EXPECTED = offsetof(struct nf_conntrack_helper, expect_policy[0].max_expected),
	FERRULE_HELPER_HELP = offsetof(struct nf_conntrack_helper, help),
	FERRULE_HELP_DATA = offsetof(struct nf_conn_help, data),
	FERRULE_EXPECT_TIMEOUT = offsetof(struct nf_conntrack_expect, timeout),
	FERRULE_EXPECT_MAX = NF_CT_EXPECT_MAX_CNT,
	FERRULE_HELP_HELPER = offsetof(struct nf_conn_help, helper),
	FERRULE_CT_COUNTER_STRIDE = sizeof(struct nf_conn_counter),
	FERRULE_CT_COUNTER_PACKETS = offsetof(struct nf_conn_counter, packets),
	FERRULE_CT_COUNTER_BYTES = offsetof(struct nf_conn_counter, bytes),
	FERRULE_ECACHE_CTMASK = offsetof(struct nf_conntrack_ecache, ctmask),
	FERRULE_NFCT_PTRMASK_INVERSE = NFCT_INFOMASK,
	FERRULE_CONNCOUNT_LIST_SIZE = sizeof(struct nf_conncount_list),
	FERRULE_CONNCOUNT_COUNT = offsetof(struct nf_conncount_list, count),
	FERRULE_EXT_HELPER = NF_CT_EXT_HELPER,
	FERRULE_EXT_SEQADJ = NF_CT_EXT_SEQADJ,
	FERRULE_EXT_ACCT = NF_CT_EXT_ACCT,

	FERRULE_DST_XFRM = offsetof(struct dst_entry, xfrm),
	FERRULE_XFRM_DST_CHILD = offsetof(struct xfrm_dst, child),
	FERRULE_XFRM_STATE_DADDR = offsetof(struct xfrm_state, id.daddr),
	FERRULE_XFRM_STATE_SPI = offsetof(struct xfrm_state, id.spi),
	FERRULE_XFRM_STATE_SADDR = offsetof(struct xfrm_state, props.saddr),
	FERRULE_XFRM_STATE_REQID = offsetof(struct xfrm_state, props.reqid),
	FERRULE_XFRM_STATE_FAMILY = offsetof(struct xfrm_state, props.family),
	FERRULE_XFRM_STATE_MODE = offsetof(struct xfrm_state, props.mode),
	FERRULE_SEC_PATH_LEN = offsetof(struct sec_path, len),
	FERRULE_SEC_PATH_XVEC = offsetof(struct sec_path, xvec),

	FERRULE_FLOWI_SIZE = sizeof(struct flowi),
	FERRULE_FLOWI4_DADDR = offsetof(struct flowi4, daddr),
	FERRULE_FLOWI4_SADDR = offsetof(struct flowi4, saddr),
	FERRULE_FLOWI_IIF = offsetof(struct flowi_common, flowic_iif),
	FERRULE_FLOWI_OIF = offsetof(struct flowi_common, flowic_oif),
	FERRULE_FLOWI_L3MDEV = offsetof(struct flowi_common, flowic_l3mdev),
	FERRULE_FLOWI_MARK = offsetof(struct flowi_common, flowic_mark),
	FERRULE_FLOWI_PROTO = offsetof(struct flowi_common, flowic_proto),
	FERRULE_FLOWI_UID = offsetof(struct flowi_common, flowic_uid),
	FERRULE_FLOWI_DSCP = offsetof(struct flowi_common, flowic_dscp),
	FERRULE_FLOWI6_DADDR = offsetof(struct flowi6, daddr),
	FERRULE_FLOWI6_SADDR = offsetof(struct flowi6, saddr),
	FERRULE_FLOWI6_FLOWLABEL = offsetof(struct flowi6, flowlabel),
	FERRULE_FIB_RESULT_SIZE = sizeof(struct fib_result),
	FERRULE_FIB_RESULT_TYPE = offsetof(struct fib_result, type),
	FERRULE_FIB_RESULT_FI = offsetof(struct fib_result, fi),
	FERRULE_FIB6_RESULT_SIZE = sizeof(struct fib6_result),
	FERRULE_FIB6_RESULT_F6I = offsetof(struct fib6_result, f6i),
	FERRULE_FIB6_RESULT_FLAGS = offsetof(struct fib6_result, fib6_flags),
	FERRULE_FIB6_RESULT_TYPE = offsetof(struct fib6_result, fib6_type),
	FERRULE_FIB6_INFO_NH = offsetof(struct fib6_info, nh),
	FERRULE_FIB6_INFO_NSIBLINGS = offsetof(struct fib6_info, fib6_nsiblings),
	FERRULE_FIB6_INFO_SIBLINGS = offsetof(struct fib6_info, fib6_siblings),
	FERRULE_FIB6_NH_DEV = offsetof(struct fib6_nh, fib_nh_dev),

	FERRULE_LOGINFO_SIZE = sizeof(struct nf_loginfo),
	FERRULE_LOGINFO_TYPE = offsetof(struct nf_loginfo, type),
	FERRULE_LOGINFO_COPY_LEN = offsetof(struct nf_loginfo, u.ulog.copy_len),
	FERRULE_LOGINFO_GROUP = offsetof(struct nf_loginfo, u.ulog.group),
	FERRULE_LOGINFO_QTHRESHOLD = offsetof(struct nf_loginfo, u.ulog.qthreshold),
	FERRULE_LOGINFO_ULOG_FLAGS = offsetof(struct nf_loginfo, u.ulog.flags),
	FERRULE_LOGINFO_LEVEL = offsetof(struct nf_loginfo, u.log.level),
	FERRULE_LOGINFO_LOG_FLAGS = offsetof(struct nf_loginfo, u.log.logflags),
	FERRULE_LOG_TYPE_LOG = NF_LOG_TYPE_LOG,
	FERRULE_LOG_TYPE_ULOG = NF_LOG_TYPE_ULOG,
	FERRULE_LOG_F_COPY_LEN = NF_LOG_F_COPY_LEN,
};

/* What a configuration may lack. */
#ifdef CONFIG_NETWORK_SECMARK
#define FERRULE_SKB_SECMARK_AT offsetof(struct sk_buff, secmark)
#else
#define FERRULE_SKB_SECMARK_AT FERRULE_ABSENT
#endif
#ifdef CONFIG_IP_ROUTE_CLASSID
#define FERRULE_DST_CLASSID_AT offsetof(struct dst_entry, tclassid)
#else
#define FERRULE_DST_CLASSID_AT FERRULE_ABSENT
#endif
#ifdef CONFIG_NF_CONNTRACK_MARK
#define FERRULE_CT_MARK_AT offsetof(struct nf_conn, mark)
#else
#define FERRULE_CT_MARK_AT FERRULE_ABSENT
#endif
#ifdef CONFIG_NF_CONNTRACK_SECMARK
#define FERRULE_CT_SECMARK_AT offsetof(struct nf_conn, secmark)
#else
#define FERRULE_CT_SECMARK_AT FERRULE_ABSENT
#endif
#ifdef CONFIG_NF_CONNTRACK_ZONES
#define FERRULE_CT_ZONE_AT offsetof(struct nf_conn, zone)
#else
#define FERRULE_CT_ZONE_AT FERRULE_ABSENT
#endif
#ifdef CONFIG_NF_CONNTRACK_LABELS
#define FERRULE_EXT_LABELS_ID NF_CT_EXT_LABELS
#else
#define FERRULE_EXT_LABELS_ID FERRULE_ABSENT
#endif
#ifdef CONFIG_NF_CONNTRACK_EVENTS
#define FERRULE_EXT_ECACHE_ID NF_CT_EXT_ECACHE
#else
#define FERRULE_EXT_ECACHE_ID FERRULE_ABSENT
#endif

enum {
	FERRULE_SKB_SECMARK = FERRULE_SKB_SECMARK_AT,
	FERRULE_DST_CLASSID = FERRULE_DST_CLASSID_AT,
	FERRULE_CT_MARK = FERRULE_CT_MARK_AT,
	FERRULE_CT_SECMARK = FERRULE_CT_SECMARK_AT,
	FERRULE_CT_ZONE = FERRULE_CT_ZONE_AT,
	FERRULE_EXT_LABELS = FERRULE_EXT_LABELS_ID,
	FERRULE_EXT_ECACHE = FERRULE_EXT_ECACHE_ID,
};
