/*
 * Fuzz target: a client that is moved by servers that say what they like. Each line of the input is
 * something that happens; its first byte says what:
 *
 *     0 1   the rest was read from that slot          C D   the slot 0, 1 is up
 *     X Y   the slot 0, 1 has ended                   S     the user says the rest
 *     T     some time passes                          G     the user gives up
 *
 * Whatever that is, the mover keeps to its contract: nothing is told of a connection that is none,
 * what it takes for itself is not shown to the user, and after the end it is silent.
 */
#include "modules/agent/mover.h"
#include "tests/fuzz/fuzz.h"
#include <stdbool.h>
#include <string.h>

enum { HELD_MAX = 2000 };

struct world {
	struct mover m;
	bool open[2], up[2], lost;
	int64_t now_ns;
	unsigned dialled, moved;
	size_t blocks;
};

static enum mover_policy decide(void *driver, const char *host, uint16_t port)
{
	(void)driver;
	FUZZ_CHECK(host[0] != '\0' && strlen(host) <= MOVER_HOST_MAX && port > 0);
	return host[0] == 'i' ? MOVER_IGNORE : host[0] == 'r' ? MOVER_REFUSE : MOVER_ACCEPT;
}

static void dial(void *driver, int slot, const char *host, uint16_t port,
                 const uint8_t *fingerprint)
{
	struct world *w = driver;

	(void)fingerprint;
	FUZZ_CHECK(slot == !w->m.home && !w->open[slot] && !w->lost);
	FUZZ_CHECK(decide(driver, host, port) == MOVER_ACCEPT);
	w->open[slot] = true;
	w->up[slot] = false;
	w->dialled++;
}

static void send(void *driver, int slot, const char *line)
{
	struct world *w = driver;

	FUZZ_CHECK(w->open[slot] && w->up[slot] && !w->lost);
	FUZZ_CHECK(strpbrk(line, "\r\n") == NULL);
}

static void close_slot(void *driver, int slot)
{
	struct world *w = driver;

	FUZZ_CHECK(w->open[slot] && slot != w->m.home);
	w->open[slot] = false;
}

static void resume(void *driver, int slot)
{
	struct world *w = driver;

	/* another one is dialled already, where a request was among the lines that had waited */
	FUZZ_CHECK(w->open[slot] && slot == w->m.home && w->up[slot]);
}

static void deliver(void *driver, const char *line)
{
	struct world *w = driver;

	FUZZ_CHECK(!w->lost && strncmp(line, "REDIRECT ", 9) != 0);
	if (line[0] == 'e') /* the user answers */
		mover_say(&w->m, line);
}

static void moved(void *driver)
{
	struct world *w = driver;

	w->moved++;
	FUZZ_CHECK(w->moved <= w->dialled && w->open[w->m.home] && w->up[w->m.home]);
}

static void lost(void *driver, const char *reason)
{
	struct world *w = driver;

	FUZZ_CHECK(!w->lost && reason[0] != '\0' && !w->open[0] && !w->open[1]);
	w->lost = true;
}

static void *resize(void *driver, void *p, size_t n)
{
	struct world *w = driver;

	w->blocks += (p == NULL && n > 0);
	w->blocks -= (p != NULL && n == 0);
	if (n > 0)
		return realloc(p, n);
	free(p);
	return NULL;
}

static void connected(struct world *w, int slot)
{
	static const uint8_t same[MOVER_SECRET] = {7};

	if (!w->open[slot] || w->up[slot])
		return;
	w->up[slot] = true;
	mover_connected(&w->m, slot, w->m.new_tls ? same : NULL, w->m.new_tls ? same : NULL);
}

static void ended(struct world *w, int slot)
{
	if (!w->open[slot])
		return;
	w->open[slot] = false;
	mover_closed(&w->m, slot);
}

static void happen(struct world *w, char what, const char *rest)
{
	switch (what) {
	case '0':
	case '1':
		if (w->open[what - '0'] && w->up[what - '0'])
			mover_line(&w->m, what - '0', rest);
		break;
	case 'C':
	case 'D':
		connected(w, what - 'C');
		break;
	case 'X':
	case 'Y':
		ended(w, what - 'X');
		break;
	case 'T':
		w->now_ns += 3000000000;
		mover_tick(&w->m, w->now_ns);
		break;
	case 'G':
		mover_give_up(&w->m, "No");
		break;
	default:
		FUZZ_CHECK(mover_say(&w->m, rest) <= 0);
	}
	FUZZ_CHECK((w->m.state == MOVER_LOST) == w->lost);
	FUZZ_CHECK(w->lost || w->open[w->m.home]);
	FUZZ_CHECK(w->m.new_open == w->open[!w->m.home]);
	FUZZ_CHECK(w->m.said.len <= HELD_MAX && w->m.come.len <= HELD_MAX);
	FUZZ_CHECK((w->m.state == MOVER_HOME) == (w->m.id[0] == '\0') || w->lost);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mover_actions actions = {decide,  dial,  send, close_slot, resume,
	                                             deliver, moved, lost, resize};
	struct world w = {.open = {true}, .up = {true}};
	struct mover_settings settings = {.actions = &actions, .driver = &w, .held_max = HELD_MAX};

	mover_init(&w.m, &settings, 0);
	mover_connected(&w.m, 0, NULL, NULL);
	for (size_t at = 0, n; at < size; at += n + 1) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		char *line;

		n = end != NULL ? (size_t)(end - data) - at : size - at;
		line = strndup((const char *)data + at, n);
		if (line[0] != '\0' && strchr(line, '\r') == NULL)
			happen(&w, line[0], line + 1);
		free(line);
	}
	mover_fini(&w.m);
	FUZZ_CHECK(w.blocks == 0);
	return 0;
}
