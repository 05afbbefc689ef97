/*
 * test_spam.c - tests of the module spam in a simulated network (godwit/testkit.h). What fails
 * prints the conversation and the servers' logs.
 */
#include <godwit/loop.h>
#include <godwit/testkit.h>
#include <stdio.h>
#include <string.h>

static struct gwt_server *serve(struct gwt_net **net, const char *yaml)
{
	*net = gwt_net_new(gwt_seed(1), ".");
	return gwt_server_new(*net, "spam", yaml);
}

static void join(struct gwt_client *c)
{
	gwt_send(c, "JOIN #x");
	gwt_expect(c, "* 366 *");
}

static bool lists(struct gwt_server *s, const char *row)
{
	return strstr(gwt_admin(s, NULL, "spam list"), row) != NULL;
}

static void what_matches_a_pattern_is_refused(void)
{
	struct gwt_net *net;
	struct gwt_server *s = serve(&net, NULL);
	struct gwt_client *ann = gwt_enter(s, "ann", ""), *bob = gwt_enter(s, "bob", "");
	int status;

	gwt_admin(s, NULL, "spam add pills *cheap pills*");
	join(ann);
	join(bob);
	gwt_send(ann, "PRIVMSG #x :Buy CHEAP PILLS now");
	gwt_expect(ann, "* 404 ann #x :Not sent: it looks like spam (pills)");
	gwt_send(ann, "PRIVMSG bob :cheap pills");
	gwt_expect(ann, "* 531 ann bob :Not sent: it looks like spam (pills)");
	gwt_expect_none(bob, "*ills*");
	gwt_check(net, lists(s, "pills|*cheap pills*|2"));
	gwt_check(net, strstr(gwt_admin(s, NULL, "status"), "spam-refused|2") != NULL);
	gwt_check(net, strstr(gwt_log(s), "refused rule=pills nick=ann account= to=#x") != NULL);
	gwt_reload(s, "spam");
	gwt_admin(s, NULL, "spam add watches *cheap watches*");
	gwt_check(net, lists(s, "pills|*cheap pills*|2"));
	gwt_admin(s, NULL, "spam remove pills");
	gwt_send(ann, "PRIVMSG #x :cheap pills");
	gwt_expect(bob, ":ann!* PRIVMSG #x :cheap pills");
	gwt_admin(s, &status, "spam remove pills");
	gwt_check(net, status != 0);
	gwt_net_end(&net);
}

static void a_pattern_must_not_match_everything(void)
{
	static const char *const wrong[] = {"a *", "a ?*?", "a *ab*", "A *abc*", "a_b *abc*"};
	struct gwt_net *net;
	struct gwt_server *s = serve(&net, NULL);
	int status;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		gwt_admin(s, &status, "spam add %s", wrong[i]);
		gwt_check(net, status != 0);
	}
	gwt_admin(s, &status, "spam add long %0300d", 1);
	gwt_check(net, status != 0);
	for (int i = 0; i < 100; i++)
		gwt_admin(s, NULL, "spam add p%d *number%d*", i, i);
	gwt_admin(s, &status, "spam add more *more*");
	gwt_check(net, status != 0);
	gwt_admin(s, NULL, "spam add p99 *another*"); /* in place of the one of that name */
	gwt_check(net, lists(s, "p99|*another*|0"));
	gwt_net_end(&net);
}

static void the_same_again_and_again_is_refused(void)
{
	struct gwt_net *net;
	struct gwt_server *s = serve(&net, "spam: {repeats: 2, repeat-window: 1m}\n");
	struct gwt_client *ann = gwt_enter(s, "ann", ""), *bob = gwt_enter(s, "bob", "");

	for (int i = 0; i < 2; i++) {
		gwt_send(ann, "PRIVMSG bob :hey");
		gwt_expect(bob, ":ann!* PRIVMSG bob :hey");
	}
	gwt_send(ann, "PRIVMSG bob :hey");
	gwt_expect(ann, "* 531 ann bob :Not sent: it looks like spam (repetition)");
	gwt_send(ann, "PRIVMSG bob :answer me");
	gwt_expect(bob, ":ann!* PRIVMSG bob :answer me");
	gwt_send(ann, "PRIVMSG bob :hey");
	gwt_send(ann, "PRIVMSG bob :hey");
	gwt_run(net, 61 * GW_SECOND);
	gwt_send(ann, "PRIVMSG bob :hey");
	gwt_expect_none(ann, "* 531 *");
	gwt_net_end(&net);
}

/* What somebody has said goes along: a move does not begin the count anew. */
static void a_move_forgets_nothing(void)
{
	struct gwt_net *net;
	struct gwt_server *s = serve(&net, "spam: {repeats: 2, repeat-window: 10m}\n");
	struct gwt_server *other = gwt_server_join(s, "spam", "spam: {repeats: 2}\n");
	struct gwt_client *ann, *bob = gwt_enter(s, "bob", "");

	gwt_level(net, 120 * GW_SECOND);
	ann = gwt_enter_movable(s, "ann", "");
	gwt_level(net, 120 * GW_SECOND);
	gwt_send(ann, "PRIVMSG bob :hey");
	gwt_send(ann, "PRIVMSG bob :hey");
	gwt_expect(bob, ":ann!* PRIVMSG bob :hey");
	gwt_expect(bob, ":ann!* PRIVMSG bob :hey");
	gwt_move(ann, other);
	gwt_send(ann, "PRIVMSG bob :hey");
	gwt_expect(ann, "* 531 ann bob :* (repetition)");
	gwt_run(net, 31 * GW_SECOND); /* the other server's time */
	gwt_send(ann, "PRIVMSG bob :hey");
	gwt_expect(bob, ":ann!* PRIVMSG bob :hey");
	gwt_net_end(&net);
}

static void naming_many_and_links_of_newcomers_are_refused(void)
{
	struct gwt_net *net;
	struct gwt_server *s = serve(&net, "spam: {highlights: 2, text: \"no ({rule}).\"}\n");
	struct gwt_client *ann = gwt_enter(s, "ann", ""), *bob = gwt_enter(s, "bob", "");

	join(ann);
	join(bob);
	gwt_send(ann, "PRIVMSG #x :ann, bob and everybody else");
	gwt_expect(bob, "* :ann, bob and everybody else");
	gwt_send(ann, "PRIVMSG #x :ann: bob,ANN");
	gwt_expect(ann, "* 404 ann #x :no (highlights).");
	gwt_send(ann, "PRIVMSG #x :see https://example.org");
	gwt_expect(ann, "* 404 ann #x :no (links).");
	gwt_login(bob, "bob");
	gwt_send(bob, "PRIVMSG #x :see www.example.org");
	gwt_expect(ann, "* :see www.example.org");
	gwt_run(net, 121 * GW_SECOND);
	gwt_send(ann, "PRIVMSG #x :see https://example.org");
	gwt_expect(bob, "* :see https://example.org");
	gwt_net_end(&net);
}

static void operators_may_say_everything(void)
{
	struct gwt_net *net;
	struct gwt_server *s = serve(&net, NULL);
	struct gwt_client *ann = gwt_enter(s, "ann", ""), *bob = gwt_enter(s, "bob", "");

	gwt_login(ann, "ann");
	gwt_admin(s, NULL, "oper add ann");
	gwt_send(ann, "OPER ann");
	gwt_expect(ann, "* 381 *");
	gwt_send(ann, "CTL spam add pills *pills*");
	gwt_run(net, GW_SECOND);
	gwt_check(net, lists(s, "pills|*pills*|0"));
	gwt_send(ann, "PRIVMSG bob :do not write of pills");
	gwt_expect(bob, "* :do not write of pills");
	gwt_net_end(&net);
}

static void a_pattern_is_the_whole_networks(void)
{
	struct gwt_net *net;
	struct gwt_server *s = serve(&net, NULL), *other, *late;

	other = gwt_server_join(s, "spam", NULL);
	gwt_level(net, 120 * GW_SECOND);
	gwt_admin(s, NULL, "spam add pills *pills*");
	gwt_level(net, 120 * GW_SECOND);
	gwt_check(net, lists(other, "pills|*pills*|0"));
	late = gwt_server_join(other, "spam", NULL);
	gwt_level(net, 120 * GW_SECOND);
	gwt_check(net, lists(late, "pills|*pills*|0"));
	gwt_restart(s);
	gwt_level(net, 120 * GW_SECOND);
	gwt_check(net, lists(s, "pills|*pills*|0"));
	gwt_admin(late, NULL, "spam remove pills");
	gwt_level(net, 120 * GW_SECOND);
	gwt_check(net, !lists(s, "pills"));
	gwt_admin(s, NULL, "module unload spam");
	gwt_admin(late, NULL, "spam add pills *pills*");
	gwt_level(net, 120 * GW_SECOND);
	gwt_admin(s, NULL, "module load spam");
	gwt_run(net, GW_SECOND);
	gwt_check(net, lists(s, "pills|*pills*|0"));
	gwt_net_end(&net);
}

static void a_text_without_the_rule_is_refused(void)
{
	struct gwt_net *net = gwt_net_new(gwt_seed(1), ".");

	gwt_check(net, strstr(gwt_server_refused(net, "spam", "spam: {text: no spam here}\n"),
	                      "'text' must have {rule} in it") != NULL);
	gwt_net_end(&net);
}

int main(void)
{
	what_matches_a_pattern_is_refused();
	a_pattern_must_not_match_everything();
	the_same_again_and_again_is_refused();
	a_move_forgets_nothing();
	naming_many_and_links_of_newcomers_are_refused();
	operators_may_say_everything();
	a_pattern_is_the_whole_networks();
	a_text_without_the_rule_is_refused();
	puts("all passed");
	return 0;
}
