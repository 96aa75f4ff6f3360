// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The file that tests write commands to, one a write, and read the answer
 * from: /sys/kernel/debug/sib_verbtest. A write fails as the verb fails that it
 * asks for. Endpoints have numbers; "name=value" are options.
 *
 *	open N dev=HCA type=rc|uc depth= size= sges= srq=1
 *	connect N M mtu= psn= timeout= retry= rnr_retry= min_rnr= grh=1 dlid=
 *		stay_rtr=1
 *	state N to=STATE notify=1 drain=1 fresh=1
 *	recv N count=		send N count= size= imm=1 opcode= bad_key=1
 *	poll N count= ms=	completions, one a line
 *	stream N M count= min= max= imm=1 both=1 whole=1 idle=
 *	info N			state, number, events
 *	limit N to=		of the SRQ
 *	cm N M net_n=FD net_m=FD addr= port= and what open takes
 *	close N
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "verbtest.h"

#define ANSWER_MAX	16384
#define DRIVER_ID	0x53494201

static struct vt_ep *endpoints[VT_ENDPOINTS];
/* Protects the endpoints: one command at a time on any. */
static DEFINE_MUTEX(lock);
static struct dentry *entry;

/* An open file: the answer to its last command. */
struct session {
	struct seq_buf out;
	char answer[ANSWER_MAX];
};

bool vt_opt_text(const char *args, const char *name, char *to, size_t len)
{
	size_t n = strlen(name);
	const char *at = args;

	while ((at = strstr(at, name))) {
		if ((at == args || at[-1] == ' ') && at[n] == '=') {
			at += n + 1;
			strscpy(to, at, min(len, strcspn(at, " \n") + 1));
			return true;
		}
		at += n;
	}
	return false;
}

u32 vt_opt(const char *args, const char *name, u32 otherwise)
{
	char text[16];
	u32 value;

	if (!vt_opt_text(args, name, text, sizeof(text)) ||
	    kstrtou32(text, 0, &value))
		return otherwise;
	return value;
}

static int do_open(struct vt_ep **ep, struct vt_ep **peer, const char *args,
		   struct seq_buf *out)
{
	char name[IB_DEVICE_NAME_MAX] = "";
	struct ib_device *dev;
	int err;

	vt_opt_text(args, "dev", name, sizeof(name));
	dev = ib_device_get_by_name(name, DRIVER_ID);
	if (!dev)
		return -ENODEV;
	err = vt_ep_open(ep, dev, args);
	if (!err) {
		err = vt_ep_qp(*ep, NULL, args);
		if (err) {
			vt_ep_close(*ep);
			*ep = NULL;
		}
	}
	/* From here on the objects keep the device from going. */
	ib_device_put(dev);
	return err;
}

static int do_connect(struct vt_ep **ep, struct vt_ep **peer,
		      const char *args, struct seq_buf *out)
{
	return vt_ep_connect(*ep, *peer, args);
}

static int do_state(struct vt_ep **ep, struct vt_ep **peer, const char *args,
		    struct seq_buf *out)
{
	return vt_ep_state(*ep, args);
}

static int do_recv(struct vt_ep **ep, struct vt_ep **peer, const char *args,
		   struct seq_buf *out)
{
	u32 n = vt_opt(args, "count", 1);
	int err = 0;

	while (!err && n--) {
		struct vt_wr *wr = vt_free_wr((*ep)->rx, (*ep)->depth);

		err = wr ? vt_ep_recv(*ep, wr) : -EBUSY;
	}
	return err;
}

static int do_send(struct vt_ep **ep, struct vt_ep **peer, const char *args,
		   struct seq_buf *out)
{
	u32 n = vt_opt(args, "count", 1), len = vt_opt(args, "size", 64);
	int err = 0;

	while (!err && n--)
		err = vt_ep_send(*ep, len, vt_opt(args, "imm", 0), args);
	return err;
}

static bool take_done(struct vt_ep *ep, struct vt_done *done)
{
	unsigned long irq;
	bool any;

	spin_lock_irqsave(&ep->lock, irq);
	any = ep->tail != ep->head;
	if (any)
		*done = ep->done[ep->tail++ % VT_DONE_MAX];
	spin_unlock_irqrestore(&ep->lock, irq);
	return any;
}

static void print_done(struct seq_buf *out, const struct vt_done *done)
{
	seq_buf_printf(out, "what=%s status=%u seq=%u",
		       done->recv ? "recv" : "send", done->status, done->seq);
	if (done->recv && !done->status)
		seq_buf_printf(out, " len=%u good=%d", done->len, done->good);
	if (done->imm)
		seq_buf_printf(out, " imm=%u", done->imm_data);
	seq_buf_printf(out, "\n");
}

/* As many as are wanted, or as come in time. */
static int do_poll(struct vt_ep **ep, struct vt_ep **peer, const char *args,
		   struct seq_buf *out)
{
	u32 n = vt_opt(args, "count", 1);
	long left = msecs_to_jiffies(vt_opt(args, "ms", 10000));
	struct vt_done done;

	while (n) {
		left = wait_event_interruptible_timeout((*ep)->wait,
				READ_ONCE((*ep)->head) != (*ep)->tail, left);
		if (left <= 0 || !take_done(*ep, &done))
			return left < 0 ? left : 0;
		print_done(out, &done);
		n--;
	}
	return 0;
}

static int do_stream(struct vt_ep **ep, struct vt_ep **peer,
		     const char *args, struct seq_buf *out)
{
	return vt_stream(*ep, *peer, args, out);
}

static void print_attr(struct seq_buf *out, const struct ib_qp_attr *attr)
{
	seq_buf_printf(out, "state=%u sq_psn=%u rq_psn=%u dest_qpn=%u timeout=%u retry=%u rnr_retry=%u min_rnr=%u mtu=%u draining=%u ",
		       attr->qp_state, attr->sq_psn, attr->rq_psn,
		       attr->dest_qp_num, attr->timeout, attr->retry_cnt,
		       attr->rnr_retry, attr->min_rnr_timer, attr->path_mtu,
		       attr->sq_draining);
}

/* The events are told once. */
static int do_info(struct vt_ep **ep, struct vt_ep **peer, const char *args,
		   struct seq_buf *out)
{
	struct ib_qp_init_attr init;
	struct ib_qp_attr attr;
	int err = ib_query_qp((*ep)->qp, &attr, 0, &init);

	if (err)
		return err;
	print_attr(out, &attr);
	spin_lock_irq(&(*ep)->lock);
	seq_buf_printf(out, "qpn=%u events=%lu last_wqe=%u srq_limit=%u",
		       (*ep)->qp->qp_num, (*ep)->events, (*ep)->last_wqe,
		       (*ep)->srq_limit);
	(*ep)->events = 0;
	spin_unlock_irq(&(*ep)->lock);
	return 0;
}

static int do_limit(struct vt_ep **ep, struct vt_ep **peer, const char *args,
		    struct seq_buf *out)
{
	struct ib_srq_attr attr = { .srq_limit = vt_opt(args, "to", 0) };

	if (!(*ep)->srq)
		return -EINVAL;
	return ib_modify_srq((*ep)->srq, &attr, IB_SRQ_LIMIT);
}

static int do_cm(struct vt_ep **ep, struct vt_ep **peer, const char *args,
		 struct seq_buf *out)
{
	return vt_cm(ep, peer, args);
}

static int do_close(struct vt_ep **ep, struct vt_ep **peer, const char *args,
		    struct seq_buf *out)
{
	vt_ep_close(*ep);
	*ep = NULL;
	return 0;
}

/* How many endpoints a command names, and whether they exist already. */
static const struct {
	const char *name;
	u8 endpoints;
	bool makes;
	int (*run)(struct vt_ep **ep, struct vt_ep **peer, const char *args,
		   struct seq_buf *out);
} commands[] = {
	{ "open", 1, true, do_open },
	{ "connect", 2, false, do_connect },
	{ "state", 1, false, do_state },
	{ "recv", 1, false, do_recv },
	{ "send", 1, false, do_send },
	{ "poll", 1, false, do_poll },
	{ "stream", 2, false, do_stream },
	{ "info", 1, false, do_info },
	{ "limit", 1, false, do_limit },
	{ "cm", 2, true, do_cm },
	{ "close", 1, false, do_close },
};

static int run(const char *line, struct seq_buf *out)
{
	char name[16] = "";
	u32 n[2] = {};
	unsigned int i;

	if (sscanf(line, "%15s %u %u", name, &n[0], &n[1]) < 2 ||
	    n[0] >= VT_ENDPOINTS || n[1] >= VT_ENDPOINTS)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i].name))
			continue;
		if (commands[i].makes != !endpoints[n[0]] ||
		    (commands[i].endpoints == 2 &&
		     commands[i].makes != !endpoints[n[1]]))
			return -ENOENT;
		return commands[i].run(&endpoints[n[0]], &endpoints[n[1]],
				       line, out);
	}
	return -EINVAL;
}

static int session_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc(sizeof(struct session), GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static int session_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t session_write(struct file *file, const char __user *from,
			     size_t len, loff_t *pos)
{
	struct session *session = file->private_data;
	char *line = memdup_user_nul(from, min_t(size_t, len, PAGE_SIZE - 1));
	int err;

	if (IS_ERR(line))
		return PTR_ERR(line);
	seq_buf_init(&session->out, session->answer, ANSWER_MAX);
	mutex_lock(&lock);
	err = run(line, &session->out);
	mutex_unlock(&lock);
	kfree(line);
	return err ?: len;
}

static ssize_t session_read(struct file *file, char __user *to, size_t len,
			    loff_t *pos)
{
	struct session *session = file->private_data;

	/* Each command's answer is read from its beginning. */
	return simple_read_from_buffer(to, len, pos, session->answer,
				       seq_buf_used(&session->out));
}

static const struct file_operations session_ops = {
	.owner = THIS_MODULE,
	.open = session_open,
	.release = session_release,
	.write = session_write,
	.read = session_read,
};

static int __init verbtest_init(void)
{
	vt_stream_init();
	entry = debugfs_create_file("sib_verbtest", 0600, NULL, NULL,
				    &session_ops);
	return PTR_ERR_OR_ZERO(entry);
}

static void __exit verbtest_exit(void)
{
	unsigned int i;

	debugfs_remove(entry);
	for (i = 0; i < VT_ENDPOINTS; i++)
		if (endpoints[i])
			vt_ep_close(endpoints[i]);
}

module_init(verbtest_init);
module_exit(verbtest_exit);
MODULE_DESCRIPTION("Test of connected transports, for kernel verbs");
MODULE_LICENSE("Dual BSD/GPL");
