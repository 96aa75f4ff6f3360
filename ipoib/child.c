// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Children: one interface for each P_Key besides that of the port's own. Made
 * by create_child or over rtnetlink, and alike. RTNL is held.
 *
 * A child holds a reference on its parent's netdev until its memory goes, so
 * that whoever reads its iflink or its parent's name finds one.
 */
#include <linux/errno.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>

#include "ipoib/child.h"
#include "ipoib/core/event.h"
#include "ipoib/core/hwaddr.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/event.h"
#include "ipoib/link.h"
#include "ipoib/sysfs.h"

/* Children that delete_child was asked for; RTNL. */
static LIST_HEAD(doomed);

/*
 * The writer of delete_child keeps the parent's files busy, for which whoever
 * removes the parent waits with RTNL: so he must not wait for RTNL himself,
 * as removing an interface does.
 */
static void bury(struct work_struct *work)
{
	struct ipoib_dev *child;
	LIST_HEAD(kill);

	rtnl_lock();
	list_for_each_entry(child, &doomed, sibling) {
		set_bit(IPOIB_FLAG_GOING, &child->flags);
		unregister_netdevice_queue(child->netdev, &kill);
	}
	unregister_netdevice_many(&kill);
	rtnl_unlock();
}

static DECLARE_WORK(bury_work, bury);

/**
 * ipoib_child_add() - make a netdev a child, and register it
 * @parent: a parent
 * @netdev: set up by ipoib_netdev_setup(), not registered
 * @pkey: P_Key; the membership bit is set
 * @by_sysfs: made by create_child
 *
 * The port need not have the P_Key, now or ever.
 *
 * Return: 0; on an error the netdev is the caller's, to be freed.
 */
int ipoib_child_add(struct ipoib_dev *parent, struct net_device *netdev,
		    u16 pkey, bool by_sysfs)
{
	struct ipoib_dev *child;
	int err;

	ASSERT_RTNL();
	err = ipoib_dev_attach(netdev, parent->hca, parent->port);
	if (err)
		return err;
	child = ipoib_dev(netdev);
	child->pkey = pkey | IPOIB_PKEY_FULL;
	child->by_sysfs = by_sysfs;
	child->parent = parent;
	netdev_hold(parent->netdev, &child->parent_tracker, GFP_KERNEL);
	netdev->sysfs_groups[0] = &ipoib_sysfs_child_group;
	err = ipoib_dev_register(netdev);
	if (!err)
		list_add_tail(&child->sibling, &parent->children);
	return err;
}

/* Among the parent itself and the children of its files. */
static bool is_taken(const struct ipoib_dev *parent, u16 pkey)
{
	const struct ipoib_dev *child;

	if (parent->pkey == pkey)
		return true;
	list_for_each_entry(child, &parent->children, sibling)
		if (child->by_sysfs && child->pkey == pkey)
			return true;
	return false;
}

static bool is_doomed(const struct ipoib_dev *parent, u16 pkey)
{
	const struct ipoib_dev *child;

	list_for_each_entry(child, &doomed, sibling)
		if (child->parent == parent && child->pkey == pkey)
			return true;
	return false;
}

/**
 * ipoib_child_create() - what create_child does
 * @parent: a parent
 * @pkey: as it was written; the name has it so
 *
 * Return: 0; -EINVAL for what is no P_Key, -ENOTUNIQ for one that the parent or
 * another child of create_child has, -EEXIST if the name is taken,
 * -EAGAIN while such a child is being deleted; other errors.
 */
int ipoib_child_create(struct ipoib_dev *parent, int pkey)
{
	char name[IFNAMSIZ];
	struct net_device *netdev;
	int err;

	ASSERT_RTNL();
	if (pkey <= 0 || pkey > 0xffff || pkey == IPOIB_PKEY_FULL)
		return -EINVAL;
	if (is_taken(parent, pkey | IPOIB_PKEY_FULL))
		return -ENOTUNIQ;
	if (is_doomed(parent, pkey | IPOIB_PKEY_FULL))
		return -EAGAIN;
	snprintf(name, sizeof(name), "%.10s.%04x", parent->netdev->name,
		 pkey);
	netdev = ipoib_dev_alloc(name);
	if (!netdev)
		return -ENOMEM;
	dev_net_set(netdev, dev_net(parent->netdev));
	err = ipoib_child_add(parent, netdev, pkey, true);
	if (err)
		free_netdev(netdev);
	return err;
}

/**
 * ipoib_child_delete() - what delete_child does
 * @parent: a parent
 * @pkey: with the membership bit or without
 *
 * The child goes a little later.
 *
 * Return: 0, -EINVAL for what is no number of 16 bits, -ENODEV if there is no
 * such child of create_child.
 */
int ipoib_child_delete(struct ipoib_dev *parent, int pkey)
{
	struct ipoib_dev *child;

	ASSERT_RTNL();
	if (pkey < 0 || pkey > 0xffff)
		return -EINVAL;
	list_for_each_entry(child, &parent->children, sibling) {
		if (!child->by_sysfs ||
		    child->pkey != (pkey | IPOIB_PKEY_FULL))
			continue;
		list_move_tail(&child->sibling, &doomed);
		schedule_work(&bury_work);
		return 0;
	}
	return -ENODEV;
}

/**
 * ipoib_children_up() - a parent is set up, and so are its children
 * @parent: the parent; ctl is not held
 */
void ipoib_children_up(struct ipoib_dev *parent)
{
	struct ipoib_dev *child;

	list_for_each_entry(child, &parent->children, sibling)
		if (!test_bit(IPOIB_FLAG_GOING, &child->flags) &&
		    dev_open(child->netdev, NULL))
			ipoib_warn(child, "cannot be set up with its parent\n");
}

/**
 * ipoib_children_down() - a parent is set down, and so are its children
 * @parent: the parent; ctl is not held
 *
 * Those that are being removed are set down by who removes them: he has them
 * on a list that dev_close() would break.
 */
void ipoib_children_down(struct ipoib_dev *parent)
{
	struct ipoib_dev *child;

	list_for_each_entry(child, &parent->children, sibling)
		if (!test_bit(IPOIB_FLAG_GOING, &child->flags))
			dev_close(child->netdev);
}

/**
 * ipoib_children_take() - a parent has another identifier, and so its children
 * @parent: the parent, which is down; ctl is not held
 * @guid: 8 octets
 *
 * A child may be up without its parent. It begins anew then.
 */
void ipoib_children_take(struct ipoib_dev *parent, const u8 *guid)
{
	struct ipoib_dev *child;

	list_for_each_entry(child, &parent->children, sibling) {
		ipoib_identity_take(child, guid);
		call_netdevice_notifiers(NETDEV_CHANGEADDR, child->netdev);
		ipoib_event_post(child, IPOIB_EV_LID);
	}
}

/**
 * ipoib_child_flush() - wait until no child is still to be deleted
 *
 * Context: Process, without RTNL.
 */
void ipoib_child_flush(void)
{
	flush_work(&bury_work);
}
