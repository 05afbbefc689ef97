/*
 * tests/module/operators.c - operators' commands: the sessions, who may do what, and what of it is
 * in the log.
 */
#include "core/admin.h"
#include "core/mem.h"
#include "core/module.h"
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALL                                                                                        \
	"[store_fake, services, network, link, burst, client, account, channel, message, query, "  \
	"monitor, guest, oper, control, redirect, balance]"
#define CHEAP "client: {exempt: [\"127.0.0.0/8\"], sendq: 16k, max-per-address: 0}\n"
#define ROLES                                                                                      \
	"oper: {second-copy: 0, roles: [\"admin *\", \"helper session.list session.show\", "       \
	"\"guard session.* wallops\"]}\n"
#define E8                                                                                         \
	"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2" \
	"\x82\xac"
#define SECRET "Tr0ub4dor-and-3"

/* A server, its operators, and one who asks it as a front end does. */
struct stage {
	struct simtree *tree; /* NULL: none, only `net` */
	struct simnet *net;
	struct simserver *s;
	struct module *asker;
	int status;
	char answer[400];
};

static void answered(void *state, uint64_t tag, const struct gw_admin_answer *answer)
{
	struct stage *t = state;

	(void)tag;
	if (answer->part != GW_ADMIN_END)
		return;
	t->status = answer->status;
	snprintf(t->answer, sizeof(t->answer), "%s", answer->text);
}

static const struct gw_call_row calls[] = {{"answered", (gw_fn *)answered}, {NULL, NULL}};
static const struct gw_module descriptor = {
	.abi = GW_ABI, .name = "asker", .version = "", .calls = calls};

static void ready(struct stage *t)
{
	t->asker = module_new(simserver_server(t->s), "asker");
	module_bind(t->asker, &descriptor, t);
}

static void begin(struct stage *t, const char *yaml)
{
	t->tree = simtree_new(3, yaml, ALL);
	t->net = t->tree->net;
	t->s = t->tree->nodes[0].server;
	ready(t);
}

static void begin_agent(struct stage *t)
{
	t->tree = NULL;
	t->net = simnet_new(3);
	t->s = simnet_server(t->net, "modules: [agent, control]\nlisten: []\n");
	ready(t);
}

static void end(struct stage *t)
{
	admin_forget(simserver_server(t->s), t->asker);
	module_free(&t->asker);
	if (t->tree != NULL)
		simtree_end(&t->tree);
	else
		simnet_end(&t->net);
}

static void run(struct stage *t, const struct gw_admin_asker *asker, int argc,
                const char *const *words)
{
	t->status = 1;
	assert_int_equal(
		admin_api.run(&t->asker->self, argc, words, asker, gw_call(&t->asker->self, 0, 0)),
		0);
}

static struct simclient *person(struct stage *t, const char *nick)
{
	struct simclient *c = simnet_client(t->s, "127.0.0.1", false);

	client_send(c, "PASS %s:%s\r\nNICK %s\r\nUSER a 0 * :a", nick, SECRET, nick);
	client_send(c, "PING in");
	client_expect(c, "*PONG s0* :in");
	return c;
}

static struct simclient *oper(struct stage *t, const char *nick, const char *role)
{
	struct simclient *c;

	simserver_ask(t->s, "account add %s %s", nick, SECRET);
	simserver_ask(t->s, "oper add %s %s", nick, role);
	c = person(t, nick);
	client_send(c, "OPER %s", nick);
	client_expect(c, "* 381 *");
	free(client_take(c));
	return c;
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("there is \"%s\" in:\n%s", part, text);
}

/* The first cell of the line that has `part`. */
static const char *first_cell(const char *text, const char *part, char out[32])
{
	const char *at = strstr(text, part), *line = at;

	assert_non_null(at);
	while (line > text && line[-1] != '\n')
		line--;
	snprintf(out, 32, "%.*s", (int)strcspn(line, "|"), line);
	return out;
}

static void sessions_are_listed(void **state)
{
	struct stage t;
	struct simclient *pat, *raw;
	const char *list;
	char id[32];
	int status;

	(void)state;
	begin(&t, CHEAP);
	pat = simtree_enter(t.tree, 0, "pat", "");
	raw = simnet_client(t.s, "192.0.2.7", true);
	client_send(raw, "CAP LS 302");
	client_expect(raw, "* CAP *");
	simnet_run(t.net, 5 * GW_SECOND);
	list = simserver_ask(t.s, "session list");
	has(list, "id|nick|account|address|server|state|since|idle|tls\n");
	has(list, "|pat||127.0.0.1|s0.example.net|connected|5s|5s|no\n");
	has(list, "|*||192.0.2.7|s0.example.net|connecting|5s||yes\n");
	first_cell(list, "|192.0.2.7|", id);
	lacks(simserver_ask(t.s, "session list p*"), "192.0.2.7");
	has(simserver_ask(t.s, "session list 192.0.2.*"), id);
	simserver_admin(t.s, &status, "session list a b");
	assert_int_equal(status, -ENOSYS);
	simserver_admin(t.s, &status, "session list --some");
	assert_int_equal(status, -ENOSYS);
	list = simserver_ask(t.s, "session show %s", id);
	has(list, "state|connecting\n");
	has(list, "movable|no: it is not registered yet\n");
	lacks(list, "channels|");
	has(simserver_ask(t.s, "session kick %s that is enough", id), " is disconnected\n");
	client_expect(raw, "ERROR :Closing Link: 192.0.2.7 (Killed (that is enough))");
	client_expect_end(raw);
	simserver_admin(t.s, &status, "session show %s", id);
	assert_int_equal(status, -ENOENT);
	simserver_admin(t.s, &status, "session kick 12pat");
	assert_int_equal(status, -ENOENT);
	client_send(pat, "PING still");
	client_expect(pat, "*PONG * :still");
	end(&t);
}

static void a_session_is_shown(void **state)
{
	uint8_t print[32] = {0xab, 0xcd};
	struct stage t;
	struct simclient *eve;
	const char *told;

	(void)state;
	begin(&t, CHEAP);
	eve = simnet_client_with(t.s, "192.0.2.8", print);
	client_send(eve, "CAP REQ :message-tags server-time\r\nNICK eve\r\nUSER eve 0 * :Eve E.\r\n"
	                 "CAP END\r\nJOIN #a,#b\r\nMODE #b +v eve\r\nAWAY :out\r\nPING in");
	client_expect(eve, "*PONG s0* :in");
	simnet_run(t.net, 2 * GW_SECOND);
	told = simserver_ask(t.s, "session show EVE");
	has(told, "key|value\n");
	has(told, "nick|eve\naccount|\nident|eve\nrealname|Eve E.\nserver|s0.example.net\n"
	          "state|connected\naddress|192.0.2.8\n");
	has(told, "certificate|abcd0000000000000000000000000000000000000000000000000000");
	has(told, "\nidle|2s\ncapabilities|message-tags server-time\nsend-queue|0\nunread|0\n");
	has(told, "movable|no: its software does not speak godwit/redirect\n");
	has(told, "away|out\n");
	has(told, "channels|2\nchannel|@#a\nchannel|@+#b\n");
	end(&t);
}

static void the_whole_network_is_listed(void **state)
{
	struct simtree *t =
		simtree_new(5, "description: x\n",
	                    "[store_fake, services, network, link, burst, client, account, "
	                    "channel, message, query, monitor, oper, guest]");
	struct simclient *bob;
	const char *told;

	(void)state;
	simtree_join(t, 0);
	assert_true(simtree_level(t, 60 * GW_SECOND));
	simtree_enter(t, 0, "ann", "");
	bob = simtree_enter(t, 1, "bob", "");
	assert_true(simtree_level(t, 60 * GW_SECOND));
	lacks(simserver_ask(t->nodes[0].server, "session list"), "bob");
	told = simserver_ask(t->nodes[0].server, "session list --all");
	has(told, "|ann||127.0.0.1|s0.example.net|connected|");
	has(told, "\n|bob|||s1.example.net|connected|||no\n");
	lacks(simserver_ask(t->nodes[0].server, "session list ann --all"), "bob");
	told = simserver_ask(t->nodes[0].server, "session show bob");
	has(told, "server|s1.example.net\n");
	lacks(told, "address|");
	assert_string_equal(simserver_ask(t->nodes[0].server, "session kick bob far away"),
	                    "s1.example.net was told to disconnect bob\n");
	client_expect(bob, "ERROR :Closing Link: 127.0.0.1 (Killed*far away*");
	client_expect_end(bob);
	simtree_end(&t);
}

/* Some hundred lines for a client whose queue would take a third of them. */
static void a_long_answer_waits_for_the_one_who_reads(void **state)
{
	struct stage t;
	struct simclient *boss;
	const char *const *lines;
	size_t n, rows = 0;

	(void)state;
	begin(&t, CHEAP);
	boss = oper(&t, "boss", "admin");
	for (int i = 0; i < 400; i++)
		simnet_client(t.s, "127.0.0.1", false);
	simnet_quiet(t.net);
	client_send(boss, "CTL session list\r\nCTL oper list\r\nPING after");
	client_expect(boss, "*PONG s0* :after");
	n = client_lines(boss, &lines);
	for (size_t i = 0; i < n; i++)
		rows += strstr(lines[i], "connecting") != NULL;
	assert_int_equal(rows, 400);
	has(lines[n - 5], "Done.");
	has(lines[n - 4], "account  role");
	has(lines[n - 3], "boss  admin");
	client_send(boss, "CTL session list");
	client_close(boss);
	simnet_quiet(t.net);
	lacks(simserver_log(t.s), "SendQ");
	end(&t);
}

static void channels_are_put_in_order(void **state)
{
	struct stage t;
	struct simclient *ann, *pat;
	const char *told;
	int status;

	(void)state;
	begin(&t, CHEAP);
	simserver_ask(t.s, "account add ann %s", SECRET);
	ann = person(&t, "ann");
	pat = simtree_enter(t.tree, 0, "pat", "");
	client_send(ann, "JOIN #c\r\nCHANNEL REGISTER #c\r\nTOPIC #c :of birds\r\n"
	                 "MODE #c +bk *!*@bad key\r\nPING x");
	client_expect(ann, "*PONG* :x");
	client_send(pat, "JOIN #c key");
	client_expect(pat, "* 366 *");
	has(simserver_ask(t.s, "channel list"), "\n#c|2|+ntk *|yes|of birds\n");
	lacks(simserver_ask(t.s, "channel list #d*"), "#c");
	told = simserver_ask(t.s, "channel info #C");
	has(told, "key|value\nname|#c\nmembers|2\ncreated|2026-01-01T00:00:0");
	has(told, "modes|+ntk key\ntopic|of birds\ntopic-by|ann!a@ann");
	has(told, "list|+b *!*@bad by "
	          "ann!a@ann.users.godwit\nregistered|yes\nregistered-since|2026-01-01T");
	has(told, "founder|ann\n");
	assert_string_equal(simserver_ask(t.s, "channel members #c"),
	                    "nick|account|prefixes|server\nann|ann|~@|s0.example.net\n"
	                    "pat|||s0.example.net\n");
	simserver_ask(t.s, "channel op #c pat");
	client_expect(pat, ":s0.example.net MODE #c +o pat");
	simserver_ask(t.s, "channel kick #c ann too much");
	client_expect(ann, ":s0.example.net KICK #c ann :too much");
	simserver_admin(t.s, &status, "channel kick #c ann");
	assert_int_equal(status, -ENOENT);
	client_send(pat, "PART #c");
	client_expect(pat, "* PART #c*");
	has(simserver_ask(t.s, "channel info #c"), "name|#c\nmembers|0\ncreated|");
	has(simserver_ask(t.s, "channel drop #c"), "#c is no longer registered\n");
	simserver_admin(t.s, &status, "channel info #c");
	assert_int_equal(status, -ENOENT);
	simserver_admin(t.s, &status, "channel drop #c");
	assert_int_equal(status, -ENOENT);
	simserver_admin(t.s, &status, "channel op #c pat");
	assert_int_equal(status, -ENOENT);
	end(&t);
}

/* Four hundred each, in several turns. */
static void many_channels_and_members_are_listed(void **state)
{
	struct stage t;
	struct simclient *one = NULL;

	(void)state;
	begin(&t, CHEAP);
	for (int i = 0; i < 400; i++) {
		char nick[16];

		snprintf(nick, sizeof(nick), "p%d", i);
		one = simtree_enter(t.tree, 0, nick, "");
		client_send(one, "JOIN #all,#%d", i);
	}
	client_expect(one, "* 366 * #399 *");
	assert_int_equal(sim_count(simserver_ask(t.s, "channel list"), "\n#"), 401);
	assert_int_equal(sim_count(simserver_ask(t.s, "channel members #all"), "\np"), 400);
	end(&t);
}

static void an_account_is_shown(void **state)
{
	struct stage t;
	const char *told;

	(void)state;
	begin(&t, CHEAP);
	simserver_ask(t.s, "account add ann %s", SECRET);
	person(&t, "ann");
	told = simserver_ask(t.s, "account info ann");
	has(told, "key|value\naccount|ann\nregistered|2026-01-01");
	has(told, "mail|\nconfirmed|no\npassword|yes\n");
	has(told, "nick|ann\nsession|ann on s0.example.net\n");
	end(&t);
}

/* What goes on when the module that shows it is replaced ends when it is taken away, and its asker
 * is free again. */
static void a_long_answer_outlives_a_reload(void **state)
{
	struct stage t;
	struct simclient *boss;

	(void)state;
	begin(&t, CHEAP);
	boss = oper(&t, "boss", "admin");
	for (int i = 0; i < 700; i++)
		simnet_client(t.s, "127.0.0.1", false);
	simnet_quiet(t.net);
	client_send(boss, "CTL session list");
	client_expect(boss, "* :id  nick  *");
	simserver_ask(t.s, "module reload oper");
	client_expect(boss, "* :Done.");
	client_send(boss, "CTL session list");
	client_expect(boss, "* :id  nick  *");
	simserver_ask(t.s, "module unload oper");
	client_send(boss, "PING free");
	client_expect(boss, "*PONG * :free");
	lacks(simserver_log(t.s), "left behind");
	lacks(simserver_log(t.s), "stale");
	end(&t);
}

/* --- privileges --- */

static bool is_for_all(const char *name)
{
	static const char *const names[] = {"status", "help", "map", "balance"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* None of them is carried out: so many words are too many for each. */
static void try_one(struct stage *t, const struct gw_admin_command *command)
{
	const char *words[70], *held[2] = {NULL}, *name = command->name;
	struct gw_admin_asker asker = {.who = "account ann from here", .privileges = held};
	char copy[ADMIN_NAME_MAX], privilege[ADMIN_NAME_MAX], family[ADMIN_NAME_MAX], *rest = copy;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", name);
	for (char *word; (word = strsep(&rest, " ")) != NULL;)
		words[n++] = word;
	while (n < 70)
		words[n++] = "x";
	admin_privilege(command, privilege);
	run(t, &asker, n, words);
	if (is_for_all(name)) {
		assert_string_equal(privilege, "");
		assert_int_equal(t->status, -ENOSYS);
		return;
	}
	if (t->status != -EPERM)
		fail_msg("%s is permitted to all", name);
	has(t->answer, privilege);
	held[0] = privilege;
	run(t, &asker, n, words);
	assert_int_equal(t->status, -ENOSYS);
	snprintf(family, sizeof(family), "%.*s.*", (int)strcspn(privilege, "."), privilege);
	held[0] = family;
	run(t, &asker, n, words);
	assert_int_equal(t->status, strchr(privilege, '.') != NULL ? -ENOSYS : -EPERM);
	held[0] = "*";
	run(t, &asker, n, words);
	assert_int_equal(t->status, -ENOSYS);
	held[0] = "x.*";
	run(t, &asker, n, words);
	assert_int_equal(t->status, -EPERM);
}

static void try_all(struct stage *t, size_t at_least)
{
	const struct gw_row *rows;
	size_t n = module_api.rows(&t->asker->self, GW_POINT_ADMIN, &rows);

	assert_true(n >= at_least);
	for (size_t i = 0; i < n; i++)
		try_one(t, rows[i].row);
	end(t);
}

static void each_command_has_a_privilege_and_asks_for_it(void **state)
{
	struct stage t;

	(void)state;
	begin(&t, "");
	try_all(&t, 50);
}

static void so_have_those_of_the_agent(void **state)
{
	struct stage t;

	(void)state;
	begin_agent(&t);
	try_all(&t, 15);
}

static void a_role_may_do_what_its_words_say(void **state)
{
	struct stage t;
	struct simclient *helper, *guard;

	(void)state;
	begin(&t, CHEAP ROLES);
	helper = oper(&t, "helper", "helper");
	guard = oper(&t, "guard", "guard");
	simtree_enter(t.tree, 0, "pat", "");
	client_send(helper, "CTL session list pat");
	client_expect(helper, "* :*pat  -  127.0.0.1*");
	client_send(helper, "CTL session kick pat");
	client_expect(helper,
	              "* FAIL CTL FAILED :'session kick' needs the privilege 'session.kick'");
	client_send(helper, "KILL pat :x");
	client_expect(helper, "* 481 helper :*\"session.kick\"");
	client_send(helper, "CTL module load x");
	client_expect(helper, "* FAIL CTL *'module.load'");
	client_send(helper, "CTL help");
	client_expect(helper, "* :session list  *");
	client_expect_next(helper, "* :session show  *");
	client_expect_next(helper, "* :status  *");
	client_send(guard, "CTL oper roles");
	client_expect(guard, "* FAIL CTL *'oper.roles'");
	client_send(guard, "CTL session kick pat off with you");
	client_expect(guard, "* NOTICE guard :pat is disconnected");
	has(simserver_ask(t.s, "oper roles"), "role|privileges\nadmin|*\nhelper|session.list "
	                                      "session.show\nguard|session.* wallops\n");
	end(&t);
}

/* --- the log --- */

static void all_that_operators_do_is_logged(void **state)
{
	struct stage t;
	struct simclient *boss, *helper;
	const char *log;
	int status;

	(void)state;
	begin(&t, CHEAP ROLES);
	boss = oper(&t, "boss", "admin");
	helper = oper(&t, "helper", "helper");
	simserver_admin(t.s, &status, "module reload nothing");
	assert_int_equal(status, -ENOENT);
	simserver_admin(t.s, &status, "module reload");
	client_send(helper, "CTL ban add 192.0.2.0/24 1h \"no\" more\r\nWALLOPS :x\r\nPING a");
	client_expect(helper, "*PONG* :a");
	client_send(boss,
	            "CTL ban add 192.0.2.0/24 1h no \"more\r\nCTL ban list\r\nWALLOPS :hear\r\n"
	            "REHASH\r\nKILL helper :be off\r\nCTL status\r\nCTL dance x y\r\nOPER "
	            "no\r\nPING b");
	client_expect(boss, "*PONG* :b");
	log = simserver_log(t.s);
#define BOSS "who=\"account boss (boss) from 127.0.0.1\""
#define HELPER "who=\"account helper (helper) from 127.0.0.1\""
	has(log, "command=\"module reload\" arguments=nothing\n");
	has(log, "command=\"module reload\" ms=0 result=\"the module nothing is not loaded\"\n");
	has(log,
	    "admin refused who=\"a test\" command=\"module reload\" why=\"usage: module reload "
	    "NAME|all\"\n");
	has(log, "warn core: admin refused " HELPER
	         " command=\"ban add\" why=\"'ban add' needs the privilege 'ban.add'\" "
	         "arguments=192.0.2.0/24 1h 'no' more\n");
	has(log, "irc command=WALLOPS " HELPER " refused: it needs the privilege wallops\n");
	has(log, BOSS " command=\"ban add\" arguments=192.0.2.0/24 1h no 'more\n");
	has(log, BOSS " command=\"ban add\" ms=");
	has(log, "irc command=WALLOPS " BOSS " hear\n");
	has(log, BOSS " command=\"rehash\"\n");
	has(log, BOSS " command=\"rehash\" ms=");
	has(log, "irc command=KILL " BOSS " helper (be off)\n");
	has(log, "irc command=OPER " BOSS " role admin\n");
	has(log, "irc command=OPER " BOSS " refused: no grant\n");
	has(log, "admin refused " BOSS " command=\"?\" why=\"there is no command 'dance'");
	lacks(log, "x y");
	lacks(log, "\"ban list\"");
	lacks(log, "\"status\"");
	assert_int_equal(sim_count(log, BOSS " command=\"ban add\""), 2);
	simserver_ask(t.s, "log level core debug");
	simserver_ask(t.s, "ban list");
	has(simserver_log(t.s), "debug core: admin ended=");
	has(simserver_log(t.s), "command=\"ban list\" ms=0 result=\"ok\"\n");
	end(&t);
}

static void no_password_is_logged(void **state)
{
	struct stage t;
	struct simclient *boss, *helper;
	int status;

	(void)state;
	begin(&t, CHEAP ROLES "log: {level: debug}\n");
	boss = oper(&t, "boss", "admin");
	simserver_ask(t.s, "account password boss %s", SECRET "1");
	simserver_admin(t.s, &status, "account add boss %s", SECRET "2");
	simserver_admin(t.s, &status, "account password %s", SECRET "3");
	simserver_admin(t.s, &status, "account add x %s y", SECRET "4");
	simserver_admin(t.s, &status, "acount add x %s", SECRET "5");
	helper = oper(&t, "helper", "helper");
	client_send(helper,
	            "CTL account password %s\r\nCTL account password :pat %s\r\n"
	            "CTL :account password pat %s\r\nPING in",
	            SECRET "a", SECRET "b", SECRET "c");
	client_expect(helper, "*PONG * :in");
	has(simserver_admin(t.s, &status, "account pasword x %s", SECRET "6"),
	    "'account password'");
	client_send(boss,
	            "CTL account add pat %s\r\nCTL account password pat %s\r\n"
	            "CTL account password\r\nCTL acount password x %s\r\nPING in",
	            SECRET "7", SECRET "8", SECRET "9");
	client_expect(boss, "*PONG * :in");
	has(simserver_log(t.s), "command=\"account add\" arguments=pat ***\n");
	has(simserver_log(t.s), "command=\"account password\" arguments=pat ***\n");
	lacks(simserver_log(t.s), SECRET);
	end(&t);
}

/* What a front end is answered is one line, and UTF-8, wherever it was cut. */
static void no_word_breaks_a_line(void **state)
{
	static const char *const kick[] = {"session", "kick", "boss", "a\r\n:b QUIT"},
				 *const broken[] = {"module", "info", "\xc3("},
				 *const longer[] = {
					 "module", "info",
					 ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	                                  "aaaaaaaaaaaa\xc3\xa9")};
	const struct gw_admin_asker asker = {.who = "a test"};
	struct stage t;
	struct simclient *boss;

	(void)state;
	begin(&t, CHEAP);
	boss = oper(&t, "boss", "admin");
	run(&t, &asker, 4, kick);
	assert_int_equal(t.status, -EINVAL);
	assert_string_equal(t.answer, "a word of a command has no line end in it");
	run(&t, &asker, 3, broken);
	assert_string_equal(t.answer, "the module ?( is not loaded");
	run(&t, &asker, 3, longer);
	has(t.answer, "aaa? is not loaded");
	client_send(boss, "PING here");
	client_expect(boss, "*PONG * :here");
	end(&t);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
	struct stage t;
	struct simclient *boss, *bob;
	char reason[300];

	(void)state;
	begin(&t, CHEAP);
	boss = oper(&t, "boss", "admin");
	bob = person(&t, "bob");
	client_send(bob, "JOIN #x");
	client_expect(bob, "* 366 *");
	snprintf(reason, sizeof(reason), "%s", "\xe2\x82\xac" E8 E8 E8 E8 E8 E8 E8 E8 E8 E8);
	client_send(boss, "CTL channel kick #x bob :%s", reason);
	client_expect(bob, "*KICK #x bob :*\xe2\x82\xac");
	client_send(boss, "CTL session kick bob :a%s", reason);
	client_expect(bob, "ERROR *\xe2\x82\xac)))");
	simserver_ask(t.s, "ban add 192.0.2.1 1h aa%s", reason);
	client_send(boss, "CTL ban list");
	client_expect(boss, "*  192.0.2.1  *\xe2\x82\xac");
	end(&t);
}

static void what_was_meant_is_suggested(void **state)
{
	static const struct {
		const char *typed, *told;
	} cases[] = {
		{"sesion list", "did you mean 'session list'?"},
		{"session lst", "did you mean 'session list'?"},
		{"statsu", "did you mean 'status'?"},
		{"modul reload client", "did you mean 'module reload'?"},
		{"server key ad one KEY", "did you mean 'server key add'?"},
		{"session fly",
	         "'session' is followed by one of: moves, list, show, kick, redirect"},
		{"dance", "there is no command 'dance'; 'help'"},
		{"kill pat", "there is no command 'kill'; 'help'"},
	};
	struct stage t;
	int status;

	(void)state;
	begin(&t, "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		has(simserver_admin(t.s, &status, "%s", cases[i].typed), cases[i].told);
		assert_int_equal(status, -ENOSYS);
	}
	end(&t);
}

static void what_a_role_holds_covers_what_begins_so(void **state)
{
	(void)state;
	assert_true(gw_admin_covers("*", "module.load"));
	assert_true(gw_admin_covers("*", ""));
	assert_true(gw_admin_covers("module.*", "module.load"));
	assert_true(gw_admin_covers("server.key.*", "server.key.add"));
	assert_true(gw_admin_covers("rehash", "rehash"));
	assert_false(gw_admin_covers("module.*", "modules.load"));
	assert_false(gw_admin_covers("module.*", "module"));
	assert_false(gw_admin_covers("module*", "module.load"));
	assert_false(gw_admin_covers("module", "module.load"));
	assert_false(gw_admin_covers("", "module.load"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_role_holds_covers_what_begins_so),
		cmocka_unit_test(sessions_are_listed),
		cmocka_unit_test(a_session_is_shown),
		cmocka_unit_test(the_whole_network_is_listed),
		cmocka_unit_test(a_long_answer_waits_for_the_one_who_reads),
		cmocka_unit_test(a_long_answer_outlives_a_reload),
		cmocka_unit_test(channels_are_put_in_order),
		cmocka_unit_test(many_channels_and_members_are_listed),
		cmocka_unit_test(an_account_is_shown),
		cmocka_unit_test(each_command_has_a_privilege_and_asks_for_it),
		cmocka_unit_test(so_have_those_of_the_agent),
		cmocka_unit_test(a_role_may_do_what_its_words_say),
		cmocka_unit_test(all_that_operators_do_is_logged),
		cmocka_unit_test(no_password_is_logged),
		cmocka_unit_test(no_word_breaks_a_line),
		cmocka_unit_test(a_long_reason_is_cut_between_characters),
		cmocka_unit_test(what_was_meant_is_suggested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
