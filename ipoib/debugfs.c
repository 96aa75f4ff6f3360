// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ipoib/INTERFACE_mcg, _path and _conn in debugfs. They are renamed
 * with the interface. Interfaces in several namespaces may have the same name;
 * whoever comes later has the inode number of his namespace in the names of his
 * files. Process context, RTNL is held.
 */
#include <linux/debugfs.h>
#include <linux/netdevice.h>
#include <linux/seq_file.h>

#include "ipoib/core/conn_fsm.h"
#include "ipoib/debug.h"
#include "ipoib/debugfs.h"
#include "ipoib/dev.h"
#include "ipoib/netdev.h"

static struct dentry *root;

static void show_gid(struct seq_file *file, const u8 *gid)
{
	unsigned int i;

	seq_puts(file, "GID: ");
	for (i = 0; i < 8; i++)
		seq_printf(file, "%x%c", get_unaligned_be16(gid + 2 * i),
			   i < 7 ? ':' : '\n');
}

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

/*
 * The tree is looked at under the lock, an object at a time, and may change
 * between them: the key of the last one shown is kept, and the next above it
 * comes next.
 */
struct cursor {
	struct ipoib_dev *ipd;
	bool started;
	u8 gid[IPOIB_GID_LEN];
};

static struct ipoib_mcast *next_mcast(struct cursor *c)
{
	struct rb_node *n = c->ipd->mcast.tree.rb_node;
	struct ipoib_mcast *best = NULL;

	while (n) {
		struct ipoib_mcast *mcast = rb_entry(n, struct ipoib_mcast,
						     node);

		if (!c->started ||
		    memcmp(mcast->mgid, c->gid, IPOIB_GID_LEN) > 0) {
			best = mcast;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return best;
}

static bool show_mcast(struct seq_file *file, struct cursor *c)
{
	struct ipoib_mcast *mcast;
	bool complete = false, full = false;
	unsigned long created = 0;
	unsigned int queued = 0;

	spin_lock_bh(&c->ipd->lock);
	mcast = next_mcast(c);
	if (mcast) {
		memcpy(c->gid, mcast->mgid, IPOIB_GID_LEN);
		created = mcast->created;
		queued = skb_queue_len(&mcast->queue);
		complete = mcast->ah;
		full = mcast->full;
	}
	spin_unlock_bh(&c->ipd->lock);
	c->started = true;
	if (!mcast)
		return false;
	show_gid(file, c->gid);
	seq_printf(file, "  created: %10ld\n", created);
	seq_printf(file, "  queuelen: %9d\n", queued);
	seq_printf(file, "  complete: %9s\n", yes_no(complete));
	seq_printf(file, "  send_only: %8s\n\n", yes_no(!full));
	return true;
}

static struct ipoib_path *next_path(struct cursor *c)
{
	struct rb_node *n = c->ipd->paths.tree.rb_node;
	struct ipoib_path *best = NULL;

	while (n) {
		struct ipoib_path *path = rb_entry(n, struct ipoib_path, node);

		if (!c->started ||
		    memcmp(path->gid, c->gid, IPOIB_GID_LEN) > 0) {
			best = path;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return best;
}

static bool show_path(struct seq_file *file, struct cursor *c)
{
	struct sa_path_rec rec;
	struct ipoib_path *path;
	bool complete = false;
	int rate;

	spin_lock_bh(&c->ipd->lock);
	path = next_path(c);
	if (path) {
		memcpy(c->gid, path->gid, IPOIB_GID_LEN);
		complete = path->ah;
		rec = path->rec;
	}
	spin_unlock_bh(&c->ipd->lock);
	c->started = true;
	if (!path)
		return false;
	show_gid(file, c->gid);
	seq_printf(file, "  complete: %6s\n", yes_no(complete));
	if (complete) {
		rate = ib_rate_to_mbps(rec.rate);
		seq_printf(file, "  DLID:     0x%04x\n",
			   be32_to_cpu(sa_path_get_dlid(&rec)));
		seq_printf(file, "  SL: %12d\n", rec.sl);
		seq_printf(file, "  rate: %8d.%d Gb/sec\n", rate / 1000,
			   rate % 1000);
	}
	seq_putc(file, '\n');
	return true;
}

static int mcg_show(struct seq_file *file, void *unused)
{
	struct cursor c = { .ipd = file->private };

	while (show_mcast(file, &c) && !seq_has_overflowed(file))
		;
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mcg);

static int path_show(struct seq_file *file, void *unused)
{
	struct cursor c = { .ipd = file->private };

	while (show_path(file, &c) && !seq_has_overflowed(file))
		;
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(path);

/* A connection as it was when somebody looked. */
struct seen {
	u8 gid[IPOIB_GID_LEN];
	u32 qpn;
	bool send;
	bool uc;
	u8 state;
	u32 mtu;
	u64 packets;
	u64 bytes;
	unsigned long age;
};

static void look_at(const struct ipoib_conn *c, struct seen *seen)
{
	memcpy(seen->gid, c->gid, IPOIB_GID_LEN);
	seen->qpn = c->qpn;
	seen->uc = c->uc;
	seen->state = IPOIB_CONN_UP;
	seen->mtu = c->ipd->cm.mtu_max;
	seen->packets = READ_ONCE(c->packets);
	seen->bytes = READ_ONCE(c->bytes);
	seen->age = (jiffies - c->created) / HZ;
}

static unsigned int look_at_all(struct ipoib_dev *ipd, struct seen *seen,
				unsigned int max)
{
	struct ipoib_tx_conn *send;
	struct ipoib_rx_conn *recv;
	unsigned int n = 0;

	spin_lock_bh(&ipd->lock);
	list_for_each_entry(send, &ipd->cm.send, c.entry) {
		if (n == max)
			break;
		look_at(&send->c, &seen[n]);
		seen[n].send = true;
		seen[n].state = send->state;
		seen[n].mtu = send->mtu ? send->mtu - IPOIB_ENCAP_LEN : 0;
		n++;
	}
	list_for_each_entry(recv, &ipd->cm.recv, c.entry) {
		if (n == max)
			break;
		look_at(&recv->c, &seen[n++]);
	}
	spin_unlock_bh(&ipd->lock);
	return n;
}

static int conn_show(struct seq_file *file, void *unused)
{
	struct ipoib_dev *ipd = file->private;
	unsigned int max = READ_ONCE(ipd->cm.num_send) +
			   READ_ONCE(ipd->cm.num_recv), n, i;
	struct seen *seen = kvcalloc(max + 1, sizeof(*seen), GFP_KERNEL);

	if (!seen)
		return -ENOMEM;
	n = look_at_all(ipd, seen, max);
	for (i = 0; i < n; i++) {
		show_gid(file, seen[i].gid);
		seq_printf(file, "  qpn:       0x%06x\n", seen[i].qpn);
		seq_printf(file, "  direction: %8s\n",
			   seen[i].send ? "send" : "receive");
		seq_printf(file, "  transport: %8s\n",
			   seen[i].uc ? "UC" : "RC");
		seq_printf(file, "  state:     %8s\n",
			   ipoib_conn_state_name(seen[i].state));
		seq_printf(file, "  mtu:       %8u\n", seen[i].mtu);
		seq_printf(file, "  packets:   %8llu\n", seen[i].packets);
		seq_printf(file, "  bytes:     %8llu\n", seen[i].bytes);
		seq_printf(file, "  age:       %8lu s\n\n", seen[i].age);
	}
	kvfree(seen);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(conn);

static struct dentry *create(struct ipoib_dev *ipd, const char *suffix,
			     const struct file_operations *fops)
{
	unsigned int netns = dev_net(ipd->netdev)->ns.inum;
	char name[IFNAMSIZ + sizeof("-4294967295_path")];
	struct dentry *other;

	snprintf(name, sizeof(name), "%s%s", ipd->netdev->name, suffix);
	other = debugfs_lookup(name, root);
	if (other) {
		dput(other);
		snprintf(name, sizeof(name), "%s-%u%s", ipd->netdev->name,
			 netns, suffix);
	}
	return debugfs_create_file(name, 0444, root, ipd, fops);
}

static void ipoib_debugfs_add(struct ipoib_dev *ipd)
{
	ipd->debugfs[0] = create(ipd, "_mcg", &mcg_fops);
	ipd->debugfs[1] = create(ipd, "_path", &path_fops);
	ipd->debugfs[2] = create(ipd, "_conn", &conn_fops);
}

/* Waits for those who read. */
static void ipoib_debugfs_remove(struct ipoib_dev *ipd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ipd->debugfs); i++) {
		debugfs_remove(ipd->debugfs[i]);
		ipd->debugfs[i] = NULL;
	}
}

static int renamed(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *netdev = netdev_notifier_info_to_dev(ptr);

	if (!ipoib_is_ours(netdev))
		return NOTIFY_DONE;
	switch (event) {
	case NETDEV_REGISTER:
		ipoib_debugfs_add(ipoib_dev(netdev));
		break;
	case NETDEV_CHANGENAME:
		ipoib_debugfs_remove(ipoib_dev(netdev));
		ipoib_debugfs_add(ipoib_dev(netdev));
		break;
	case NETDEV_UNREGISTER:
		ipoib_debugfs_remove(ipoib_dev(netdev));
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = renamed,
};

/**
 * ipoib_debugfs_start() - the directory
 *
 * Return: 0 or an error.
 */
int ipoib_debugfs_start(void)
{
	root = debugfs_create_dir("ipoib", NULL);
	return register_netdevice_notifier(&notifier);
}

/**
 * ipoib_debugfs_stop() - and its end
 */
void ipoib_debugfs_stop(void)
{
	unregister_netdevice_notifier(&notifier);
	debugfs_remove(root);
}
