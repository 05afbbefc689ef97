/*
 * test_memo.c - tests of the module memo in a simulated network (godwit/testkit.h). What fails
 * prints the conversation and the servers' logs. GODWIT_SEED=N is another run of the last test.
 */
#include <godwit/loop.h>
#include <godwit/testkit.h>
#include <stdio.h>
#include <string.h>

#define LEVEL (120 * GW_SECOND)
#define KEPT "* :Your memo is kept for *"

/* In a row: s0 - s1 - s2, each with the module. */
static struct gwt_net *network(unsigned servers, struct gwt_server *s[], const char *yaml)
{
	struct gwt_net *net = gwt_net_new(gwt_seed(1), ".");

	s[0] = gwt_server_new(net, "memo", yaml);
	for (unsigned i = 1; i < servers; i++)
		s[i] = gwt_server_join(s[i - 1], "memo", yaml);
	if (servers > 1)
		gwt_level(net, LEVEL);
	return net;
}

/* Somebody with the nick of a guest, who logs in. */
static struct gwt_client *enter(struct gwt_server *s, const char *account, const char *caps)
{
	struct gwt_client *c;
	char nick[32];

	snprintf(nick, sizeof(nick), "%s_%s", account, gwt_server_name(s));
	nick[strlen(account) + 3] = '\0'; /* "ann_s0" */
	c = gwt_enter(s, nick, caps);
	gwt_login(c, account);
	return c;
}

/* Says it, and waits until it is stored. */
static void leave(struct gwt_client *c, const char *account, const char *text)
{
	gwt_send(c, "MEMO SEND %s :%s", account, text);
	gwt_expect(c, KEPT);
}

/* The five letters in a line that shows a memo. */
static const char *letters(const char *line)
{
	static char found[6];

	sscanf(strstr(line, ":Memo "), ":Memo %5s", found);
	return found;
}

static bool told(struct gwt_server *s, const char *account)
{
	const char *list = gwt_admin(s, NULL, "memo list %s", account);

	return strstr(list, "|yes") != NULL && strstr(list, "|no") == NULL;
}

/* --- one server --- */

static void a_memo_waits_for_who_is_gwt_account(void)
{
	struct gwt_server *s[1];
	struct gwt_net *net = network(1, s, NULL);
	struct gwt_client *ann, *bob;

	gwt_account(s[0], "bob");
	ann = enter(s[0], "ann", "standard-replies");
	gwt_send(ann, "MEMO SEND Bob :Back on Monday");
	gwt_expect_next(ann, ":* NOTE MEMO STORED Bob :Your memo is kept for Bob");
	bob = gwt_enter(s[0], "bobby", "");
	gwt_expect_none(bob, "*Memo*");
	gwt_check(net, !told(s[0], "bob"));
	gwt_login(bob, "bob");
	gwt_expect(bob,
	           ":s0.* NOTICE bobby :Memo ????? from ann, 2026-01-01 00:?? UTC: Back on Monday");
	gwt_expect_none(bob, "*Memo*");
	gwt_expect_none(ann, "*Memo*");
	gwt_check(net, told(s[0], "bob"));
	gwt_check(net, strstr(gwt_admin(s[0], NULL, "status"), "memos-shown|1") != NULL);
	gwt_net_end(&net);
}

static void memos_are_listed_and_deleted(void)
{
	struct gwt_server *s[1];
	struct gwt_net *net = network(1, s, NULL);
	struct gwt_client *ann = enter(s[0], "ann", "standard-replies labeled-response batch");
	const char *bread;

	leave(ann, "ann", "milk");
	leave(ann, "ann", "bread");
	gwt_run(net, GW_SECOND);
	gwt_send(ann, "@label=7 MEMO LIST");
	gwt_expect(ann, "@label=7 * BATCH +*");
	gwt_expect(ann, "@batch=* NOTICE ann_s0 :Memo ????? from ann, *: milk");
	bread = letters(gwt_expect(ann, "@batch=* NOTICE ann_s0 :Memo ????? from ann, *: bread"));
	gwt_expect(ann, "@batch=* NOTE MEMO END LIST :You have 2 of 20 memos");
	gwt_send(ann, "MEMO DEL %s", bread);
	gwt_expect(ann, "* NOTE MEMO DELETED * :Deleted");
	gwt_send(ann, "MEMO DEL %s", bread);
	gwt_expect(ann, "* FAIL MEMO NO_SUCH_MEMO :There is no such memo");
	gwt_send(ann, "MEMO LIST");
	gwt_expect(ann, "* NOTICE ann_s0 :Memo * milk");
	gwt_expect(ann, "* :You have 1 of 20 memos");
	gwt_send(ann, "MEMO DEL *");
	gwt_send(ann, "MEMO LIST");
	gwt_expect(ann, "* :You have 0 of 20 memos");
	gwt_net_end(&net);
}

static void what_cannot_be_is_refused_with_a_sentence(void)
{
	struct gwt_server *s[1];
	struct gwt_net *net = network(1, s, "memo: {most: 2, length: 10}\n");
	struct gwt_client *eve = gwt_enter(s[0], "eve", "standard-replies");
	int status;

	gwt_send(eve, "MEMO LIST");
	gwt_expect_next(eve, "* FAIL MEMO ACCOUNT_REQUIRED :Memos are for those who are logged in");
	gwt_login(eve, "eve");
	gwt_account(s[0], "bob");
	gwt_send(eve, "MEMO");
	gwt_expect(eve, "* 461 eve MEMO *");
	gwt_send(eve, "MEMO EAT");
	gwt_expect_next(eve, "* FAIL MEMO UNKNOWN_COMMAND :*");
	gwt_send(eve, "MEMO SEND bob");
	gwt_expect_next(eve, "* FAIL MEMO NEED_MORE_PARAMS SEND :*");
	gwt_send(eve, "MEMO DEL");
	gwt_expect_next(eve, "* FAIL MEMO NEED_MORE_PARAMS DEL :*");
	gwt_send(eve, "MEMO SEND nobody :hello");
	gwt_expect_next(eve, "* FAIL MEMO UNKNOWN_ACCOUNT nobody :There is no such account");
	gwt_send(eve, "MEMO SEND bob :12345678901");
	gwt_expect_next(eve, "* FAIL MEMO TOO_LONG SEND :A memo has at most 10 bytes");
	leave(eve, "bob", "1234567890");
	leave(eve, "bob", "2");
	gwt_send(eve, "MEMO SEND bob :3");
	gwt_expect_next(eve, "* FAIL MEMO MAILBOX_FULL bob :No more memos fit there *");
	gwt_check(net, strstr(gwt_admin(s[0], &status, "memo list nobody"), "no such") != NULL);
	gwt_check(net, status != 0);
	gwt_admin(s[0], NULL, "memo drop bob");
	gwt_admin(s[0], &status, "memo drop bob");
	gwt_check(net, status != 0);
	leave(eve, "bob", "3");
	gwt_net_end(&net);
}

static void old_memos_go(void)
{
	struct gwt_server *s[1];
	struct gwt_net *net = network(1, s, "memo: {keep: 2h}\n");
	struct gwt_client *ann = enter(s[0], "ann", "");

	gwt_account(s[0], "bob");
	leave(ann, "bob", "one");
	gwt_run(net, 3600 * GW_SECOND);
	leave(ann, "bob", "two");
	gwt_run(net, 3610 * GW_SECOND); /* they are deleted once an hour, but not shown any more */
	gwt_expect_next(enter(s[0], "bob", ""), "*Memo * from ann, *: two");
	gwt_run(net, 3 * 3600 * GW_SECOND);
	gwt_check(net, strstr(gwt_admin(s[0], NULL, "memo list bob"), "ann") == NULL);
	gwt_rehash(s[0], "memo", NULL); /* keep: 90d; but by now they have been deleted */
	gwt_check(net, strstr(gwt_admin(s[0], NULL, "memo list bob"), "ann") == NULL);
	gwt_net_end(&net);
}

static void memos_go_with_their_account(void)
{
	struct gwt_server *s[1];
	struct gwt_net *net = network(1, s, NULL);
	struct gwt_client *ann = enter(s[0], "ann", "");

	gwt_account(s[0], "bob");
	leave(ann, "bob", "for the first bob");
	gwt_admin(s[0], NULL, "account drop bob");
	gwt_account(s[0], "bob");
	gwt_expect_none(enter(s[0], "bob", ""), "*Memo*");
	gwt_net_end(&net);
}

/* More than a session can remember, but never many at once: an old one that is still there is not
 * told again. */
static void what_is_gone_makes_room(void)
{
	struct gwt_server *s[1];
	struct gwt_net *net = network(1, s, NULL);
	struct gwt_client *ann = enter(s[0], "ann", ""), *bob = enter(s[0], "bob", "");

	leave(ann, "bob", "stays");
	gwt_expect(bob, "*Memo *: stays");
	for (int i = 0; i < 100; i++) {
		leave(ann, "bob", "goes");
		gwt_send(bob, "MEMO DEL %s", letters(gwt_expect(bob, "*Memo *: goes")));
		gwt_expect(bob, "* :Deleted");
	}
	gwt_expect_none(bob, "*Memo*");
	gwt_check(net, told(s[0], "bob"));
	gwt_net_end(&net);
}

/* The answer comes from another build of the module than the question went to. */
static void a_reload_loses_nothing(void)
{
	struct gwt_server *s[1];
	struct gwt_net *net = network(1, s, NULL);
	struct gwt_client *ann = enter(s[0], "ann", ""), *bob = enter(s[0], "bob", "");

	leave(ann, "bob", "one");
	gwt_expect(bob, "*Memo *: one");
	gwt_send(ann, "MEMO SEND bob :two");
	gwt_run(net, 150000); /* on its way into the database */
	gwt_reload(s[0], "memo");
	gwt_expect(ann, "* :Your memo is kept for bob");
	gwt_expect(bob, "*Memo *: two");
	gwt_expect_none(bob, "*Memo *: one");
	gwt_admin(s[0], NULL, "module unload memo");
	gwt_admin(s[0], NULL, "module load memo"); /* now nobody knows what bob has seen */
	gwt_expect(bob, "*Memo *: one");
	gwt_expect(bob, "*Memo *: two");
	gwt_net_end(&net);
}

static void what_was_answered_survives_a_crash(void)
{
	struct gwt_server *s[1];
	struct gwt_net *net = network(1, s, NULL);

	gwt_account(s[0], "bob");
	leave(enter(s[0], "ann", ""), "bob", "kept");
	gwt_crash(s[0]);
	gwt_start(s[0]);
	gwt_run(net, 10 * GW_SECOND);
	gwt_expect(enter(s[0], "bob", ""), "*Memo *: kept");
	gwt_net_end(&net);
}

/* --- several --- */

/* One server of three cannot reach the two others: with one of them it would find a new link. */
static void part(struct gwt_net *net, struct gwt_server *s[3], unsigned which)
{
	gwt_cut(s[which], s[(which + 1) % 3]);
	gwt_cut(s[which], s[(which + 2) % 3]);
	gwt_run(net, 10 * GW_SECOND);
}

static void all_sessions_are_shown_it_at_once(void)
{
	struct gwt_server *s[2];
	struct gwt_net *net = network(2, s, NULL);
	struct gwt_client *ann = enter(s[0], "ann", ""), *bob = enter(s[1], "bob", ""), *other;

	gwt_level(net, LEVEL);
	other = gwt_enter(s[0], "bob2", "example.org/memo");
	gwt_login(other, "bob");
	leave(ann, "bob", "Lunch?");
	gwt_expect(bob, ":s1.* NOTICE bob_s? :Memo ????? from ann, * UTC: Lunch?");
	gwt_expect(other, ":s0.* MEMO ????? ann 1767225* :Lunch?");
	gwt_expect_none(bob, "*Lunch?*");
	gwt_expect_none(other, "*Lunch?*");
	gwt_net_end(&net);
}

static void a_memo_arrives_wherever_its_receiver_is(void)
{
	struct gwt_server *s[3];
	struct gwt_net *net = network(3, s, NULL);
	struct gwt_client *ann = enter(s[0], "ann", ""), *bob;

	gwt_account(s[0], "bob");
	gwt_level(net, LEVEL);
	leave(ann, "bob", "before");
	gwt_level(net, LEVEL);
	part(net, s, 0);
	leave(ann, "bob", "meanwhile");
	bob = enter(s[2], "bob", "");
	gwt_expect(bob, ":s2.*Memo *: before");
	gwt_expect_none(bob, "*meanwhile*");
	gwt_heal(net);
	gwt_level(net, LEVEL);
	gwt_expect(bob, "*Memo *: meanwhile");
	gwt_expect_none(bob, "*Memo*");
	gwt_check(net, told(s[0], "bob")); /* by the burst, and by the event */
	gwt_net_end(&net);
}

static void nothing_is_told_twice_after_a_move(void)
{
	struct gwt_server *s[3];
	struct gwt_net *net = network(3, s, NULL);
	struct gwt_client *ann = enter(s[0], "ann", "");
	struct gwt_client *bob = gwt_enter_movable(s[0], "bob", "");

	gwt_login(bob, "bob");
	leave(ann, "bob", "one");
	gwt_expect(bob, "*Memo *: one");
	gwt_level(net, LEVEL);
	part(net, s, 2); /* which hears of it by the burst only */
	leave(ann, "bob", "two");
	gwt_expect(bob, "*Memo *: two");
	gwt_heal(net);
	gwt_level(net, LEVEL);
	gwt_check(net, told(s[2], "bob"));
	gwt_move(bob, s[2]);
	gwt_run(net, 10 * GW_SECOND);
	leave(ann, "bob", "three");
	gwt_expect(bob, "*Memo *: three");
	gwt_expect_none(bob, "*Memo*");
	gwt_reload(s[2], "memo");
	gwt_move(bob, s[1]);
	gwt_expect_none(bob, "*Memo*");
	gwt_net_end(&net);
}

/* One server of the network has no memo, and one has a module that forges them. */
static void another_server_forges_no_memos(void)
{
	struct gwt_server *s[3], *forger;
	struct gwt_net *net = gwt_net_new(gwt_seed(1), ".");
	struct gwt_client *bob;

	s[0] = gwt_server_new(net, "memo", NULL);
	s[1] = gwt_server_join(s[0], NULL, NULL);
	s[2] = gwt_server_join(s[1], "memo", NULL);
	forger = gwt_server_join(s[1], "forger", NULL);
	gwt_level(net, LEVEL);
	bob = enter(s[2], "bob", "");
	gwt_level(net, LEVEL);
	leave(enter(s[0], "ann", ""), "bob", "true");
	gwt_expect(bob, "*Memo *: true"); /* through a server without the module */
	gwt_level(net, LEVEL);
	gwt_check(net, told(s[0], "bob"));
	gwt_admin(forger, NULL, "forge bob_s2");
	gwt_expect_none(bob, "*password*");
	gwt_check(net, told(s[0], "bob"));
	gwt_net_end(&net);
}

/* --- at random --- */

#define ACCOUNTS 3
#define SESSIONS 8
#define STEPS 100
#define SENT_ALL 400
#define SENT_MAX 20 /* to one account at a time: no mailbox is ever full */

struct random_run {
	struct gwt_net *net;
	struct gwt_server *s[3];
	struct session {
		struct gwt_client *c;
		unsigned account;
		bool movable;
	} sessions[SESSIONS];
	struct sent {
		unsigned account;
		bool deleted;
	} sent[SENT_ALL];
	unsigned n_sent, n_nicks;
	bool whole; /* the network */
};

static unsigned draw(struct random_run *r, unsigned n)
{
	return (unsigned)(gwt_random(r->net) % n);
}

/* One that is there, or room for one; NULL: none is. */
static struct session *any(struct random_run *r, bool there)
{
	unsigned first = draw(r, SESSIONS);

	for (unsigned i = 0; i < SESSIONS; i++) {
		struct session *e = &r->sessions[(first + i) % SESSIONS];

		if ((e->c != NULL) == there)
			return e;
	}
	return NULL;
}

static void make_whole(struct random_run *r)
{
	if (!r->whole)
		gwt_heal(r->net);
	gwt_level(r->net, LEVEL);
	r->whole = true;
}

/* How often the session was shown memo number `i`. */
static unsigned times_shown(const struct session *e, unsigned i)
{
	const char *const *lines;
	size_t n = gwt_lines(e->c, &lines);
	char text[24];
	unsigned times = 0;

	snprintf(text, sizeof(text), ": number %u.", i);
	for (size_t l = 0; l < n; l++)
		times += strstr(lines[l], ":Memo ") != NULL && strstr(lines[l], text) != NULL;
	return times;
}

static void come(struct random_run *r)
{
	struct session *e = any(r, false);
	char nick[24], account[8];

	if (e == NULL)
		return;
	e->account = draw(r, ACCOUNTS);
	snprintf(nick, sizeof(nick), "nick%u", r->n_nicks++);
	snprintf(account, sizeof(account), "acc%u", e->account);
	e->movable = draw(r, 2) == 0;
	e->c = e->movable ? gwt_enter_movable(r->s[draw(r, 3)], nick, "")
	                  : gwt_enter(r->s[draw(r, 3)], nick, "");
	gwt_login(e->c, account);
}

/* False: nothing is sent, the mailbox might be full. */
static bool say_one(struct random_run *r, struct session *e, unsigned to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_sent; i++)
		n += r->sent[i].account == to && !r->sent[i].deleted;
	if (n == SENT_MAX || r->n_sent == SENT_ALL)
		return false;
	gwt_send(e->c, "MEMO SEND acc%u :number %u.", to, r->n_sent);
	r->sent[r->n_sent++] = (struct sent){.account = to};
	return true;
}

static void send_one(struct random_run *r)
{
	struct session *e = any(r, true);

	if (e != NULL && say_one(r, e, draw(r, ACCOUNTS)))
		gwt_expect(e->c, KEPT);
}

static void delete_all(struct random_run *r)
{
	unsigned of = draw(r, ACCOUNTS);
	int status;

	make_whole(r);
	gwt_admin(r->s[draw(r, 3)], &status, "memo drop acc%u", of);
	for (unsigned i = 0; i < r->n_sent; i++)
		r->sent[i].deleted |= r->sent[i].account == of;
	gwt_level(r->net, LEVEL);
}

/* Memos come before their receiver is on the way, meanwhile, and behind that. */
static void move(struct random_run *r)
{
	struct session *e = any(r, true), *sender = any(r, true);
	struct gwt_server *to = r->s[draw(r, 3)];
	unsigned n = 0;

	if (e == NULL || !e->movable || gwt_client_server(e->c) == to || sender == NULL ||
	    sender == e)
		return;
	make_whole(r);
	while (n < 10 && say_one(r, sender, e->account))
		n++;
	gwt_move(e->c, to);
	while (n-- > 0)
		gwt_expect(sender->c, KEPT);
}

static void crash(struct random_run *r)
{
	struct gwt_server *s = r->s[draw(r, 3)];

	gwt_crash(s);
	for (unsigned i = 0; i < SESSIONS; i++)
		if (r->sessions[i].c != NULL && gwt_client_server(r->sessions[i].c) == s)
			gwt_close(&r->sessions[i].c);
	gwt_run(r->net, GW_SECOND * (1 + draw(r, 20)));
	gwt_start(s);
	gwt_run(r->net, 10 * GW_SECOND);
}

static void step(struct random_run *r)
{
	struct session *e;
	unsigned i = draw(r, 2);

	switch (draw(r, 14)) {
	case 0:
		e = any(r, true);
		if (e != NULL)
			gwt_close(&e->c);
		break;
	case 1:
		gwt_cut(r->s[i], r->s[i + 1]);
		r->whole = false;
		break;
	case 2:
		make_whole(r);
		break;
	case 3:
	case 4:
		move(r);
		break;
	case 5:
		gwt_reload(r->s[draw(r, 3)], "memo");
		break;
	case 6:
		if (draw(r, 3) == 0)
			crash(r);
		break;
	case 7:
		delete_all(r);
		break;
	case 8:
	case 9:
	case 10:
		come(r);
		break;
	default:
		send_one(r);
	}
	gwt_run(r->net, GW_MS * draw(r, 3000));
}

/* Whatever happens, each session is shown each memo of its account once, and none is lost. */
static void each_memo_is_shown_once(uint64_t seed)
{
	struct gwt_faults slow = {.latency_min_ns = GW_MS / 10};
	struct random_run r = {.net = gwt_net_new(seed, "."), .whole = true};

	r.s[0] = gwt_server_new(r.net, "memo", NULL);
	r.s[1] = gwt_server_join(r.s[0], "memo", NULL);
	r.s[2] = gwt_server_join(r.s[1], "memo", NULL);
	gwt_account(r.s[0], "acc0");
	gwt_account(r.s[0], "acc1");
	gwt_account(r.s[0], "acc2");
	gwt_level(r.net, LEVEL);
	slow.latency_max_ns = GW_MS / 2 * (1 + draw(&r, 20));
	gwt_net_faults(r.net, &slow);
	for (unsigned i = 0; i < STEPS; i++)
		step(&r);
	make_whole(&r);
	gwt_run(r.net, 5 * GW_SECOND);
	for (unsigned i = 0; i < SESSIONS; i++)
		for (unsigned n = 0; n < r.n_sent && r.sessions[i].c != NULL; n++) {
			struct session *e = &r.sessions[i];
			unsigned times = times_shown(e, n);
			bool its = e->account == r.sent[n].account;

			gwt_check(r.net, times <= (its ? 1 : 0));
			gwt_check(r.net, times == 1 || !its || r.sent[n].deleted);
		}
	gwt_net_end(&r.net);
}

int main(void)
{
	a_memo_waits_for_who_is_gwt_account();
	memos_are_listed_and_deleted();
	what_cannot_be_is_refused_with_a_sentence();
	old_memos_go();
	memos_go_with_their_account();
	what_is_gone_makes_room();
	a_reload_loses_nothing();
	what_was_answered_survives_a_crash();
	all_sessions_are_shown_it_at_once();
	a_memo_arrives_wherever_its_receiver_is();
	nothing_is_told_twice_after_a_move();
	another_server_forges_no_memos();
	each_memo_is_shown_once(gwt_seed(1));
	puts("all passed");
	return 0;
}
