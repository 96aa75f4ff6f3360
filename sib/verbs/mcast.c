// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Attachments, by MGID and MLID: several MGIDs may share an MLID, and an MGID
 * has another MLID after it was deleted and made again.
 *
 * Attaching is process context; looking up is softirq. The lock of the port is
 * held while copies are delivered, so a detach returns when the last is.
 */
#include <linux/jhash.h>
#include <linux/slab.h>

#include "sib/verbs/hca.h"
#include "sib/verbs/mcast.h"
#include "sib/verbs/qp.h"

/**
 * struct sib_mcg - one QP's attachment to one group
 * @entry: in the port's table
 * @qpc: the QP; a reference is held
 * @mlid: the group's LID
 * @mgid: the group's GID
 */
struct sib_mcg {
	struct hlist_node entry;
	struct sib_qpc *qpc;
	u16 mlid;
	u8 mgid[16];
};

static u32 key_of(const u8 *mgid, u16 mlid)
{
	return jhash(mgid, 16, mlid);
}

static bool same_group(const struct sib_mcg *mcg, const u8 *mgid, u16 mlid)
{
	return mcg->mlid == mlid && !memcmp(mcg->mgid, mgid, 16);
}

static struct sib_mcg *find(struct sib_hca_port *port,
			    const struct sib_qpc *qpc, const u8 *mgid,
			    u16 mlid)
{
	struct sib_mcg *mcg;

	lockdep_assert_held(&port->mcg_lock);
	hash_for_each_possible(port->mcg, mcg, entry, key_of(mgid, mlid))
		if (mcg->qpc == qpc && same_group(mcg, mgid, mlid))
			return mcg;
	return NULL;
}

static void release(struct sib_mcg *mcg)
{
	sib_qpc_put(mcg->qpc);
	kfree(mcg);
}

/**
 * sib_attach_mcast() - let a QP have a group's packets
 * @ib: a UD QP, checked by ib_core
 * @gid: MGID
 * @lid: MLID
 *
 * Context: Process.
 * Return: 0, also if it has them already; -EINVAL before INIT; -ENOMEM.
 */
int sib_attach_mcast(struct ib_qp *ib, union ib_gid *gid, u16 lid)
{
	struct sib_qpc *qpc = to_qpc(ib);
	struct sib_hca_port *port;
	struct sib_mcg *mcg;

	if (!qpc->port)
		return -EINVAL;
	mcg = kzalloc(sizeof(*mcg), GFP_KERNEL);
	if (!mcg)
		return -ENOMEM;
	port = sib_hca_port(qpc->hca, qpc->port->num);
	mcg->qpc = qpc;
	mcg->mlid = lid;
	memcpy(mcg->mgid, gid->raw, sizeof(mcg->mgid));
	refcount_inc(&qpc->refs);
	write_lock_bh(&port->mcg_lock);
	if (!find(port, qpc, gid->raw, lid)) {
		hash_add(port->mcg, &mcg->entry, key_of(gid->raw, lid));
		mcg = NULL;
	}
	write_unlock_bh(&port->mcg_lock);
	if (mcg)
		release(mcg);
	return 0;
}

/**
 * sib_detach_mcast() - and no more
 * @ib: a UD QP
 * @gid: MGID
 * @lid: MLID
 *
 * On return none is being delivered.
 *
 * Context: Process.
 * Return: 0, -EINVAL if it was not attached.
 */
int sib_detach_mcast(struct ib_qp *ib, union ib_gid *gid, u16 lid)
{
	struct sib_qpc *qpc = to_qpc(ib);
	struct sib_hca_port *port;
	struct sib_mcg *mcg;

	if (!qpc->port)
		return -EINVAL;
	port = sib_hca_port(qpc->hca, qpc->port->num);
	write_lock_bh(&port->mcg_lock);
	mcg = find(port, qpc, gid->raw, lid);
	if (mcg)
		hash_del(&mcg->entry);
	write_unlock_bh(&port->mcg_lock);
	if (!mcg)
		return -EINVAL;
	release(mcg);
	return 0;
}

/**
 * sib_mcast_drop() - detach a QP from all groups
 * @qpc: the QP, which goes
 *
 * Context: Process.
 */
void sib_mcast_drop(struct sib_qpc *qpc)
{
	struct sib_hca_port *port;
	struct hlist_node *next;
	struct sib_mcg *mcg;
	int bucket;

	if (!qpc->port)
		return;
	port = sib_hca_port(qpc->hca, qpc->port->num);
	write_lock_bh(&port->mcg_lock);
	hash_for_each_safe(port->mcg, bucket, next, mcg, entry) {
		if (mcg->qpc != qpc)
			continue;
		hash_del(&mcg->entry);
		release(mcg);
	}
	write_unlock_bh(&port->mcg_lock);
}

/**
 * sib_mcast_for_each() - call a function for every attached QP
 * @port: where the packet came in
 * @mgid: 16 octets, MGID
 * @mlid: MLID
 * @fn: called with the port's lock held for reading
 * @data: for @fn
 *
 * Context: Softirq.
 * Return: how many QPs there were.
 */
unsigned int sib_mcast_for_each(struct sib_hca_port *port, const u8 *mgid,
				u16 mlid,
				void (*fn)(struct sib_qpc *qpc, void *data),
				void *data)
{
	struct sib_mcg *mcg;
	unsigned int n = 0;

	read_lock(&port->mcg_lock);
	hash_for_each_possible(port->mcg, mcg, entry, key_of(mgid, mlid)) {
		if (!same_group(mcg, mgid, mlid))
			continue;
		fn(mcg->qpc, data);
		n++;
	}
	read_unlock(&port->mcg_lock);
	return n;
}

/**
 * sib_mcast_wanted() - must a multicast be looped back?
 * @port: where it is sent
 * @mgid: 16 octets, MGID
 * @mlid: MLID
 * @sender: the QP that sends it
 *
 * A switch never sends a packet back, so QPs of the sending port get their
 * copies from the HCA.
 *
 * Context: Softirq.
 * Return: true if a QP is attached that wants it.
 */
bool sib_mcast_wanted(struct sib_hca_port *port, const u8 *mgid, u16 mlid,
		      const struct sib_qpc *sender)
{
	struct sib_mcg *mcg;
	bool wanted = false;

	read_lock(&port->mcg_lock);
	hash_for_each_possible(port->mcg, mcg, entry, key_of(mgid, mlid)) {
		if (!same_group(mcg, mgid, mlid))
			continue;
		if (mcg->qpc == sender && sender->create_flags &
		    IB_QP_CREATE_BLOCK_MULTICAST_LOOPBACK)
			continue;
		wanted = true;
		break;
	}
	read_unlock(&port->mcg_lock);
	return wanted;
}
