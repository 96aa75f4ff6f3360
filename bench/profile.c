// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Where the processors are: samples of the instruction pointer, of all that
 * runs, from "ready" until standard input ends.
 *
 *	profile NANOSECONDS
 *
 * Then a line for each function that was seen: samples, module and name. What
 * belongs to no module is "kernel"; user space is one line. Code with
 * interrupts off is counted where they are on again.
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_PAGES	1024
#define NAME_LEN	128
#define CPUS_MAX	64

struct symbol {
	uint64_t address;
	unsigned long seen;
	char name[NAME_LEN];
	char module[NAME_LEN];
};

struct cpu {
	int fd;
	struct perf_event_mmap_page *ring;
};

static struct symbol *symbols;
static size_t num_symbols;
static unsigned long user, lost;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static int by_samples(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->seen < y->seen ? 1 : x->seen > y->seen ? -1 : 0;
}

static void load_symbols(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512], type;
	size_t room = 0;

	if (!file)
		die("/proc/kallsyms");
	while (fgets(line, sizeof(line), file)) {
		struct symbol s = { 0 };

		if (sscanf(line, "%lx %c %127s [%127[^]]]", &s.address, &type,
			   s.name, s.module) < 3 || !strchr("tTwW", type))
			continue;
		if (num_symbols == room) {
			room = room ? 2 * room : 1 << 16;
			symbols = realloc(symbols, room * sizeof(s));
			if (!symbols)
				die("realloc");
		}
		symbols[num_symbols++] = s;
	}
	fclose(file);
	if (!num_symbols || !symbols[num_symbols - 1].address) {
		fputs("profile: the kernel hides its addresses\n", stderr);
		exit(1);
	}
	qsort(symbols, num_symbols, sizeof(*symbols), by_address);
}

/* The last one that begins at an address or before it. */
static void count(uint64_t ip)
{
	size_t low = 0, high = num_symbols, middle;

	if (!(ip >> 63)) {
		user++;
		return;
	}
	while (high - low > 1) {
		middle = (low + high) / 2;
		if (symbols[middle].address <= ip)
			low = middle;
		else
			high = middle;
	}
	symbols[low].seen++;
}

static void start(struct cpu *cpu, int number, uint64_t period)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = period,
		.sample_type = PERF_SAMPLE_IP,
	};

	cpu->fd = syscall(SYS_perf_event_open, &attr, -1, number, -1, 0);
	if (cpu->fd < 0)
		die("perf_event_open");
	cpu->ring = mmap(NULL, (1 + RING_PAGES) * sysconf(_SC_PAGESIZE),
			 PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	if (cpu->ring == MAP_FAILED)
		die("mmap");
}

/* Records are of eight octets, so one is in two pieces or whole. */
static void take(struct cpu *cpu)
{
	uint64_t size = RING_PAGES * sysconf(_SC_PAGESIZE);
	const char *data = (char *)cpu->ring + sysconf(_SC_PAGESIZE);
	uint64_t head, at;

	ioctl(cpu->fd, PERF_EVENT_IOC_DISABLE, 0);
	head = __atomic_load_n(&cpu->ring->data_head, __ATOMIC_ACQUIRE);
	for (at = cpu->ring->data_tail; at < head;) {
		const struct perf_event_header *header =
			(const void *)(data + at % size);
		const uint64_t *body = (const void *)(data + (at + 8) % size);

		if (header->type == PERF_RECORD_SAMPLE)
			count(*body);
		else if (header->type == PERF_RECORD_LOST)
			lost += *(const uint64_t *)(data + (at + 16) % size);
		at += header->size;
	}
}

int main(int argc, char **argv)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), i;
	struct cpu cpu[CPUS_MAX];
	char dummy[64];
	size_t s;

	if (argc != 2 || atol(argv[1]) <= 0 || cpus > CPUS_MAX) {
		fputs("usage: profile NANOSECONDS\n", stderr);
		return 2;
	}
	load_symbols();
	for (i = 0; i < cpus; i++)
		start(&cpu[i], i, atol(argv[1]));
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, dummy, sizeof(dummy)) > 0)
		;
	for (i = 0; i < cpus; i++)
		take(&cpu[i]);
	qsort(symbols, num_symbols, sizeof(*symbols), by_samples);
	printf("%lu user user\n%lu lost lost\n", user, lost);
	for (s = 0; s < num_symbols && symbols[s].seen; s++)
		printf("%lu %s %s\n", symbols[s].seen,
		       *symbols[s].module ? symbols[s].module : "kernel",
		       symbols[s].name);
	return 0;
}
