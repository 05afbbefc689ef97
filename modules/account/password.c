/*
 * password.c - what may be a password: UTF-8 without control characters, within the bounds of the
 * options.
 */
#include "account.h"

/* The length of the UTF-8 sequence at `p`, 0 when there is none (overlong ones, surrogates and
 * beyond U+10FFFF too). */
static size_t sequence(const unsigned char *p)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high;
		size_t n;
	} forms[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].first_low || p[0] > forms[i].first_high)
			continue;
		if (p[1] < forms[i].second_low || p[1] > forms[i].second_high)
			return 0;
		for (size_t k = 2; k < forms[i].n; k++)
			if (p[k] < 0x80 || p[k] > 0xbf)
				return 0;
		return forms[i].n;
	}
	return 0;
}

bool password_text(const char *password)
{
	const unsigned char *p = (const unsigned char *)password;

	while (*p != '\0') {
		size_t n = sequence(p);

		/* C0, DEL, and C1 as UTF-8 */
		if (n == 0 || *p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0))
			return false;
		p += n;
	}
	return true;
}

const char *password_fault(struct account *st, const char *password, bool *weak)
{
	size_t n = strlen(password);

	*weak = false;
	if (n > (size_t)option(st, "password-max"))
		return "That password is too long.";
	if (!password_text(password))
		return "A password is UTF-8 text without control characters.";
	*weak = n < (size_t)option(st, "password-min");
	return *weak ? "That password is too short." : NULL;
}

void password_store(struct account *st, struct task *task)
{
	struct gw_write write = {
		.class = GW_CLASS_ACCOUNT, .id = task->account, .field = GW_F_CRED};
	uint8_t room[CRED_BYTES];

	write.value = cred_encode(&task->cred, room);
	task_commit(st, task, &write, 1);
}
