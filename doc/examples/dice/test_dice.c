/*
 * test_dice.c - tests of the module dice in a simulated network (godwit/testkit.h). What fails
 * prints the conversation and the servers' logs.
 */
#include <godwit/loop.h>
#include <godwit/testkit.h>
#include <stdio.h>
#include <string.h>

static void join(struct gwt_client *c)
{
	gwt_send(c, "JOIN #x");
	gwt_expect(c, "* 366 *");
}

static void all_of_the_channel_see_the_same(void)
{
	struct gwt_net *net = gwt_net_new(gwt_seed(1), ".");
	struct gwt_server *s = gwt_server_new(net, "dice", NULL);
	struct gwt_server *other =
		gwt_server_join(s, NULL, NULL); /* which does without the module */
	struct gwt_client *ann = gwt_enter(s, "ann", ""), *bob = gwt_enter(other, "bob", "");
	int a, b, c, sum;

	gwt_level(net, 120 * GW_SECOND);
	join(ann);
	join(bob);
	gwt_run(net, GW_SECOND);
	gwt_send(ann, "ROLL #x 3d20");
	sscanf(strstr(gwt_expect(bob, ":s0.* NOTICE #x :ann rolls 3d20: *"), "3d20: "),
	       "3d20: %d + %d + %d = %d", &a, &b, &c, &sum);
	gwt_check(net, a >= 1 && a <= 20 && b >= 1 && b <= 20 && c >= 1 && c <= 20);
	gwt_check(net, a + b + c == sum);
	gwt_expect(ann, ":s0.* NOTICE #x :ann rolls 3d20: *");
	gwt_net_end(&net);
}

static void what_are_no_dice_is_refused(void)
{
	static const char *const wrong[] = {"0d6", "21d6", "2d1", "2d1001", "2d6x", "d6", "-1d6"};
	struct gwt_net *net = gwt_net_new(gwt_seed(1), ".");
	struct gwt_server *s = gwt_server_new(net, "dice", NULL);
	struct gwt_client *ann = gwt_enter(s, "ann", "standard-replies");

	gwt_send(ann, "ROLL #x");
	gwt_expect_next(ann, "* 442 ann #x :You are not on that channel");
	join(ann);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		gwt_send(ann, "ROLL #x %s", wrong[i]);
		gwt_expect_next(ann, "* FAIL ROLL INVALID_PARAMS :Dice are written like 2d6: *");
	}
	gwt_net_end(&net);
}

static void the_number_thrown_survives_a_reload(void)
{
	struct gwt_net *net = gwt_net_new(gwt_seed(1), ".");
	struct gwt_server *s = gwt_server_new(net, "dice", "dice: {sides: 2}\n");
	struct gwt_client *ann = gwt_enter(s, "ann", "");

	join(ann);
	gwt_send(ann, "ROLL #x");
	gwt_expect_next(ann, "* NOTICE #x :ann rolls 1d2: *");
	gwt_reload(s, "dice");
	gwt_send(ann, "ROLL #x 4d6");
	gwt_expect_next(ann, "* NOTICE #x :ann rolls 4d6: *");
	gwt_check(net, strstr(gwt_admin(s, NULL, "status"), "dice-thrown|5") != NULL);
	gwt_net_end(&net);
}

int main(void)
{
	all_of_the_channel_see_the_same();
	what_are_no_dice_is_refused();
	the_number_thrown_survives_a_reload();
	puts("all passed");
	return 0;
}
