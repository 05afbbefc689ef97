/*
 * tests/unit/services_form.c - services export and services import: databases drawn at random go
 * into a file, from there into a new network, and give the same file again, byte by byte.
 *
 *     services_form [SEEDS [FIRST]]      40 seeds from 1 unless told otherwise
 */
#include "modules/services/form.h"
#include "tests/unit/services_rig.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ENTITIES 40
#define WRITES 60

static uint64_t seeds = 40, first = 1;

/** What was drawn in all seeds, lest the test test nothing. */
static struct {
	uint64_t claims, beaten, cells, entities, binary;
} tally;

/* --- files --- */

static char *read_file(const char *folder, const char *name)
{
	char path[4096], *text;
	FILE *file;
	long n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	n = ftell(file);
	rewind(file);
	text = calloc(1, (size_t)n + 1);
	assert_int_equal(fread(text, 1, (size_t)n, file), n);
	fclose(file);
	return text;
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fwrite(text, 1, strlen(text), file) == strlen(text));
	fclose(file);
}

/* Servers and what the network says of itself are another network's. */
static void cut_servers(char *text)
{
	char *at = strstr(text, "\nservers:");

	assert_non_null(at);
	at[1] = '\0';
}

static const char *admin(struct rig *rig, int status, const char *command, const char *arguments)
{
	const char *answer;
	int got;

	answer = mini_admin(rig->mini, &got, command, arguments);
	if (got != status)
		print_error("%s %s: %s", command, arguments, answer);
	assert_int_equal(got, status);
	return answer;
}

/* --- a database drawn at random --- */

struct drawn {
	struct rig *rig;
	struct gw_id accounts[ENTITIES];
	size_t n_accounts;
	struct gw_write writes[WRITES];
	size_t n;
	uint8_t bytes[WRITES][600], subs[WRITES][64];
	struct gw_parts parts[WRITES];
};

static uint64_t draw(struct drawn *d, uint64_t below)
{
	return mini_random(d->rig->mini) % below;
}

static const char *const texts[] = {"anna",
                                    "",
                                    "null",
                                    "Yes",
                                    "12",
                                    "- a: b",
                                    "#chan",
                                    "a # b",
                                    "tab\there",
                                    "two\nlines\r\n",
                                    "\"quoted\\\"",
                                    "\x02"
                                    "bold\x0f",
                                    "gr\xc3\xbc\xc3\x9f"
                                    "e",
                                    "\xf0\x9f\x90\xa6 godwit",
                                    "\xff\xfe\x80",
                                    "\xe2\x80\xae turned",
                                    "\xef\xbf\xbf\xc2\x85\xe2\x80\xa8",
                                    "{x: [y]}",
                                    "2026-01-01",
                                    "~",
                                    " lead",
                                    "trail ",
                                    "!!binary x",
                                    "\xed\xa0\x80"};

static struct gw_blob draw_text(struct drawn *d)
{
	size_t i = draw(d, sizeof(texts) / sizeof(texts[0]) + 1);

	if (i == sizeof(texts) / sizeof(texts[0]))
		return (struct gw_blob){"nul\0inside", 10};
	tally.binary += i == 14;
	return rig_text(texts[i]);
}

static void draw_bytes(struct drawn *d, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)draw(d, 256);
}

static struct gw_write *write_new(struct drawn *d, uint8_t class, struct gw_id id, uint16_t field)
{
	struct gw_write *w = &d->writes[d->n];

	assert_true(d->n < WRITES);
	*w = (struct gw_write){.class = class, .make = gw_id_none(id), .id = id, .field = field};
	d->parts[d->n] = (struct gw_parts){.bytes = d->bytes[d->n], .max = sizeof(d->bytes[0])};
	d->n++;
	return w;
}

static void part_text(struct drawn *d, struct gw_blob text)
{
	gw_parts_add(&d->parts[d->n - 1], text.p, text.n);
}

static void part_number(struct drawn *d, uint64_t n)
{
	gw_parts_u64(&d->parts[d->n - 1], n);
}

static void part_random(struct drawn *d, size_t n)
{
	uint8_t bytes[64];

	draw_bytes(d, bytes, n);
	gw_parts_add(&d->parts[d->n - 1], bytes, n);
}

static struct gw_id draw_account(struct drawn *d)
{
	if (d->n_accounts == 0 || draw(d, 12) == 0)
		return (struct gw_id){draw(d, 1u << 20) + 1, 77}; /* one that is gone */
	return d->accounts[draw(d, d->n_accounts)];
}

static struct gw_id part_account(struct drawn *d)
{
	struct gw_id id = draw_account(d);
	uint8_t bytes[16];

	gw_id_bytes(id, bytes);
	gw_parts_add(&d->parts[d->n - 1], bytes, 16);
	return id;
}

static uint64_t draw_time(struct drawn *d)
{
	static const uint64_t odd[] = {0, 1, FORM_TIME_MAX, FORM_TIME_MAX + 1, UINT64_MAX};

	return draw(d, 6) == 0 ? odd[draw(d, 5)] : 1700000000000 + draw(d, UINT64_C(1) << 36);
}

static void sub(struct drawn *d, const void *p, size_t n)
{
	uint8_t *to = d->subs[d->n - 1];

	memcpy(to, p, n);
	d->writes[d->n - 1].sub = (struct gw_blob){to, n};
}

static void claim(struct drawn *d, uint8_t class, struct gw_id id, char ns, const char *name)
{
	struct gw_write *w = write_new(d, class, id, GW_F_NAME);
	char bytes[64] = {ns};
	size_t n = strlen(name);

	form_fold(name, n, (uint8_t *)bytes + 1);
	sub(d, bytes, n + 1);
	w->value = rig_text(name);
	tally.claims++;
}

/* A name of which there are so few that many claim the same. */
static const char *draw_name(struct drawn *d, char ns)
{
	static const char *const nicks[] = {"anna", "Bert", "cleo",  "dora",        "Emil",
	                                    "null", "x-1",  "[odd]", "gr\xc3\xbcn", "\xff\xfe"},
				 *const channels[] = {"#one", "#Two", "#drei", "&x",
	                                              "#\xf0\x9f\x90\xa6"};
	static char fresh[32];

	if (draw(d, 3) > 0) {
		snprintf(fresh, sizeof(fresh), "%sN%u", ns == 'c' ? "#" : "",
		         (unsigned)draw(d, 100000));
		return fresh;
	}
	return ns == 'c' ? channels[draw(d, 5)] : nicks[draw(d, 10)];
}

/* The value as it has been put together; now and then with a part more, or a byte less. */
static void ends(struct drawn *d)
{
	if (draw(d, 12) == 0)
		part_text(d, draw_text(d));
	d->writes[d->n - 1].value = gw_parts_value(&d->parts[d->n - 1]);
	if (draw(d, 25) == 0 && d->writes[d->n - 1].value.n > 0)
		d->writes[d->n - 1].value.n--;
	tally.cells++;
}

static void draw_password(struct drawn *d, uint8_t class, struct gw_id id)
{
	bool scram = draw(d, 2) == 0;

	write_new(d, class, id, GW_F_CRED);
	part_text(d, draw(d, 8) == 0 ? rig_text("rot13")
	                             : rig_text(scram ? "SCRAM-SHA-256" : "argon2id"));
	part_random(d, 16);
	part_number(d, draw(d, 100000));
	if (scram)
		part_random(d, 32);
	else
		part_number(d, 1u << 26);
	part_random(d, 32);
	ends(d);
}

static void draw_mail(struct drawn *d, uint8_t class, struct gw_id id)
{
	const char *addresses[] = {"Anna@Example.org", "b@example.org", ""};
	struct gw_blob address = rig_text(addresses[draw(d, 3)]);
	bool confirmed = draw(d, 2) == 0;
	uint8_t digest[33] = {'m'};

	write_new(d, class, id, GW_F_MAIL);
	part_text(d, address);
	part_number(d, confirmed);
	ends(d);
	if (class != GW_CLASS_ACCOUNT || draw(d, 5) == 0)
		return;
	assert_true(form_mail_digest(address, digest + 1));
	if (draw(d, 8) == 0)
		digest[5] ^= 1;
	write_new(d, class, id, GW_F_NAME)->value = rig_text(draw(d, 8) == 0 ? "Label" : "");
	sub(d, digest, 33);
}

static void draw_option(struct drawn *d, uint8_t class, struct gw_id id)
{
	struct gw_blob name = draw_text(d);

	write_new(d, class, id, GW_F_OPTION);
	sub(d, name.p, name.n);
	part_text(d, draw_text(d));
	ends(d);
}

static void draw_expiry(struct drawn *d, uint8_t class, struct gw_id id)
{
	write_new(d, class, id, GW_F_EXPIRY);
	part_number(d, draw_time(d));
	ends(d);
}

static void draw_unknown(struct drawn *d, uint8_t class, struct gw_id id)
{
	uint8_t bytes[64];
	size_t n = draw(d, 40);

	draw_bytes(d, bytes, n);
	if (n >= 16 && draw(d, 2) == 0)
		gw_id_bytes(draw_account(d), bytes + draw(d, n - 15));
	write_new(d, class, id, (uint16_t)(draw(d, 2) == 0 ? 0x8000 + draw(d, 50) : 200));
	sub(d, bytes, n);
	d->parts[d->n - 1].n = draw(d, 90);
	draw_bytes(d, d->bytes[d->n - 1], d->parts[d->n - 1].n);
	if (d->parts[d->n - 1].n >= 40)
		gw_id_bytes(draw_account(d), d->bytes[d->n - 1] + draw(d, 20));
	d->writes[d->n - 1].value = gw_parts_value(&d->parts[d->n - 1]);
}

static void draw_text_field(struct drawn *d, uint8_t class, struct gw_id id, uint16_t field)
{
	write_new(d, class, id, field);
	part_text(d, draw_text(d));
	ends(d);
}

static void core(struct drawn *d, uint8_t class, struct gw_id id, bool text)
{
	write_new(d, class, id, GW_F_CORE);
	if (text)
		part_text(d, draw(d, 4) == 0 ? draw_text(d) : rig_text(""));
	else
		part_number(d, draw(d, 4) == 0 ? 5 : 0);
}

static void draw_account_cells(struct drawn *d, struct gw_id id)
{
	uint8_t digest[32];

	draw_password(d, GW_CLASS_ACCOUNT, id);
	if (draw(d, 2) == 0)
		draw_mail(d, GW_CLASS_ACCOUNT, id);
	if (draw(d, 2) == 0)
		draw_text_field(d, GW_CLASS_ACCOUNT, id, GW_F_VHOST);
	if (draw(d, 3) == 0)
		draw_text_field(d, GW_CLASS_ACCOUNT, id, GW_F_LANG);
	if (draw(d, 3) == 0) {
		memset(digest, (int)draw(d, 4), sizeof(digest));
		write_new(d, GW_CLASS_ACCOUNT, id, GW_F_CERTFP)->value =
			rig_text(draw(d, 2) == 0 ? "" : "laptop");
		sub(d, digest, sizeof(digest));
	}
}

static void draw_channel_cells(struct drawn *d, struct gw_id id)
{
	uint8_t bytes[33];

	write_new(d, GW_CLASS_CHANNEL, id, GW_F_FOUNDER);
	part_account(d);
	part_text(d, draw(d, 2) == 0 ? rig_text("anna") : draw_text(d));
	ends(d);
	draw_text_field(d, GW_CLASS_CHANNEL, id, GW_F_MODES);
	write_new(d, GW_CLASS_CHANNEL, id, GW_F_TOPIC);
	part_text(d, draw_text(d));
	part_text(d, draw_text(d));
	part_number(d, draw_time(d));
	ends(d);
	for (uint64_t i = draw(d, 6); i > 0; i--) {
		write_new(d, GW_CLASS_CHANNEL, id, GW_F_ACCESS);
		gw_id_bytes(draw_account(d), bytes);
		sub(d, bytes, draw(d, 20) == 0 ? 7 : 16);
		part_text(d, rig_text("ov"));
		part_text(d, draw(d, 2) == 0 ? rig_text("Bert") : draw_text(d));
		ends(d);
	}
	for (uint64_t i = draw(d, 6); i > 0; i--) {
		struct gw_blob mask = draw_text(d);

		write_new(d, GW_CLASS_CHANNEL, id, GW_F_LIST);
		assert_true(form_mask_sub(rig_text(i % 2 == 0 ? "b" : "\xff"), mask, bytes));
		sub(d, bytes, draw(d, 20) == 0 ? 30 : 33);
		part_text(d, mask);
		part_text(d, draw_text(d));
		part_number(d, draw_time(d));
		ends(d);
	}
}

static void draw_core(struct drawn *d, uint8_t class, struct gw_id id)
{
	static const char *const types[] = {"a", "c", "z"};

	core(d, class, id, class == 'C' || class == 'B' || class == 'P');
	if (class == 'B') {
		part_text(d, rig_text(types[draw(d, 3)]));
		part_text(d, draw_text(d));
		part_text(d, draw_text(d));
		part_text(d, draw_text(d));
		part_number(d, draw_time(d));
		if (draw(d, 2) == 0)
			part_account(d);
	} else if (class == 'P') {
		part_account(d);
		part_text(d, rig_text("admin"));
		part_text(d, draw_text(d));
	} else {
		part_number(d, draw_time(d));
	}
	if (class == 'R') {
		part_number(d, draw(d, 4));
		part_random(d, 32);
		part_text(d, draw_text(d));
	}
	ends(d);
}

/* Twice the same cell is no transaction. */
static void drop_twice(struct drawn *d)
{
	for (size_t i = 1; i < d->n; i++)
		for (size_t j = 0; j < i; j++)
			if (d->writes[i].field == d->writes[j].field &&
			    d->writes[i].sub.n == d->writes[j].sub.n &&
			    (d->writes[i].sub.n == 0 ||
			     memcmp(d->writes[i].sub.p, d->writes[j].sub.p, d->writes[i].sub.n) ==
			             0)) {
				d->writes[i--] = d->writes[--d->n];
				break;
			}
}

static void draw_entity(struct drawn *d)
{
	static const char classes[] = "AAAACCCBPRQX";
	uint8_t class = (uint8_t)classes[draw(d, sizeof(classes) - 1)];
	char ns = class == 'A' ? 'n' : class == 'C' ? 'c' : class == 'R' ? 'r' : 'q';
	struct gw_id made, none = {0, 0};

	d->n = 0;
	draw_core(d, class, none);
	if (class != 'B' && class != 'P' && draw(d, 15) != 0)
		claim(d, class, none, ns, draw_name(d, ns));
	if (class == 'A')
		draw_account_cells(d, none);
	else if (class == 'C')
		draw_channel_cells(d, none);
	else if (class == 'R')
		draw_password(d, class, none);
	if (class == 'R' && draw(d, 2) == 0)
		draw_mail(d, class, none);
	for (uint64_t i = draw(d, 3); i > 0; i--)
		draw_option(d, class, none);
	if (draw(d, 3) == 0)
		draw_expiry(d, class, none);
	for (uint64_t i = draw(d, 3); i > 0; i--)
		draw_unknown(d, class, none);
	drop_twice(d);
	assert_int_equal(rig_commit_wait(d->rig, d->writes, d->n, &made), 0);
	tally.entities++;
	if (class == 'A')
		d->accounts[d->n_accounts++] = made;
}

/* A further name, or one less: so that names are not in the order of accounts. */
static void change_names(struct drawn *d)
{
	struct gw_id id = d->accounts[draw(d, d->n_accounts)];

	d->n = 0;
	claim(d, GW_CLASS_ACCOUNT, id, draw(d, 8) == 0 ? 'q' : 'n', draw_name(d, 'n'));
	if (draw(d, 4) == 0) {
		d->writes[0].remove = true;
		d->writes[0].value.n = 0;
	}
	rig_commit_wait(d->rig, d->writes, d->n, NULL);
}

static void draw_database(struct rig *rig)
{
	struct drawn *d = calloc(1, sizeof(*d));

	d->rig = rig;
	for (int i = 0; i < ENTITIES; i++) {
		draw_entity(d);
		if (d->n_accounts > 0 && draw(d, 2) == 0)
			change_names(d);
	}
	free(d);
}

/* --- there and back --- */

static char *export(struct rig *rig, const char *folder, const char *name)
{
	char file[64];

	admin(rig, 0, "services export", name);
	snprintf(file, sizeof(file), "%.*s", (int)strcspn(name, " "), name);
	return read_file(folder, file);
}

static void round_trip(uint64_t seed)
{
	char *there = mini_folder(), *here = mini_folder(), *text, *again;
	struct rig *rig = calloc(1, sizeof(*rig));
	const char *answer;

	rig_open(rig, there, false, seed);
	draw_database(rig);
	text = export(rig, there, "one.yaml");
	again = export(rig, there, "two.yaml");
	assert_string_equal(text, again);
	free(again);
	for (const char *p = text; (p = strstr(p, "place: ")) != NULL; p++)
		tally.beaten++;
	rig_close(rig);

	rig_open(rig, here, false, seed + 1000);
	write_file(here, "in.yaml", text);
	admin(rig, 0, "services import", "in.yaml --dry-run");
	again = export(rig, here, "nothing.yaml");
	assert_null(strstr(again, "accounts:"));
	free(again);
	admin(rig, 0, "services import", "in.yaml");
	rig_check(rig);
	again = export(rig, here, "out.yaml");
	cut_servers(text);
	cut_servers(again);
	if (strcmp(text, again) != 0)
		print_error("seed %llu: see %s and %s\n", (unsigned long long)seed, there, here);
	assert_string_equal(text, again);
	free(again);

	/* A second time there is nothing left to do. */
	admin(rig, -EEXIST, "services import", "in.yaml");
	answer = admin(rig, 0, "services import", "in.yaml --skip-existing");
	if (strstr(answer, "imported nothing") == NULL)
		print_error("seed %llu: %s\n", (unsigned long long)seed, answer);
	assert_non_null(strstr(answer, "imported nothing"));
	rig_close(rig);
	free(text);
	free(rig);
	mini_folder_remove(&there);
	mini_folder_remove(&here);
}

static void test_databases_come_back_byte_by_byte(void **state)
{
	(void)state;
	for (uint64_t seed = first; seed < first + seeds; seed++)
		round_trip(seed);
	assert_true(tally.claims > seeds && tally.beaten > seeds && tally.cells > 50 * seeds &&
	            tally.entities == ENTITIES * seeds && tally.binary > 0);
}

/* --- what is refused --- */

struct told {
	const char *file, *says;
};

static void test_faults_are_told_with_line_and_column(void **state)
{
	static const struct told faults[] = {
		{"form: 2\n", "in.yaml:1:7: this version"},
		{"nonsense\n", "in.yaml:1:1: the file must consist of sections"},
		{"form: 1\naccount:\n- {}\n", "in.yaml:2:1: there is no such section"},
		{"accounts:\n- names: [anna]\n  colour: red\n",
	         "in.yaml:3:11: this key is not known"},
		{"accounts:\n- names: [anna]\n  names: [bert]\n", "in.yaml:3:3: 'names' stands"},
		{"accounts:\n- {names: [anna]}\n- {names: [ANNA]}\n",
	         "in.yaml:3:3: a name of this item is claimed in line 2"},
		{"accounts:\n- {names: [anna], registered: yesterday}\n", "in.yaml:2:31: a time"},
		{"accounts:\n- {names: [anna], password: {scheme: rot13}}\n",
	         "the password's scheme is not known"},
		{"accounts:\n- {names: [anna], password: {scheme: argon2id}}\n",
	         "in.yaml:2:29: 'salt' is missing"},
		{"accounts:\n- {names: [anna], mail: {confirmed: true}}\n", "'address' is missing"},
		{"channels:\n- {names: ['#x'], founder: nobody}\n",
	         "in.yaml:2:28: there is no such account"},
		{"channels:\n- founder: {account: {nameless: 1}}\n",
	         "in.yaml:2:22: there is no such account"},
		{"bans:\n- {type: dragon, mask: x, reason: y}\n",
	         "in.yaml:2:10: account or address"},
		{"others:\n- {class: 65}\n", "in.yaml:2:11: that class does not belong here"},
		{"others:\n- {class: 200}\n", "in.yaml:2:3: the cell of field 1 is missing"},
		{"accounts:\n- {names: [\"a\\r\\nQUIT\"]}\n", "in.yaml:2:12: a name has no blanks"},
		{"channels:\n- {names: [{name: '#x', folded: '#x y'}]}\n", "no blanks"},
		{"accounts: &x\n- {}\n", "anchors are not supported"},
		{"accounts:\n- names: [{name: a, place: 2}, {name: b, place: 1}]\n"
	         "- names: [{name: b, place: 2}, a]\n",
	         "contradict"},
		{"accounts:\n- [\n", "in.yaml:3:1: "},
		{"accounts:\n- {names: [\"\xff\"]}\n", "in.yaml:2:13: "},
	};
	struct rig *rig = calloc(1, sizeof(*rig));
	char *folder = mini_folder();
	const char *answer;
	unsigned wrong = 0;

	(void)state;
	rig_open(rig, folder, false, 7);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		write_file(folder, "in.yaml", faults[i].file);
		answer = admin(rig, -EINVAL, "services import", "in.yaml");
		if (strstr(answer, faults[i].says) == NULL)
			print_error("%s is not in: %s\n", faults[i].says, answer);
		wrong += strstr(answer, faults[i].says) == NULL;
		assert_non_null(strstr(answer, "nothing is imported"));
	}
	assert_int_equal(wrong, 0);
	rig_walk(rig, GW_CLASS_ACCOUNT);
	assert_int_equal(rig->n_walked, 0);
	rig_close(rig);
	free(rig);
	mini_folder_remove(&folder);
}

static void test_names_of_files_stay_in_the_state_directory(void **state)
{
	static const char *const bad[] = {"/etc/passwd", "../x", "a/../x",   ".hidden",
	                                  "a/.x",        "a/",   "a.partial"};
	struct rig *rig = calloc(1, sizeof(*rig));
	char *folder = mini_folder();

	(void)state;
	rig_open(rig, folder, false, 8);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		admin(rig, -EINVAL, "services export", bad[i]);
		admin(rig, -EINVAL, "services import", bad[i]);
	}
	admin(rig, -EINVAL, "services export", "x --secrets");
	admin(rig, -EINVAL, "services import", "x --force");
	admin(rig, -ENOENT, "services import", "nothing.yaml");
	admin(rig, 0, "services export", "once.yaml");
	assert_non_null(
		strstr(admin(rig, -EEXIST, "services export", "once.yaml"), "of that name"));
	admin(rig, -ENOENT, "services export", "folder/once.yaml");
	rig_close(rig);
	free(rig);
	mini_folder_remove(&folder);
}

/* --- what is left out, and what is there --- */

static const char small[] =
	"form: 1\n"
	"accounts:\n"
	"- names: [anna]\n"
	"  registered: 2026-11-23T10:00:00.000Z\n"
	"  password: {scheme: argon2id, salt: \"AAAA\", operations: 3, memory: 9, "
	"hash: \"BBBB\"}\n"
	"- names: [bert]\n"
	"  registered: 2026-11-23T10:00:01.000Z\n"
	"channels:\n"
	"- names: [\"#x\"]\n"
	"  registered: 2026-11-23T10:00:02.000Z\n"
	"  founder: anna\n"
	"  modes: \"+ntkl secret 5\"\n"
	"  access:\n"
	"  - {account: bert, prefixes: o}\n";

static void test_secrets_are_left_out_when_asked(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char *folder = mini_folder(), *text;

	(void)state;
	rig_open(rig, folder, false, 9);
	write_file(folder, "in.yaml", small);
	admin(rig, 0, "services import", "in.yaml");
	text = export(rig, folder, "all.yaml");
	assert_non_null(strstr(text, small + strlen("form: 1\n")));
	free(text);
	text = export(rig, folder, "public.yaml --without-secrets");
	assert_null(strstr(text, "argon2id"));
	assert_null(strstr(text, "secret"));
	assert_non_null(strstr(text, "modes: \"+ntl 5\""));
	free(text);
	rig_close(rig);
	free(rig);
	mini_folder_remove(&folder);
}

/* What has no name in the form may be a secret all the same. */
static void test_secrets_of_an_unknown_form_are_left_out(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char *folder = mini_folder(), *text;

	(void)state;
	rig_open(rig, folder, false, 12);
	write_file(folder, "in.yaml",
	           "accounts:\n- names: [anna]\n  cells:\n"
	           "  - {field: 2, sub: '', value: 'AAVyb3QxMwAGYWJjZGVm'}\n"
	           "channels:\n- names: ['#x']\n  cells:\n"
	           "  - {field: 9, sub: '', value: 'AAgrayBoaWRkZW4AAA=='}\n");
	admin(rig, 0, "services import", "in.yaml");
	text = export(rig, folder, "all.yaml");
	assert_non_null(strstr(text, "field: 2,"));
	assert_non_null(strstr(text, "field: 9,"));
	free(text);
	text = export(rig, folder, "public.yaml --without-secrets");
	assert_non_null(strstr(text, "anna"));
	assert_null(strstr(text, "field: 2,"));
	assert_null(strstr(text, "field: 9,"));
	free(text);
	rig_close(rig);
	free(rig);
	mini_folder_remove(&folder);
}

/* One that is here stays as it is; what refers to it means it. */
static void test_what_is_here_stays(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char *folder = mini_folder();
	const char *answer;
	struct gw_id anna;

	(void)state;
	rig_open(rig, folder, false, 10);
	assert_int_equal(rig_register(rig, "Anna", &anna), 0);
	write_file(folder, "in.yaml", small);
	answer = admin(rig, -EEXIST, "services import", "in.yaml");
	assert_non_null(strstr(answer, "in.yaml:3:3: the account anna is here already"));
	answer = admin(rig, 0, "services import", "in.yaml --dry-run --skip-existing");
	assert_non_null(strstr(answer, "would import 1 account, 1 channel"));
	assert_int_equal(rig_find(rig, 'n', "bert"), -ENOENT);
	answer = admin(rig, 0, "services import", "in.yaml --skip-existing");
	assert_non_null(strstr(answer, "imported 1 account, 1 channel"));
	assert_int_equal(rig_find(rig, 'c', "#x"), 0);
	assert_int_equal(rig_read(rig, GW_CLASS_CHANNEL, rig->owner.id), 0);
	for (size_t i = 0; i < rig->n_cells; i++)
		if (rig->cells[i].field == GW_F_FOUNDER)
			assert_true(gw_id_is(
				anna, gw_id_from((struct gw_blob){rig->cells[i].value + 2, 16})));
	rig_check(rig);
	rig_close(rig);
	free(rig);
	mini_folder_remove(&folder);
}

/* A channel alone, whose founder is not in the file; and more than a transaction holds. */
static void test_a_long_access_list_comes_whole(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char *folder = mini_folder(), *text = calloc(1, 1 << 20), *again;
	size_t n = 0;

	(void)state;
	rig_open(rig, folder, false, 11);
	n += (size_t)sprintf(text + n, "accounts:\n");
	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "- {names: [n%03d]}\n", i);
	n += (size_t)sprintf(text + n, "channels:\n- names: ['#x']\n  founder: n000\n  access:\n");
	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "  - {account: n%03d, prefixes: v}\n", i);
	write_file(folder, "in.yaml", text);
	admin(rig, 0, "services import", "in.yaml");
	rig_check(rig);
	again = export(rig, folder, "out.yaml");
	assert_non_null(strstr(again, strstr(text, "  access:\n")));
	free(again);
	free(text);
	rig_close(rig);
	free(rig);
	mini_folder_remove(&folder);
}

/* --- too much --- */

/* A scalar that is longer than anything may be is not read to its end. */
static void test_a_huge_scalar_is_refused(void **state)
{
	static const char front[] = "accounts:\n- names: [anna]\n  host: ";
	const size_t n = (size_t)20 << 20;
	struct rig *rig = calloc(1, sizeof(*rig));
	char *folder = mini_folder(), *text = calloc(1, sizeof(front) + n);
	const char *answer;

	(void)state;
	rig_open(rig, folder, false, 13);
	memcpy(text, front, sizeof(front) - 1);
	memset(text + sizeof(front) - 1, 'x', n);
	write_file(folder, "in.yaml", text);
	answer = admin(rig, -EINVAL, "services import", "in.yaml");
	assert_non_null(strstr(answer, "in one piece"));
	rig_close(rig);
	free(text);
	free(rig);
	mini_folder_remove(&folder);
}

/* Thousands claim the same name, the last one first: each waits for the one behind it. */
static void test_a_long_line_for_a_name_is_put_in_order(void **state)
{
	enum { CLAIMANTS = 30000 };
	struct rig *rig = calloc(1, sizeof(*rig));
	char *folder = mini_folder(), *text = calloc(1, (size_t)CLAIMANTS * 40 + 40);
	size_t n = 0;

	(void)state;
	rig_open(rig, folder, false, 14);
	n += (size_t)sprintf(text + n, "accounts:\n");
	for (int i = CLAIMANTS; i > 0; i--)
		n += (size_t)sprintf(text + n, "- {names: [{name: a, place: %d}]}\n", i);
	write_file(folder, "in.yaml", text);
	admin(rig, 0, "services import", "in.yaml --dry-run");
	sprintf(strstr(text, "place: 1}"), "place: 2}]}\n");
	write_file(folder, "in.yaml", text);
	admin(rig, -EINVAL, "services import", "in.yaml");
	free(text);
	rig_close(rig);
	free(rig);
	mini_folder_remove(&folder);
}

/* --- at a bad moment --- */

/* Progress is told at every turn when each takes long. */
static void test_turns_that_come_late(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char *folder = mini_folder();

	(void)state;
	rig_open(rig, folder, false, 15);
	write_file(folder, "in.yaml", small);
	mini_admin_start(rig->mini, "services import", "in.yaml");
	do
		mini_pass(rig->mini, GW_SECOND);
	while (mini_step(rig->mini));
	assert_int_equal(mini_admin_end(rig->mini), 0);
	rig_check(rig);
	rig_close(rig);
	free(rig);
	mini_folder_remove(&folder);
}

/* The module is reloaded, or unloaded, after so many steps. */
static void disturb(const char *command, const char *arguments, bool unload, unsigned after)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char *folder = mini_folder(), partial[4096];

	rig_open(rig, folder, false, after);
	write_file(folder, "in.yaml", small);
	if (strcmp(command, "services export") == 0)
		admin(rig, 0, "services import", "in.yaml");
	mini_admin_start(rig->mini, command, arguments);
	for (unsigned i = 0; i < after && mini_step(rig->mini); i++)
		continue;
	if (unload) {
		mini_unload(rig->mini, "services");
	} else {
		mini_reload(rig->mini, "store");
		mini_reload(rig->mini, "services");
		assert_int_equal(mini_admin_end(rig->mini), 0);
		rig_check(rig);
	}
	mini_run(rig->mini, GW_SECOND);
	snprintf(partial, sizeof(partial), "%s/out.yaml.partial", folder);
	assert_int_equal(access(partial, F_OK), -1);
	rig_close(rig);
	free(rig);
	mini_folder_remove(&folder);
}

static void test_reloads_and_unloads_meanwhile(void **state)
{
	(void)state;
	for (unsigned after = 0; after < 60; after++) {
		disturb("services export", "out.yaml", false, after);
		disturb("services import", "in.yaml", false, after);
		disturb("services export", "out.yaml", true, after);
		disturb("services import", "in.yaml", true, after);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_databases_come_back_byte_by_byte),
		cmocka_unit_test(test_faults_are_told_with_line_and_column),
		cmocka_unit_test(test_names_of_files_stay_in_the_state_directory),
		cmocka_unit_test(test_secrets_are_left_out_when_asked),
		cmocka_unit_test(test_secrets_of_an_unknown_form_are_left_out),
		cmocka_unit_test(test_what_is_here_stays),
		cmocka_unit_test(test_a_long_access_list_comes_whole),
		cmocka_unit_test(test_a_huge_scalar_is_refused),
		cmocka_unit_test(test_a_long_line_for_a_name_is_put_in_order),
		cmocka_unit_test(test_turns_that_come_late),
		cmocka_unit_test(test_reloads_and_unloads_meanwhile),
	};

	if (argc > 1)
		seeds = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		first = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
