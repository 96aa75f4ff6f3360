// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * SMPs as OpenSM sends them: directed route, both LIDs permissive.
 */
#include <asm/byteorder.h>

#include "unit.h"
#include "smps.h"

/**
 * smps_make() - a request
 * @method: of the SMP
 * @attr: attribute
 * @mod: attribute modifier
 *
 * Return: the SMP, one hop long, arrived at its end; no M_Key.
 */
struct sib_smp smps_make(u8 method, u16 attr, u32 mod)
{
	struct sib_smp smp = {
		.base_version = 1,
		.mgmt_class = 0x81,
		.class_version = 1,
		.method = method,
		.hop_ptr = 2,
		.hop_cnt = 1,
		.tid = cpu_to_be64(SMPS_TID),
		.attr_id = cpu_to_be16(attr),
		.attr_mod = cpu_to_be32(mod),
		.dr_slid = cpu_to_be16(0xffff),
		.dr_dlid = cpu_to_be16(0xffff),
		.initial_path = { 0, 1 },
		.return_path = { 0, 1 },
	};

	return smp;
}

/**
 * smps_ask() - give an SMP to the agent of a node
 * @node: the node
 * @ingress: port it comes in on
 * @in: the SMP
 *
 * Return: what became of it.
 */
struct answer smps_ask(struct sib_node *node, u8 ingress,
		       const struct sib_smp *in)
{
	struct sib_smp *request = unit_exact(in, sizeof(*in));
	struct sib_smp *reply = unit_exact(in, sizeof(*in));
	struct answer a;

	memset(reply, 0xee, sizeof(*reply));
	memset(&a.fx, 0xee, sizeof(a.fx));
	a.verdict = sib_sma_handle(node, ingress, request, reply, false,
				   &a.fx);
	assert_memory_equal(request, in, sizeof(*in));
	a.out = *reply;
	a.status = be16_to_cpu(reply->status) & 0x7fff;
	free(request);
	free(reply);
	return a;
}

struct answer smps_get(struct sib_node *node, u8 ingress, u16 attr, u32 mod)
{
	struct sib_smp in = smps_make(SIB_METHOD_GET, attr, mod);

	return smps_ask(node, ingress, &in);
}

struct answer smps_set(struct sib_node *node, u8 ingress, u16 attr, u32 mod,
		       const u8 *data)
{
	struct sib_smp in = smps_make(SIB_METHOD_SET, attr, mod);

	memcpy(in.data, data, sizeof(in.data));
	return smps_ask(node, ingress, &in);
}

/**
 * smps_port_info() - what an SM would write that wants nothing changed
 * @node: the node
 * @ingress: port that its SMPs come in on
 * @mod: attribute modifier
 * @data: 64 octets, filled: the PortInfo that holds, with "no change" in both
 *	states, and LIDs where none were set yet
 */
void smps_port_info(struct sib_node *node, u8 ingress, u32 mod, u8 *data)
{
	struct answer a = smps_get(node, ingress, SIB_ATTR_PORT_INFO, mod);

	assert_int_equal(a.status, SIB_STATUS_OK);
	memcpy(data, a.out.data, 64);
	data[32] &= 0xf0;
	data[33] &= 0x0f;
	if (!data[16] && !data[17])
		data[17] = 3;
	if (!data[18] && !data[19])
		data[19] = 1;
}
