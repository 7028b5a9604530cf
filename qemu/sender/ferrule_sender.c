// SPDX-License-Identifier: GPL-2.0
/*
 * ferrule_sender: puts recorded frames into the receive path, and says how long that took.
 *
 * For benches only. pktgen sends what it makes up; a bench wants the headers that belong to a ruleset,
 * every frame new (no clones), and many short, separately timed batches, so that a batch during which
 * the host did something else can be told from the others.
 *
 *   /sys/kernel/debug/ferrule_sender/framesN   write: records of { u16 length; u16 flags; frame }, in the
 *                                              machine's byte order, which replace what was there
 *   /sys/kernel/debug/ferrule_sender/run       write: "slot=0 in=dummy0 out=dummy1 gate=0 start=0 warm=2
 *                                              batches=100 size=256"; read: what came of it
 *
 * The devices are looked up in the network namespace of who writes. `gate` registers a hook of our own
 * at forward for the time of the run: 1 lets pass what the rules would and drops what they would (the
 * record's flag), which is the cost of a ruleset's verdicts without the ruleset; 2 lets everything pass.
 *
 * What is read: "sent S dropped D forwarded F" (D as the records say, F as `out` counted), then the
 * nanoseconds of each batch, one a line.
 */

#include <linux/debugfs.h>
#include <linux/etherdevice.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/nsproxy.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>

#define SLOTS 8
#define BATCHES 8192
#define FRAMES_BYTES (256UL << 20)

enum { FLAG_DROP = 1 };
enum { GATE_NONE, GATE_VERDICTS, GATE_PASS };

struct record {
	u16 length;
	u16 flags;
	u8 frame[];
};

struct slot {
	u8 *bytes;
	size_t length;
	size_t room;
	u32 count;
};

struct order {
	unsigned int slot, gate, start, warm, batches, size;
	char in[IFNAMSIZ], out[IFNAMSIZ];
};

/* Everything below is used under this lock. */
static DEFINE_MUTEX(lock);
static struct slot slots[SLOTS];
static u64 times[BATCHES];
static unsigned int timed;
static u64 sent, dropped, forwarded;

static struct dentry *directory;

static unsigned int gate_fn(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return skb->mark & FLAG_DROP ? NF_DROP : NF_ACCEPT;
}

static const struct nf_hook_ops gates[] = {
	{ .hook = gate_fn, .pf = NFPROTO_IPV4, .hooknum = NF_INET_FORWARD, .priority = INT_MAX },
	{ .hook = gate_fn, .pf = NFPROTO_IPV6, .hooknum = NF_INET_FORWARD, .priority = INT_MAX },
};

/* The record at `*at`, or the first one behind the last; moves `*at` behind it. */
static const struct record *next_record(const struct slot *slot, size_t *at)
{
	const struct record *record;

	if (*at >= slot->length)
		*at = 0;
	record = (const struct record *)(slot->bytes + *at);
	*at += ALIGN(sizeof(*record) + record->length, 4);
	return record;
}

static int send_batch(const struct slot *slot, size_t *at, struct net_device *in, unsigned int gate,
		      unsigned int size)
{
	while (size--) {
		const struct record *record = next_record(slot, at);
		struct sk_buff *skb = netdev_alloc_skb_ip_align(in, record->length);

		if (!skb)
			return -ENOMEM;
		skb_put_data(skb, record->frame, record->length);
		skb->protocol = eth_type_trans(skb, in);
		if (gate == GATE_VERDICTS)
			skb->mark = record->flags;
		dropped += record->flags & FLAG_DROP;
		netif_receive_skb(skb);
	}
	return 0;
}

static u64 count_of(struct net_device *device)
{
	struct rtnl_link_stats64 stats;

	dev_get_stats(device, &stats);
	return stats.tx_packets;
}

static int run_between(const struct order *order, struct net_device *in, struct net_device *out)
{
	const struct slot *slot = &slots[order->slot];
	unsigned int i, begin = order->start % slot->count;
	u64 before = count_of(out);
	size_t at = 0;
	int err = 0;

	for (i = 0; i < begin; i++)
		next_record(slot, &at);
	timed = 0;
	sent = 0;
	dropped = 0;
	for (i = 0; i < order->warm + order->batches && !err; i++) {
		u64 start;

		local_bh_disable();
		start = ktime_get_ns();
		err = send_batch(slot, &at, in, order->gate, order->size);
		if (i >= order->warm)
			times[timed++] = ktime_get_ns() - start;
		local_bh_enable();
		sent += order->size;
		cond_resched();
		if (fatal_signal_pending(current))
			err = -EINTR;
	}
	forwarded = count_of(out) - before;
	return err;
}

static int run(const struct order *order)
{
	struct net *net = current->nsproxy->net_ns;
	struct net_device *in, *out;
	int err = -ENODEV;

	if (order->slot >= SLOTS || !slots[order->slot].count || !order->size ||
	    order->batches > BATCHES || order->gate > GATE_PASS)
		return -EINVAL;
	if (order->gate != GATE_NONE) {
		err = nf_register_net_hooks(net, gates, ARRAY_SIZE(gates));
		if (err)
			return err;
	}
	in = dev_get_by_name(net, order->in);
	out = dev_get_by_name(net, order->out);
	err = in && out ? run_between(order, in, out) : -ENODEV;
	dev_put(in);
	dev_put(out);
	if (order->gate != GATE_NONE)
		nf_unregister_net_hooks(net, gates, ARRAY_SIZE(gates));
	return err;
}

static ssize_t run_write(struct file *file, const char __user *text, size_t length, loff_t *offset)
{
	struct order order = { };
	char line[256] = "";
	int err;

	if (length >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, text, length))
		return -EFAULT;
	if (sscanf(line, "slot=%u in=%15s out=%15s gate=%u start=%u warm=%u batches=%u size=%u", &order.slot,
		   order.in, order.out, &order.gate, &order.start, &order.warm, &order.batches,
		   &order.size) != 8)
		return -EINVAL;
	mutex_lock(&lock);
	err = run(&order);
	mutex_unlock(&lock);
	return err ?: length;
}

static int run_show(struct seq_file *seq, void *unused)
{
	unsigned int i;

	mutex_lock(&lock);
	seq_printf(seq, "sent %llu dropped %llu forwarded %llu\n", sent, dropped, forwarded);
	for (i = 0; i < timed; i++)
		seq_printf(seq, "%llu\n", times[i]);
	mutex_unlock(&lock);
	return 0;
}

static int run_open(struct inode *inode, struct file *file)
{
	return single_open(file, run_show, NULL);
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.open = run_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
	.write = run_write,
};

static int make_room(struct slot *slot, size_t length)
{
	size_t room = max_t(size_t, roundup_pow_of_two(length), PAGE_SIZE);
	u8 *bytes;

	if (length <= slot->room)
		return 0;
	if (length > FRAMES_BYTES)
		return -EFBIG;
	bytes = kvmalloc(room, GFP_KERNEL);
	if (!bytes)
		return -ENOMEM;
	if (slot->bytes)
		memcpy(bytes, slot->bytes, slot->length);
	kvfree(slot->bytes);
	slot->bytes = bytes;
	slot->room = room;
	return 0;
}

static void empty(struct slot *slot)
{
	kvfree(slot->bytes);
	*slot = (struct slot) { };
}

static int frames_open(struct inode *inode, struct file *file)
{
	file->private_data = inode->i_private;
	mutex_lock(&lock);
	empty(file->private_data);
	mutex_unlock(&lock);
	return 0;
}

static ssize_t frames_write(struct file *file, const char __user *bytes, size_t length, loff_t *offset)
{
	struct slot *slot = file->private_data;
	int err;

	mutex_lock(&lock);
	err = make_room(slot, slot->length + length);
	if (!err && copy_from_user(slot->bytes + slot->length, bytes, length))
		err = -EFAULT;
	if (!err)
		slot->length += length;
	mutex_unlock(&lock);
	return err ?: length;
}

/* Counts the records; a slot that does not end with a whole one is emptied. */
static int frames_release(struct inode *inode, struct file *file)
{
	struct slot *slot = file->private_data;
	size_t at = 0;

	mutex_lock(&lock);
	slot->count = 0;
	while (at + sizeof(struct record) + ETH_HLEN <= slot->length) {
		next_record(slot, &at);
		slot->count++;
	}
	if (at != slot->length)
		empty(slot);
	mutex_unlock(&lock);
	return 0;
}

static const struct file_operations frames_fops = {
	.owner = THIS_MODULE,
	.open = frames_open,
	.write = frames_write,
	.release = frames_release,
};

static int __init sender_init(void)
{
	unsigned int i;

	directory = debugfs_create_dir("ferrule_sender", NULL);
	debugfs_create_file("run", 0600, directory, NULL, &run_fops);
	for (i = 0; i < SLOTS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "frames%u", i);
		debugfs_create_file(name, 0200, directory, &slots[i], &frames_fops);
	}
	return 0;
}

static void __exit sender_exit(void)
{
	unsigned int i;

	debugfs_remove(directory);
	for (i = 0; i < SLOTS; i++)
		empty(&slots[i]);
}

module_init(sender_init);
module_exit(sender_exit);
MODULE_DESCRIPTION("Sends recorded frames into the receive path, for Ferrule's benches");
MODULE_LICENSE("GPL");
