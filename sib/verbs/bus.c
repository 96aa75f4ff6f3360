// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A bus of our own: tools compare the "device" links of an HCA and of its
 * interfaces, and ask for the name of what they point to. Process context.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "sib/verbs/bus.h"

static struct device *root;

/* Makes finding a free name and taking it one step. */
static DEFINE_MUTEX(names_lock);

static struct bus_type sib_bus = {
	.name = "sib",
};

/**
 * struct bus_dev - an HCA on the bus
 * @dev: the device
 * @dma_mask: what @dev.dma_mask points to
 * @dma_parms: what @dev.dma_parms points to
 */
struct bus_dev {
	struct device dev;
	u64 dma_mask;
	struct device_dma_parameters dma_parms;
};

static void release(struct device *dev)
{
	kfree(container_of(dev, struct bus_dev, dev));
}

static bool is_taken(const char *name)
{
	struct device *dev = bus_find_device_by_name(&sib_bus, NULL, name);

	put_device(dev);
	return dev;
}

/*
 * An HCA that was renamed keeps the name of its place, and another may have
 * its former name by now: that one's place has a number too.
 */
static int add_named(struct device *dev, const char *name)
{
	unsigned int number = 0;
	int err;

	mutex_lock(&names_lock);
	err = dev_set_name(dev, "%s", name);
	while (!err && is_taken(dev_name(dev)))
		err = dev_set_name(dev, "%s.%u", name, ++number);
	if (!err)
		err = device_add(dev);
	mutex_unlock(&names_lock);
	return err;
}

/**
 * sib_bus_add() - a place for an HCA
 * @name: of the HCA
 * @dma: it maps for DMA, directly, with the usual checks of the DMA API
 *
 * Return: the device, to be given to sib_bus_remove(), or an error pointer.
 */
struct device *sib_bus_add(const char *name, bool dma)
{
	struct bus_dev *bd = kzalloc(sizeof(*bd), GFP_KERNEL);
	int err;

	if (!bd)
		return ERR_PTR(-ENOMEM);
	device_initialize(&bd->dev);
	bd->dev.bus = &sib_bus;
	bd->dev.parent = root;
	bd->dev.release = release;
	if (dma) {
		bd->dma_mask = DMA_BIT_MASK(64);
		bd->dev.dma_mask = &bd->dma_mask;
		bd->dev.coherent_dma_mask = DMA_BIT_MASK(64);
		bd->dev.dma_parms = &bd->dma_parms;
		dma_set_max_seg_size(&bd->dev, UINT_MAX);
	}
	err = add_named(&bd->dev, name);
	if (err) {
		put_device(&bd->dev);
		return ERR_PTR(err);
	}
	return &bd->dev;
}

/**
 * sib_bus_remove() - give a place back
 * @dev: from sib_bus_add(), an error pointer or NULL
 */
void sib_bus_remove(struct device *dev)
{
	if (!IS_ERR_OR_NULL(dev))
		device_unregister(dev);
}

/**
 * sib_bus_start() - set the bus up
 *
 * Return: 0 or an error.
 */
int sib_bus_start(void)
{
	int err;

	root = root_device_register("sib");
	if (IS_ERR(root))
		return PTR_ERR(root);
	err = bus_register(&sib_bus);
	if (err)
		root_device_unregister(root);
	return err;
}

/**
 * sib_bus_stop() - take the bus down; it is empty
 */
void sib_bus_stop(void)
{
	bus_unregister(&sib_bus);
	root_device_unregister(root);
}
