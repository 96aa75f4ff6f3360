// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Asking the SA what it can do: Get(ClassPortInfo). ib_core asks too, but does
 * not tell. One thing matters: whether a group can be joined to send only, and
 * made if it is not there (JoinState 8). IBTA volume 1, section 15.2.
 *
 * The work asks, in process context; ib_mad calls back in a workqueue of its
 * own. Unregistering the agent waits for that.
 */
#include <rdma/ib_mad.h>
#include <rdma/ib_sa.h>

#include "ipoib/dev.h"
#include "ipoib/main.h"
#include "ipoib/sa.h"

/* How long the SA may take, milliseconds, and how often it is asked. */
#define ANSWER_TIME	300
#define RETRIES		3

static void wake_devs(struct ipoib_sa *sa)
{
	struct ipoib_dev *ipd;
	unsigned long irq;

	spin_lock_irqsave(&sa->hca->lock, irq);
	list_for_each_entry(ipd, &sa->hca->devs, entry)
		if (ipd->port == sa->port)
			ipoib_mcast_kick(ipd);
	spin_unlock_irqrestore(&sa->hca->lock, irq);
}

/* An SA that does not answer is taken for one that cannot. */
static void learn(struct ipoib_sa *sa, bool sendonly_full)
{
	bool again;

	spin_lock_bh(&sa->lock);
	again = sa->again;
	sa->again = false;
	sa->sendonly_full = sendonly_full;
	sa->state = again ? IPOIB_SA_UNKNOWN : IPOIB_SA_KNOWN;
	spin_unlock_bh(&sa->lock);
	if (again)
		ipoib_sa_refresh(sa);
	else
		wake_devs(sa);
}

static void received(struct ib_mad_agent *agent, struct ib_mad_send_buf *sent,
		     struct ib_mad_recv_wc *wc)
{
	struct ib_sa_mad *mad = (struct ib_sa_mad *)wc->recv_buf.mad;
	struct ib_class_port_info cpi;
	struct ipoib_sa *sa = agent->context;

	if (sent && !mad->mad_hdr.status) {
		memcpy(&cpi, mad->data, sizeof(cpi));
		learn(sa, ib_get_cpi_capmask2(&cpi) &
			  IB_SA_CAP_MASK2_SENDONLY_FULL_MEM_SUPPORT);
	} else if (sent) {
		learn(sa, false);
	}
	ib_free_recv_mad(wc);
}

static void sent(struct ib_mad_agent *agent, struct ib_mad_send_wc *wc)
{
	rdma_destroy_ah(wc->send_buf->ah, RDMA_DESTROY_AH_SLEEPABLE);
	ib_free_send_mad(wc->send_buf);
	if (wc->status != IB_WC_SUCCESS)
		learn(agent->context, false);
}

static struct ib_ah *sm_ah(struct ipoib_sa *sa)
{
	struct rdma_ah_attr attr = {};
	struct ib_port_attr port;
	int err;

	err = ib_query_port(sa->hca->ib, sa->port, &port);
	if (err)
		return ERR_PTR(err);
	if (port.state != IB_PORT_ACTIVE || !port.sm_lid)
		return ERR_PTR(-EAGAIN);
	attr.type = rdma_ah_find_type(sa->hca->ib, sa->port);
	rdma_ah_set_dlid(&attr, port.sm_lid);
	rdma_ah_set_sl(&attr, port.sm_sl);
	rdma_ah_set_port_num(&attr, sa->port);
	if (rdma_is_grh_required(sa->hca->ib, sa->port)) {
		rdma_ah_set_ah_flags(&attr, IB_AH_GRH);
		rdma_ah_set_subnet_prefix(&attr,
					  cpu_to_be64(port.subnet_prefix));
		rdma_ah_set_interface_id(&attr,
					 cpu_to_be64(IB_SA_WELL_KNOWN_GUID));
	}
	return rdma_create_ah(sa->agent->qp->pd, &attr,
			      RDMA_CREATE_AH_SLEEPABLE);
}

static void fill(struct ipoib_sa *sa, struct ib_sa_mad *mad)
{
	memset(mad, 0, sizeof(*mad));
	mad->mad_hdr.base_version = IB_MGMT_BASE_VERSION;
	mad->mad_hdr.mgmt_class = IB_MGMT_CLASS_SUBN_ADM;
	mad->mad_hdr.class_version = IB_SA_CLASS_VERSION;
	mad->mad_hdr.method = IB_MGMT_METHOD_GET;
	mad->mad_hdr.attr_id = IB_MGMT_CLASSPORTINFO_ATTR_ID;
	mad->mad_hdr.tid = cpu_to_be64((u64)sa->agent->hi_tid << 32 |
				       ++sa->tid);
}

static int ask(struct ipoib_sa *sa)
{
	struct ib_mad_send_buf *msg;
	struct ib_ah *ah;
	u16 pkey_index = 0;
	int err;

	ib_find_pkey(sa->hca->ib, sa->port, IB_DEFAULT_PKEY_FULL, &pkey_index);
	ah = sm_ah(sa);
	if (IS_ERR(ah))
		return PTR_ERR(ah);
	msg = ib_create_send_mad(sa->agent, 1, pkey_index, 0, IB_MGMT_SA_HDR,
				 IB_MGMT_SA_DATA, GFP_KERNEL,
				 IB_MGMT_BASE_VERSION);
	if (IS_ERR(msg)) {
		rdma_destroy_ah(ah, RDMA_DESTROY_AH_SLEEPABLE);
		return PTR_ERR(msg);
	}
	fill(sa, msg->mad);
	msg->ah = ah;
	msg->timeout_ms = ANSWER_TIME;
	msg->retries = RETRIES;
	err = ib_post_send_mad(msg, NULL);
	if (err) {
		ib_free_send_mad(msg);
		rdma_destroy_ah(ah, RDMA_DESTROY_AH_SLEEPABLE);
	}
	return err;
}

static void ask_work(struct work_struct *work)
{
	struct ipoib_sa *sa = container_of(work, struct ipoib_sa, work);
	bool busy;

	spin_lock_bh(&sa->lock);
	busy = sa->stopped || sa->state == IPOIB_SA_ASKING;
	sa->again = busy;
	sa->state = IPOIB_SA_ASKING;
	spin_unlock_bh(&sa->lock);
	if (busy || !ask(sa))
		return;
	/* There is no SM yet; its coming will be an event. */
	spin_lock_bh(&sa->lock);
	sa->state = IPOIB_SA_UNKNOWN;
	spin_unlock_bh(&sa->lock);
}

/**
 * ipoib_sa_refresh() - there may be another SA
 * @sa: the SA
 *
 * Context: Any.
 */
void ipoib_sa_refresh(struct ipoib_sa *sa)
{
	if (sa->agent)
		schedule_work(&sa->work);
}

/**
 * ipoib_sa_is_known() - is it known what the SA can do?
 * @ipd: an interface
 *
 * If not, somebody is asked, and the interface's groups are looked at again
 * when he has answered.
 *
 * Context: Any that may not sleep.
 * Return: true if so.
 */
bool ipoib_sa_is_known(struct ipoib_dev *ipd)
{
	struct ipoib_sa *sa = &ipd->hca->ports[ipd->port - 1].sa;
	enum ipoib_sa_state state = READ_ONCE(sa->state);

	if (!sa->agent)
		return true;
	if (state == IPOIB_SA_UNKNOWN)
		ipoib_sa_refresh(sa);
	return state == IPOIB_SA_KNOWN;
}

/**
 * ipoib_sa_has_sendonly_full() - can one join as send-only full member?
 * @ipd: an interface
 *
 * Context: Any.
 * Return: true if so, as far as is known.
 */
bool ipoib_sa_has_sendonly_full(struct ipoib_dev *ipd)
{
	return READ_ONCE(ipd->hca->ports[ipd->port - 1].sa.sendonly_full);
}

/**
 * ipoib_sa_start() - be able to ask
 * @sa: zeroed memory
 * @hca: the channel adapter
 * @port: port number
 *
 * Context: Process.
 */
void ipoib_sa_start(struct ipoib_sa *sa, struct ipoib_hca *hca, u32 port)
{
	struct ib_mad_agent *agent;

	sa->hca = hca;
	sa->port = port;
	spin_lock_init(&sa->lock);
	INIT_WORK(&sa->work, ask_work);
	if (!rdma_cap_ib_sa(hca->ib, port))
		return;
	agent = ib_register_mad_agent(hca->ib, port, IB_QPT_GSI, NULL, 0,
				      sent, received, sa, 0);
	if (!IS_ERR(agent))
		sa->agent = agent;
}

/**
 * ipoib_sa_stop() - ask no more
 * @sa: from ipoib_sa_start()
 *
 * What is under way is cancelled and waited for.
 *
 * Context: Process.
 */
void ipoib_sa_stop(struct ipoib_sa *sa)
{
	if (!sa->agent)
		return;
	spin_lock_bh(&sa->lock);
	sa->stopped = true;
	spin_unlock_bh(&sa->lock);
	/* From here on the work does nothing; a callback may schedule it. */
	cancel_work_sync(&sa->work);
	ib_unregister_mad_agent(sa->agent);
	sa->agent = NULL;
	cancel_work_sync(&sa->work);
}
