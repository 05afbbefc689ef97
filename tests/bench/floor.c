/*
 * The floor of the bench: an epoll broadcaster that is as lean as such a thing can be. It answers
 * NICK and USER with 001, JOIN with its echo and PING with PONG, and copies each PRIVMSG to the
 * members of the channel, or to the one target: no checks, no limits, no modes. What is for one
 * connection in one turn of the loop is joined and goes out in one write().
 *
 * "--break=drop|dup|swap" spoils every 1009th delivery, so that tests/bench/selftest can see that
 * the load generator notices. At SIGTERM it then prints how many it has spoilt.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>

enum {
	EVENTS_PER_TURN = 1024,
	READ_MAX = 64 * 1024,
	LINE_MAX_LEN = 1024,
	NICK_MAX = 31,
	BREAK_EVERY = 1009
};

enum break_kind { BREAK_NOT, BREAK_DROP, BREAK_DUP, BREAK_SWAP };

struct text {
	char *bytes;
	size_t len, size;
};

struct conn {
	int fd;
	bool named, welcomed, blocked, dirty;
	char nick[NICK_MAX + 1];
	char prefix[NICK_MAX + 20]; /* what comes before the arguments in a PRIVMSG to others */
	size_t prefix_len;
	struct text in;   /* a line whose end has not come yet */
	struct text out;  /* of this turn, or what the socket would not take */
	struct text held; /* with --break=swap: a line that is to come after the next */
	struct channel *channel;
	UT_hash_handle hh;
};

struct channel {
	char name[NICK_MAX + 1];
	struct conn **members;
	size_t count, size;
	UT_hash_handle hh;
};

struct floor {
	int epoll_fd, listen_fd;
	struct conn *by_nick;
	struct channel *by_name;
	struct conn **dirty; /* has output of this turn */
	size_t dirty_count, dirty_size;
	enum break_kind break_kind;
	unsigned long deliveries, broken;
	char input[READ_MAX];
};

static volatile sig_atomic_t stopping;

static void text_add(struct text *text, const char *bytes, size_t len)
{
	if (text->len + len > text->size) {
		text->size = text->size ? text->size : 64;
		while (text->size < text->len + len)
			text->size *= 2;
		text->bytes = realloc(text->bytes, text->size);
		if (text->bytes == NULL)
			exit(1);
	}
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
}

/** The array with room for one more of its elements, each a pointer. */
static void *room_for_one(void *array, size_t count, size_t *size)
{
	if (count < *size)
		return array;
	*size = *size ? *size * 2 : 8;
	array = realloc(array, *size * sizeof(void *));
	if (array == NULL)
		exit(1);
	return array;
}

/* Output: collected during the turn, written at its end. */

static void conn_send(struct floor *f, struct conn *to, const char *bytes, size_t len)
{
	text_add(&to->out, bytes, len);
	if (to->dirty)
		return;
	to->dirty = true;
	f->dirty = room_for_one(f->dirty, f->dirty_count, &f->dirty_size);
	f->dirty[f->dirty_count++] = to;
}

static void deliver_spoilt(struct floor *f, struct conn *to, const char *line, size_t len)
{
	f->broken++;
	if (f->break_kind == BREAK_SWAP)
		text_add(&to->held, line, len);
	if (f->break_kind != BREAK_DUP)
		return;
	conn_send(f, to, line, len);
	conn_send(f, to, line, len);
}

static void deliver(struct floor *f, struct conn *to, const char *line, size_t len)
{
	if (f->break_kind != BREAK_NOT && ++f->deliveries % BREAK_EVERY == 0) {
		deliver_spoilt(f, to, line, len);
		return;
	}
	conn_send(f, to, line, len);
	if (to->held.len > 0) {
		conn_send(f, to, to->held.bytes, to->held.len);
		to->held.len = 0;
	}
}

static void conn_watch(struct floor *f, struct conn *conn, int op, unsigned events)
{
	struct epoll_event event = {.events = events, .data.ptr = conn};

	epoll_ctl(f->epoll_fd, op, conn->fd, &event);
}

/** A failed write needs no care here: the connection's next event is its end. */
static void conn_flush(struct floor *f, struct conn *conn)
{
	ssize_t sent = write(conn->fd, conn->out.bytes, conn->out.len);
	bool blocked;

	if (sent < 0)
		sent = errno == EAGAIN ? 0 : (ssize_t)conn->out.len;
	conn->out.len -= sent;
	if (conn->out.len > 0)
		memmove(conn->out.bytes, conn->out.bytes + sent, conn->out.len);
	blocked = conn->out.len > 0;
	if (blocked != conn->blocked)
		conn_watch(f, conn, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
	conn->blocked = blocked;
}

static void flush_turn(struct floor *f)
{
	for (size_t i = 0; i < f->dirty_count; i++) {
		f->dirty[i]->dirty = false;
		if (!f->dirty[i]->blocked)
			conn_flush(f, f->dirty[i]);
	}
	f->dirty_count = 0;
}

/* Commands. A handler gets what follows the command's name and blank. */

static void welcome(struct floor *f, struct conn *conn)
{
	char line[128];
	int len;

	if (conn->welcomed || !conn->named || conn->nick[0] == '\0')
		return;
	conn->welcomed = true;
	len = snprintf(line, sizeof line, ":floor 001 %s :Welcome\r\n", conn->nick);
	conn_send(f, conn, line, len);
}

static void on_nick(struct floor *f, struct conn *conn, const char *args, size_t len)
{
	(void)len;
	if (conn->nick[0] != '\0')
		HASH_DEL(f->by_nick, conn);
	snprintf(conn->nick, sizeof conn->nick, "%s", args);
	HASH_ADD_STR(f->by_nick, nick, conn);
	conn->prefix_len =
		snprintf(conn->prefix, sizeof conn->prefix, ":%s!u@h PRIVMSG ", conn->nick);
	welcome(f, conn);
}

static void on_user(struct floor *f, struct conn *conn, const char *args, size_t len)
{
	(void)args;
	(void)len;
	conn->named = true;
	welcome(f, conn);
}

static void on_ping(struct floor *f, struct conn *conn, const char *args, size_t len)
{
	static const char start[] = ":floor PONG floor ";

	conn_send(f, conn, start, sizeof start - 1);
	conn_send(f, conn, args, len);
	conn_send(f, conn, "\r\n", 2);
}

/** One channel per connection is all that the bench needs. */
static void on_join(struct floor *f, struct conn *conn, const char *args, size_t len)
{
	struct channel *channel;
	char line[128];

	(void)len;
	HASH_FIND_STR(f->by_name, args, channel);
	if (channel == NULL) {
		channel = calloc(1, sizeof *channel);
		if (channel == NULL)
			exit(1);
		snprintf(channel->name, sizeof channel->name, "%s", args);
		HASH_ADD_STR(f->by_name, name, channel);
	}
	channel->members = room_for_one(channel->members, channel->count, &channel->size);
	channel->members[channel->count++] = conn;
	conn->channel = channel;
	snprintf(line, sizeof line, ":%s!u@h JOIN %s\r\n", conn->nick, channel->name);
	conn_send(f, conn, line, strlen(line));
}

static void on_privmsg(struct floor *f, struct conn *conn, const char *args, size_t len)
{
	size_t target_len = strcspn(args, " ");
	struct channel *channel;
	struct conn *user;
	char line[sizeof conn->prefix + LINE_MAX_LEN + 2];

	memcpy(line, conn->prefix, conn->prefix_len);
	memcpy(line + conn->prefix_len, args, len);
	len += conn->prefix_len;
	memcpy(line + len, "\r\n", 2);
	len += 2;
	if (args[0] == '#') {
		HASH_FIND(hh, f->by_name, args, target_len, channel);
		for (size_t i = 0; channel != NULL && i < channel->count; i++)
			if (channel->members[i] != conn)
				deliver(f, channel->members[i], line, len);
		return;
	}
	HASH_FIND(hh, f->by_nick, args, target_len, user);
	if (user != NULL)
		deliver(f, user, line, len);
}

static const struct command {
	const char *name; /* with the blank that follows it */
	void (*run)(struct floor *f, struct conn *conn, const char *args, size_t len);
} commands[] = {
	{"PRIVMSG ", on_privmsg}, {"PING ", on_ping}, {"NICK ", on_nick},
	{"USER ", on_user},       {"JOIN ", on_join},
};

static void on_line(struct floor *f, struct conn *conn, char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		size_t name_len = strlen(commands[i].name);

		if (strncmp(line, commands[i].name, name_len) == 0) {
			commands[i].run(f, conn, line + name_len, len - name_len);
			return;
		}
	}
}

/* Connections */

static void conn_leave(struct conn *conn)
{
	struct channel *channel = conn->channel;

	for (size_t i = 0; channel != NULL && i < channel->count; i++)
		if (channel->members[i] == conn)
			channel->members[i--] = channel->members[--channel->count];
}

static void conn_free(struct floor *f, struct conn *conn)
{
	conn_leave(conn);
	if (conn->nick[0] != '\0')
		HASH_DEL(f->by_nick, conn);
	for (size_t i = 0; conn->dirty && i < f->dirty_count; i++)
		if (f->dirty[i] == conn)
			f->dirty[i--] = f->dirty[--f->dirty_count];
	close(conn->fd);
	free(conn->in.bytes);
	free(conn->out.bytes);
	free(conn->held.bytes);
	free(conn);
}

static void on_input(struct floor *f, struct conn *conn)
{
	size_t have = conn->in.len;
	ssize_t got;
	char *line = f->input, *end;

	if (have > 0)
		memcpy(f->input, conn->in.bytes, have);
	got = read(conn->fd, f->input + have, READ_MAX - have);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		conn_free(f, conn);
		return;
	}
	conn->in.len = 0;
	have += got;
	while ((end = memchr(line, '\n', f->input + have - line)) != NULL) {
		if (end - line < LINE_MAX_LEN)
			on_line(f, conn, line, end - line);
		line = end + 1;
	}
	have = f->input + have - line;
	if (have >= LINE_MAX_LEN)
		conn_free(f, conn);
	else if (have > 0)
		text_add(&conn->in, line, have);
}

/** TCP_NODELAY is set on the listener, from which the new socket has it. */
static void on_connection(struct floor *f)
{
	int fd;

	while ((fd = accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *conn = calloc(1, sizeof *conn);

		if (conn == NULL)
			exit(1);
		conn->fd = fd;
		conn_watch(f, conn, EPOLL_CTL_ADD, EPOLLIN);
	}
}

static void turn(struct floor *f)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = epoll_wait(f->epoll_fd, events, EVENTS_PER_TURN, -1);

	for (int i = 0; i < count; i++) {
		struct conn *conn = events[i].data.ptr;

		if (conn == NULL) {
			on_connection(f);
			continue;
		}
		if (events[i].events & EPOLLOUT)
			conn_flush(f, conn);
		if (events[i].events & ~EPOLLOUT)
			on_input(f, conn);
	}
	flush_turn(f);
}

static int listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) {
		fprintf(stderr, "floor: port %d: %s\n", port, strerror(errno));
		exit(1);
	}
	return fd;
}

static void on_signal(int signo)
{
	(void)signo;
	stopping = 1;
}

static enum break_kind break_kind_of(const char *arg)
{
	static const char *const names[] = {"", "--break=drop", "--break=dup", "--break=swap"};

	for (enum break_kind kind = BREAK_DROP; kind <= BREAK_SWAP; kind++)
		if (strcmp(arg, names[kind]) == 0)
			return kind;
	fprintf(stderr, "floor: unknown option %s\n", arg);
	exit(2);
}

static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	static struct floor f;
	struct sigaction action = {.sa_handler = on_signal};
	struct epoll_event event = {.events = EPOLLIN};

	if (argc < 2) {
		fprintf(stderr, "usage: floor PORT [--break=drop|dup|swap]\n");
		return 2;
	}
	if (argc > 2)
		f.break_kind = break_kind_of(argv[2]);
	allow_many_files();
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	f.listen_fd = listen_on(atoi(argv[1]));
	f.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(f.epoll_fd, EPOLL_CTL_ADD, f.listen_fd, &event);
	while (!stopping)
		turn(&f);
	if (f.break_kind != BREAK_NOT)
		printf("%lu\n", f.broken);
	return 0;
}
