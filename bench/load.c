// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Load for benchmarks, with as few instructions of its own as can be: what is
 * measured is the network below.
 *
 *	load sink PORT COUNT			receive so many datagrams
 *	load flood ADDRESS PORT COUNT SIZE	send them
 *	load spray ADDRESS PORT COUNT SIZE PEERS
 *						send them in turn to so many
 *						addresses, this one the first
 *	load drain PORT				receive a stream to its end
 *	load stream ADDRESS PORT OCTETS		send one
 *	load echo PORT				answer questions of one octet
 *	load ask ADDRESS PORT COUNT		ask them, one after the other
 *
 * Those who receive say "ready" when they do. The results are one line of
 * words and numbers; times are nanoseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH		64
#define CHUNK		(256 * 1024)
/* For who may: no datagram is to be lost in a socket. */
#define BUFFER		(512 << 20)

static char chunk[CHUNK];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int open_socket(int type, const char *address, const char *port,
		       int (*use)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, type, 0), one = 1, size = BUFFER;

	if (fd < 0)
		die("socket");
	to.sin_port = htons(atoi(port));
	if (address && inet_pton(AF_INET, address, &to.sin_addr) != 1)
		die(address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (use(fd, (struct sockaddr *)&to, sizeof(to)))
		die(address ? "connect" : "bind");
	return fd;
}

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static int serve(const char *port)
{
	int fd = open_socket(SOCK_STREAM, NULL, port, bind), one = 1, peer;

	if (listen(fd, 1))
		die("listen");
	ready();
	peer = accept(fd, NULL, NULL);
	if (peer < 0)
		die("accept");
	setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return peer;
}

static int dial(const char *address, const char *port)
{
	int fd = open_socket(SOCK_STREAM, address, port, connect), one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void fill(struct mmsghdr *msg, struct iovec *iov, size_t size)
{
	int i;

	memset(msg, 0, BATCH * sizeof(*msg));
	for (i = 0; i < BATCH; i++) {
		iov[i].iov_base = chunk;
		iov[i].iov_len = size;
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
}

/* What has not come after a second will not. */
static int sink(const char *port, long count)
{
	struct timeval patience = { .tv_sec = 1 };
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	uint64_t first = 0, last = 0;
	long got = 0;
	int fd = open_socket(SOCK_DGRAM, NULL, port, bind), n;

	ready();
	while (got < count) {
		fill(msg, iov, CHUNK);
		n = recvmmsg(fd, msg, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0)
			break;
		if (!got) {
			first = now();
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				   sizeof(patience));
		}
		got += n;
		last = now();
	}
	printf("received %ld time %llu\n", got,
	       (unsigned long long)(last - first));
	return 0;
}

static int flood(const char *address, const char *port, long count,
		 size_t size)
{
	int fd = open_socket(SOCK_DGRAM, address, port, connect), n;
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	uint64_t start = now();
	long left = count;

	fill(msg, iov, size);
	while (left > 0) {
		n = sendmmsg(fd, msg, left < BATCH ? left : BATCH, 0);
		if (n < 0 && errno != ENOBUFS)
			die("sendmmsg");
		left -= n > 0 ? n : 0;
	}
	printf("sent %ld time %llu\n", count,
	       (unsigned long long)(now() - start));
	return 0;
}

static int spray(const char *address, const char *port, long count,
		 size_t size, long peers)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), n, i;
	struct sockaddr_in to[BATCH];
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct in_addr base;
	uint64_t start;
	long sent = 0;

	if (fd < 0 || peers <= 0 || inet_pton(AF_INET, address, &base) != 1)
		die("spray");
	fill(msg, iov, size);
	for (i = 0; i < BATCH; i++) {
		to[i].sin_family = AF_INET;
		to[i].sin_port = htons(atoi(port));
		msg[i].msg_hdr.msg_name = &to[i];
		msg[i].msg_hdr.msg_namelen = sizeof(to[i]);
	}
	start = now();
	while (sent < count) {
		for (i = 0; i < BATCH; i++)
			to[i].sin_addr.s_addr = htonl(ntohl(base.s_addr) +
						      (sent + i) % peers);
		n = sendmmsg(fd, msg, BATCH, 0);
		if (n < 0 && errno != ENOBUFS)
			die("sendmmsg");
		sent += n > 0 ? n : 0;
	}
	printf("sent %ld time %llu\n", sent,
	       (unsigned long long)(now() - start));
	return 0;
}

static int drain(const char *port)
{
	int fd = serve(port);
	uint64_t start = 0;
	long octets = 0;
	ssize_t n;

	while ((n = read(fd, chunk, CHUNK)) > 0) {
		if (!octets)
			start = now();
		octets += n;
	}
	printf("octets %ld time %llu from %llu\n", octets,
	       (unsigned long long)(now() - start), (unsigned long long)start);
	return 0;
}

static int stream(const char *address, const char *port, long octets)
{
	int fd = dial(address, port);
	ssize_t n;

	while (octets > 0) {
		n = write(fd, chunk, octets < CHUNK ? octets : CHUNK);
		if (n < 0)
			die("write");
		octets -= n;
	}
	return 0;
}

static int echo(const char *port)
{
	int fd = serve(port);
	char c;

	while (read(fd, &c, 1) == 1)
		if (write(fd, &c, 1) != 1)
			die("write");
	return 0;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int ask(const char *address, const char *port, long count)
{
	uint64_t *time = calloc(count, sizeof(*time)), start, sum = 0;
	int fd = dial(address, port);
	char c = 0;
	long i;

	if (!time)
		die("calloc");
	for (i = 0; i < count; i++) {
		start = now();
		if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
			die("ask");
		time[i] = now() - start;
		sum += time[i];
	}
	qsort(time, count, sizeof(*time), by_size);
	printf("asked %ld time %llu median %llu p99 %llu p999 %llu\n", count,
	       (unsigned long long)sum, (unsigned long long)time[count / 2],
	       (unsigned long long)time[count - 1 - count / 100],
	       (unsigned long long)time[count - 1 - count / 1000]);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "sink") && argc == 4)
		return sink(argv[2], atol(argv[3]));
	if (!strcmp(verb, "flood") && argc == 6)
		return flood(argv[2], argv[3], atol(argv[4]), atol(argv[5]));
	if (!strcmp(verb, "spray") && argc == 7)
		return spray(argv[2], argv[3], atol(argv[4]), atol(argv[5]),
			     atol(argv[6]));
	if (!strcmp(verb, "drain") && argc == 3)
		return drain(argv[2]);
	if (!strcmp(verb, "stream") && argc == 5)
		return stream(argv[2], argv[3], atol(argv[4]));
	if (!strcmp(verb, "echo") && argc == 3)
		return echo(argv[2]);
	if (!strcmp(verb, "ask") && argc == 5)
		return ask(argv[2], argv[3], atol(argv[4]));
	fprintf(stderr, "usage: see the head of bench/load.c\n");
	return 2;
}
