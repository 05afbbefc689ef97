/*
 * testkit/account.c - clients that log in, by the commands that people use.
 */
#include "testkit/kit.h"
#include <sodium.h>

#define PASSWORD "correct-horse"

static bool is_known(struct gwt_server *server, const char *account)
{
	int status;

	gwt_admin(server, &status, "account info %s", account);
	return status == 0;
}

static void say_plain(struct gwt_client *c, const char *account)
{
	char plain[200] = "",
	     text[sodium_base64_ENCODED_LEN(sizeof(plain), sodium_base64_VARIANT_ORIGINAL)];
	int n = snprintf(plain + 1, sizeof(plain) - 1, "%s%c" PASSWORD, account, '\0') + 1;

	if ((size_t)n >= sizeof(plain))
		kit_refuse(c->server->net, "too long for an account's name", account);
	sodium_bin2base64(text, sizeof(text), (unsigned char *)plain, (size_t)n,
	                  sodium_base64_VARIANT_ORIGINAL);
	gwt_send(c, "AUTHENTICATE PLAIN");
	gwt_expect(c, "*AUTHENTICATE +");
	gwt_send(c, "AUTHENTICATE %s", text);
}

void gwt_account(struct gwt_server *server, const char *account)
{
	gwt_admin(server, NULL, "account add %s " PASSWORD, account);
}

void gwt_login(struct gwt_client *c, const char *account)
{
	if (is_known(gwt_client_server(c), account))
		say_plain(c, account);
	else
		gwt_send(c, "REGISTER %s * " PASSWORD, account);
	gwt_expect(c, "* 900 *");
	gwt_send(c, "PING in");
	gwt_expect(c, "*PONG s* :in");
}
