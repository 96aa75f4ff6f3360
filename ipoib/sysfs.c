// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The files below /sys/class/net/INTERFACE: pkey, mode and umcast of all,
 * create_child and delete_child of a parent, parent of a child. They are there
 * before the interface is announced, so no rule of udev's comes too early.
 * dev_id shows netdev->dev_id, as the core's own does.
 */
#include <linux/capability.h>
#include <linux/device.h>
#include <linux/if_link.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "ipoib/child.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/mode.h"
#include "ipoib/sysfs.h"

static struct ipoib_dev *to_ipd(struct device *dev)
{
	return ipoib_dev(to_net_dev(dev));
}

static ssize_t pkey_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "0x%04x\n", READ_ONCE(to_ipd(dev)->pkey));
}
static DEVICE_ATTR_RO(pkey);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  ipoib_mode(to_ipd(dev)) == IPOIB_MODE_CONNECTED ?
			  "connected" : "datagram");
}

/*
 * Never sleeps for RTNL: who unregisters the interface holds it while he waits
 * for users of these files. 0 with RTNL held, or an error.
 */
static int lock(struct device *dev)
{
	if (test_bit(IPOIB_FLAG_GOING, &to_ipd(dev)->flags))
		return -EPERM;
	if (!rtnl_trylock())
		return restart_syscall();
	if (!test_bit(IPOIB_FLAG_GOING, &to_ipd(dev)->flags))
		return 0;
	rtnl_unlock();
	return -EPERM;
}

static int mode_of(const char *buf)
{
	if (sysfs_streq(buf, "datagram"))
		return IPOIB_MODE_DATAGRAM;
	if (sysfs_streq(buf, "connected"))
		return IPOIB_MODE_CONNECTED;
	return -1;
}

static ssize_t mode_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	int mode = mode_of(buf);
	int err = lock(dev);

	if (err)
		return err;
	err = ipoib_mode_check(to_ipd(dev), mode, NULL);
	if (!err)
		err = ipoib_mode_set(to_ipd(dev), mode);
	rtnl_unlock();
	return err ?: count;
}
static DEVICE_ATTR_RW(mode);

static ssize_t umcast_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  test_bit(IPOIB_FLAG_UMCAST, &to_ipd(dev)->flags));
}

static ssize_t umcast_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t count)
{
	/* Whatever is no number counts as 0: scripts rely on it. */
	ipoib_umcast_set(to_ipd(dev), simple_strtoul(buf, NULL, 0) > 0);
	return count;
}
static DEVICE_ATTR_RW(umcast);

/* Leading space and what follows the number do no harm. */
static int change_child(struct device *dev, const char *buf,
			int (*change)(struct ipoib_dev *parent, int pkey))
{
	int pkey, err;

	if (sscanf(buf, "%i", &pkey) != 1)
		return -EINVAL;
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	err = lock(dev);
	if (err)
		return err;
	err = change(to_ipd(dev), pkey);
	rtnl_unlock();
	/* A child of that P_Key is on its way out. */
	return err == -EAGAIN ? restart_syscall() : err;
}

static ssize_t create_child_store(struct device *dev,
				  struct device_attribute *attr,
				  const char *buf, size_t count)
{
	return change_child(dev, buf, ipoib_child_create) ?: count;
}
static DEVICE_ATTR_WO(create_child);

static ssize_t delete_child_store(struct device *dev,
				  struct device_attribute *attr,
				  const char *buf, size_t count)
{
	return change_child(dev, buf, ipoib_child_delete) ?: count;
}
static DEVICE_ATTR_WO(delete_child);

static ssize_t parent_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	int ret = lock(dev);

	if (ret)
		return ret;
	ret = sysfs_emit(buf, "%s\n", to_ipd(dev)->parent->netdev->name);
	rtnl_unlock();
	return ret;
}
static DEVICE_ATTR_RO(parent);

static struct attribute *attrs[] = {
	&dev_attr_pkey.attr,
	&dev_attr_mode.attr,
	&dev_attr_umcast.attr,
	&dev_attr_create_child.attr,
	&dev_attr_delete_child.attr,
	NULL
};

const struct attribute_group ipoib_sysfs_group = {
	.attrs = attrs,
};

static struct attribute *child_attrs[] = {
	&dev_attr_pkey.attr,
	&dev_attr_mode.attr,
	&dev_attr_umcast.attr,
	&dev_attr_parent.attr,
	NULL
};

const struct attribute_group ipoib_sysfs_child_group = {
	.attrs = child_attrs,
};

/* Tools that ask here for the port are older than dev_port: one is named. */
static ssize_t dev_id_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct net_device *netdev = to_net_dev(dev);
	struct ipoib_dev *ipd = ipoib_dev(netdev);

	if (netdev->dev_id == netdev->dev_port &&
	    !test_and_set_bit(IPOIB_FLAG_DEV_ID_READ, &ipd->flags))
		ipoib_print(KERN_INFO, ipd,
			    "%s reads dev_id; dev_port tells which port this is\n",
			    current->comm);
	return sysfs_emit(buf, "%#x\n", netdev->dev_id);
}
static DEVICE_ATTR_RO(dev_id);

/**
 * ipoib_sysfs_watch_dev_id() - say so once when somebody reads dev_id
 * @netdev: a port's interface, registered; RTNL is held
 *
 * A file of that name is the core's already, and takes itself away by name. The
 * first port's stays, for there nothing can be mistaken.
 *
 * Context: Process.
 */
void ipoib_sysfs_watch_dev_id(struct net_device *netdev)
{
	if (!netdev->dev_port)
		return;
	device_remove_file(&netdev->dev, &dev_attr_dev_id);
	if (device_create_file(&netdev->dev, &dev_attr_dev_id))
		ipoib_warn(ipoib_dev(netdev), "no dev_id in sysfs\n");
}
