// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The files pkey, mode and umcast below /sys/class/net/INTERFACE. They are
 * there before the interface is announced, so no rule of udev's comes too
 * early. dev_id is the core's own, which shows netdev->dev_id.
 */
#include <linux/device.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "ipoib/debug.h"
#include "ipoib/dev.h"
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
	return sysfs_emit(buf, "datagram\n");
}

/*
 * Never sleeps for RTNL: who unregisters the interface holds it while he waits
 * for users of this file.
 */
static ssize_t mode_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	ssize_t ret = count;

	if (test_bit(IPOIB_FLAG_GOING, &to_ipd(dev)->flags))
		return -EPERM;
	if (!rtnl_trylock())
		return restart_syscall();
	if (!sysfs_streq(buf, "datagram"))
		ret = -EINVAL;
	rtnl_unlock();
	return ret;
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
	struct ipoib_dev *ipd = to_ipd(dev);

	/* Whatever is no number counts as 0: scripts rely on it. */
	if (simple_strtoul(buf, NULL, 0) > 0) {
		set_bit(IPOIB_FLAG_UMCAST, &ipd->flags);
		ipoib_warn(ipd, "ignoring multicast groups joined directly by userspace\n");
	} else {
		clear_bit(IPOIB_FLAG_UMCAST, &ipd->flags);
	}
	ipoib_mcast_resync(ipd);
	return count;
}
static DEVICE_ATTR_RW(umcast);

static struct attribute *attrs[] = {
	&dev_attr_pkey.attr,
	&dev_attr_mode.attr,
	&dev_attr_umcast.attr,
	NULL
};

const struct attribute_group ipoib_sysfs_group = {
	.attrs = attrs,
};
