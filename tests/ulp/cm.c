// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Two endpoints that the RDMA connection manager connects: addresses are
 * resolved by IPoIB, the connection is made by ib_cm's messages.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/inet.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "verbtest.h"

#define LIMIT	(20 * HZ)

/* A connection in the making. */
struct making {
	const char *args;
	struct vt_ep **passive;
	struct completion step;
	struct completion accepted;
	int status;
	enum rdma_cm_event_type last;
};

static int params_and(struct rdma_cm_id *id,
		      int (*fn)(struct rdma_cm_id *id,
				struct rdma_conn_param *param))
{
	struct rdma_conn_param param = {
		.retry_count = 7,
		.rnr_retry_count = 7,
	};

	return fn(id, &param);
}

static int make_ep(struct vt_ep **ep, struct rdma_cm_id *id, const char *args)
{
	int err = vt_ep_open(ep, id->device, args);

	if (err)
		return err;
	(*ep)->port = id->port_num;
	err = vt_ep_qp(*ep, id, args);
	if (err) {
		vt_ep_close(*ep);
		*ep = NULL;
	}
	return err;
}

/* A request: its id is new, and ours if we say so by returning 0. */
static int accept(struct making *making, struct rdma_cm_id *id)
{
	int err = make_ep(making->passive, id, making->args);

	if (err)
		return err;
	err = params_and(id, rdma_accept);
	if (!err)
		return 0;
	/* The caller destroys the id, so the endpoint must not. */
	rdma_destroy_qp(id);
	(*making->passive)->id = NULL;
	(*making->passive)->qp = NULL;
	vt_ep_close(*making->passive);
	*making->passive = NULL;
	return err;
}

static int handler(struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	struct making *making = READ_ONCE(id->context);

	/* Connected long ago; whoever closes it needs no word. */
	if (!making)
		return 0;
	if (event->event == RDMA_CM_EVENT_CONNECT_REQUEST)
		return accept(making, id);
	if (*making->passive && id == (*making->passive)->id) {
		if (event->event == RDMA_CM_EVENT_ESTABLISHED)
			complete(&making->accepted);
		return 0;
	}
	making->last = event->event;
	making->status = event->status;
	complete(&making->step);
	return 0;
}

static int await(struct making *making, enum rdma_cm_event_type wanted)
{
	if (!wait_for_completion_timeout(&making->step, LIMIT))
		return -ETIMEDOUT;
	if (making->last == wanted)
		return 0;
	return making->status < 0 ? making->status : -ECONNREFUSED;
}

static struct rdma_cm_id *new_id(struct making *making, const char *option)
{
	struct net *net = get_net_ns_by_fd(vt_opt(making->args, option, -1));
	struct rdma_cm_id *id;

	if (IS_ERR(net))
		return ERR_CAST(net);
	id = rdma_create_id(net, handler, making, RDMA_PS_TCP, IB_QPT_RC);
	put_net(net);
	return id;
}

static int address(const char *args, struct sockaddr_in *sin)
{
	char text[32] = "";

	sin->sin_family = AF_INET;
	sin->sin_port = htons(vt_opt(args, "port", 4711));
	vt_opt_text(args, "addr", text, sizeof(text));
	return in4_pton(text, -1, (u8 *)&sin->sin_addr, -1, NULL) ? 0 :
								   -EINVAL;
}

static int resolve(struct making *making, struct rdma_cm_id *id,
		   struct sockaddr_in *sin)
{
	int err = rdma_resolve_addr(id, NULL, (struct sockaddr *)sin, 10000);

	if (!err)
		err = await(making, RDMA_CM_EVENT_ADDR_RESOLVED);
	if (!err)
		err = rdma_resolve_route(id, 10000);
	return err ?: await(making, RDMA_CM_EVENT_ROUTE_RESOLVED);
}

static int establish(struct making *making, struct rdma_cm_id *id,
		     struct vt_ep **ep)
{
	int err = make_ep(ep, id, making->args);

	if (err)
		return err;
	err = params_and(id, rdma_connect);
	if (!err)
		err = await(making, RDMA_CM_EVENT_ESTABLISHED);
	if (!err && !wait_for_completion_timeout(&making->accepted, LIMIT))
		err = -ETIMEDOUT;
	return err;
}

static int listen(struct rdma_cm_id *id, struct sockaddr_in *sin)
{
	int err = rdma_bind_addr(id, (struct sockaddr *)sin);

	return err ?: rdma_listen(id, 1);
}

static void forget(struct vt_ep *ep)
{
	rdma_lock_handler(ep->id);
	WRITE_ONCE(ep->id->context, NULL);
	rdma_unlock_handler(ep->id);
}

static int connect(struct making *making, struct rdma_cm_id *id,
		   struct vt_ep **ep)
{
	struct sockaddr_in sin = {};
	int err = address(making->args, &sin);

	if (!err)
		err = resolve(making, id, &sin);
	if (err) {
		rdma_destroy_id(id);
		return err;
	}
	err = establish(making, id, ep);
	if (!*ep)
		rdma_destroy_id(id);
	return err;
}

int vt_cm(struct vt_ep **pa, struct vt_ep **pb, const char *args)
{
	struct making making = { .args = args, .passive = pb };
	struct rdma_cm_id *listener, *id;
	struct sockaddr_in sin = {};
	int err = address(args, &sin);

	if (err)
		return err;
	init_completion(&making.step);
	init_completion(&making.accepted);
	listener = new_id(&making, "net_m");
	if (IS_ERR(listener))
		return PTR_ERR(listener);
	err = listen(listener, &sin);
	if (!err) {
		id = new_id(&making, "net_n");
		err = PTR_ERR_OR_ZERO(id);
	}
	if (!err)
		err = connect(&making, id, pa);
	/* No request comes after this. */
	rdma_destroy_id(listener);
	if (*pa)
		forget(*pa);
	if (*pb)
		forget(*pb);
	if (!err)
		return 0;
	if (*pa)
		vt_ep_close(*pa);
	if (*pb)
		vt_ep_close(*pb);
	*pa = *pb = NULL;
	return err;
}

void vt_cm_close(struct vt_ep *ep)
{
	rdma_disconnect(ep->id);
	rdma_destroy_qp(ep->id);
	rdma_destroy_id(ep->id);
}
