/*
 * tests/bench/handshake_timing.c - does a server answer to one name sooner than to another?
 *
 *     handshake_timing PORT N NAME...
 *
 * N attempts for each name, taking turns, against 127.0.0.1: the time from HELLO to CHALLENGE, and
 * from a RESPONSE that is none to the end. Prints the medians, and the greatest difference between
 * two names. tests/bench/handshake starts the server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HELLO 72
#define CHALLENGE 376
#define NAMES_MAX 16
#define PRIORITY                                                                                   \
	"NONE:+VERS-TLS1.3:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:+GROUP-X25519:+GROUP-SECP256R1:"  \
	"+SIGN-EDDSA-ED25519:+CTYPE-SRV-RAWPK:+CTYPE-CLI-X509"

struct series {
	double *answer, *end; /* microseconds */
};

static void die(const char *what)
{
	fprintf(stderr, "handshake_timing: %s\n", what);
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int connected(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), at_once = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die(strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
	return fd;
}

static gnutls_session_t secured(int fd, gnutls_certificate_credentials_t none)
{
	static unsigned char name[] = "godwit-link/1";
	const gnutls_datum_t alpn = {.data = name, .size = sizeof(name) - 1};
	gnutls_session_t session;

	gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_ENABLE_RAWPK | GNUTLS_NO_TICKETS);
	gnutls_priority_set_direct(session, PRIORITY, NULL);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, none);
	gnutls_alpn_set_protocols(session, &alpn, 1, GNUTLS_ALPN_MANDATORY);
	gnutls_transport_set_int(session, fd);
	if (gnutls_handshake(session) != 0)
		die("no TLS of a link at that port");
	return session;
}

static void read_whole(gnutls_session_t session, unsigned char *p, size_t n)
{
	ssize_t got;

	for (size_t i = 0; i < n; i += (size_t)got) {
		got = gnutls_record_recv(session, p + i, n - i);
		if (got <= 0)
			die("the server has closed; are its limits lifted?");
	}
}

static void attempt(uint16_t port, gnutls_certificate_credentials_t none, const char *name,
                    double *answer_out, double *end_out)
{
	unsigned char hello[HELLO] = {'G', 'W', 'L', 'H', 1, 1, 0, 64};
	unsigned char frame[CHALLENGE];
	int fd = connected(port);
	gnutls_session_t session = secured(fd, none);
	double began;

	memcpy(hello + 8, name, strlen(name));
	began = now_us();
	gnutls_record_send(session, hello, sizeof(hello));
	read_whole(session, frame, sizeof(frame));
	*answer_out = now_us() - began;
	frame[5] = 3; /* its own challenge, as a response */
	began = now_us();
	gnutls_record_send(session, frame, sizeof(frame));
	while (gnutls_record_recv(session, frame, sizeof(frame)) > 0)
		;
	*end_out = now_us() - began;
	gnutls_deinit(session);
	close(fd);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

static double spread(const double *values, int n)
{
	double least = values[0], most = values[0];

	for (int i = 1; i < n; i++) {
		least = values[i] < least ? values[i] : least;
		most = values[i] > most ? values[i] : most;
	}
	return most - least;
}

int main(int argc, char **argv)
{
	struct series series[NAMES_MAX];
	double answers[NAMES_MAX], ends[NAMES_MAX];
	gnutls_certificate_credentials_t none;
	int names = argc - 3;
	size_t n = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (n == 0 || names > NAMES_MAX)
		die("usage: handshake_timing PORT N NAME...");
	gnutls_certificate_allocate_credentials(&none);
	for (int i = 0; i < names; i++) {
		if (strlen(argv[3 + i]) > 63)
			die("a name has at most 63 characters");
		series[i].answer = calloc(n, sizeof(double));
		series[i].end = calloc(n, sizeof(double));
	}
	for (size_t round = 0; round < n; round++)
		for (int i = 0; i < names; i++)
			attempt((uint16_t)atoi(argv[1]), none, argv[3 + i],
			        &series[i].answer[round], &series[i].end[round]);
	printf("%-24s %14s %14s\n", "name", "answer us", "end us");
	for (int i = 0; i < names; i++) {
		answers[i] = median(series[i].answer, n);
		ends[i] = median(series[i].end, n);
		printf("%-24s %14.1f %14.1f\n", argv[3 + i], answers[i], ends[i]);
		free(series[i].answer);
		free(series[i].end);
	}
	printf("%-24s %14.1f %14.1f\n", "greatest difference", spread(answers, names),
	       spread(ends, names));
	gnutls_certificate_free_credentials(none);
	return 0;
}
