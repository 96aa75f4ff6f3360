// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Who an interface is: its P_Key and GID, which an SM gives and takes, and
 * what of them shows in its addresses. Process context with ctl.
 */
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <rdma/ib_cache.h>

#include "ipoib/core/hwaddr.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/link.h"

/* A parent has whatever stands in the first entry. */
static bool read_pkey(struct ipoib_dev *ipd, u16 *pkey, u16 *index)
{
	*index = 0;
	if (ib_get_cached_pkey(ipd->ib, ipd->port, 0, pkey))
		return false;
	*pkey |= IPOIB_PKEY_FULL;
	return *pkey & ~IPOIB_PKEY_FULL;
}

/* A child has its P_Key, wherever it stands, full membership or not. */
static bool find_pkey(struct ipoib_dev *ipd, u16 *pkey, u16 *index)
{
	*pkey = ipd->pkey;
	return !ib_find_cached_pkey(ipd->ib, ipd->port, *pkey, index);
}

static u32 refresh_pkey(struct ipoib_dev *ipd)
{
	u16 pkey = IPOIB_PKEY_FULL, index = 0;
	bool found = ipd->parent ? find_pkey(ipd, &pkey, &index) :
				   read_pkey(ipd, &pkey, &index);
	u32 changed = 0;

	if (pkey != ipd->pkey || index != ipd->pkey_index ||
	    found != ipd->pkey_found)
		changed = IPOIB_ID_PKEY;
	ipd->pkey = pkey;
	ipd->pkey_index = index;
	ipd->pkey_found = found;
	ipoib_hw_set_mcast_pkey(ipd->netdev->broadcast, pkey);
	return changed;
}

/* An identifier that was set by hand is good if the port has such a GID. */
static void look_for_gid(struct ipoib_dev *ipd, const union ib_gid *gid)
{
	union ib_gid wanted = *gid;
	u32 port;
	u16 index;

	if (!ib_find_gid(ipd->ib, &wanted, &port, &index) &&
	    port == ipd->port)
		clear_bit(IPOIB_FLAG_GID_MISSING, &ipd->flags);
	else if (!test_and_set_bit(IPOIB_FLAG_GID_MISSING, &ipd->flags))
		mod_delayed_work(ipd->wq, &ipd->gc_work, 0);
}

static u32 refresh_gid(struct ipoib_dev *ipd)
{
	union ib_gid gid;

	if (rdma_query_gid(ipd->ib, ipd->port, 0, &gid))
		return 0;
	if (test_bit(IPOIB_FLAG_OWN_GID, &ipd->flags)) {
		gid.global.interface_id = ipd->gid.global.interface_id;
		look_for_gid(ipd, &gid);
	}
	if (!memcmp(&gid, &ipd->gid, sizeof(gid)))
		return 0;
	ipd->gid = gid;
	ipd->addr_changed = true;
	return IPOIB_ID_GID;
}

/**
 * ipoib_identity() - read P_Key and GID again
 * @ipd: the interface; ctl is held
 *
 * Return: IPOIB_ID_* bits, what changed.
 */
u32 ipoib_identity(struct ipoib_dev *ipd)
{
	lockdep_assert_held(&ipd->ctl);
	return refresh_pkey(ipd) | refresh_gid(ipd);
}

/**
 * ipoib_identity_look() - look again for a GID that the port had not got
 * @ipd: the interface; ctl is held
 *
 * On a GID change of an InfiniBand port ib_core renews its cache, but does not
 * pass the event on, so it has to be looked for.
 *
 * Return: false if it is missing still.
 */
bool ipoib_identity_look(struct ipoib_dev *ipd)
{
	lockdep_assert_held(&ipd->ctl);
	if (!test_bit(IPOIB_FLAG_GID_MISSING, &ipd->flags))
		return true;
	look_for_gid(ipd, &ipd->gid);
	if (test_bit(IPOIB_FLAG_GID_MISSING, &ipd->flags))
		return false;
	ipoib_link_start(ipd);
	return true;
}

/**
 * ipoib_identity_set() - take another interface identifier
 * @ipd: the interface, which is down; ctl is held
 * @guid: 8 octets; GID 0's own makes the interface follow GID 0 again
 *
 * Return: nothing; a GID that the port has not got is waited for.
 */
void ipoib_identity_set(struct ipoib_dev *ipd, const u8 *guid)
{
	union ib_gid gid0;

	lockdep_assert_held(&ipd->ctl);
	memcpy(&ipd->gid.global.interface_id, guid, 8);
	clear_bit(IPOIB_FLAG_GID_MISSING, &ipd->flags);
	if (!rdma_query_gid(ipd->ib, ipd->port, 0, &gid0) &&
	    !memcmp(&gid0.global.interface_id, guid, 8)) {
		clear_bit(IPOIB_FLAG_OWN_GID, &ipd->flags);
	} else {
		set_bit(IPOIB_FLAG_OWN_GID, &ipd->flags);
		look_for_gid(ipd, &ipd->gid);
	}
	ipd->addr_changed = true;
}

/**
 * ipoib_identity_take() - take another interface identifier, and show it
 * @ipd: the interface; RTNL is held, ctl is not
 * @guid: 8 octets, see ipoib_identity_set()
 *
 * Context: Process.
 */
void ipoib_identity_take(struct ipoib_dev *ipd, const u8 *guid)
{
	mutex_lock(&ipd->ctl);
	ipoib_identity_set(ipd, guid);
	ipoib_identity_show(ipd);
	mutex_unlock(&ipd->ctl);
}

/**
 * ipoib_identity_show() - let the address have the GID
 * @ipd: the interface; RTNL and ctl are held
 *
 * With RTNL, which is what protects the address: the stack compares it with a
 * copy of its own, and warns when somebody is just changing the two.
 */
void ipoib_identity_show(struct ipoib_dev *ipd)
{
	struct net_device *netdev = ipd->netdev;

	ASSERT_RTNL();
	lockdep_assert_held(&ipd->ctl);
	if (!memcmp(ipoib_hw_gid(netdev->dev_addr), &ipd->gid, IPOIB_GID_LEN))
		return;
	netif_addr_lock_bh(netdev);
	dev_addr_mod(netdev, IPOIB_HW_GID, ipd->gid.raw, IPOIB_GID_LEN);
	netif_addr_unlock_bh(netdev);
}
