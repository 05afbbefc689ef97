/*
 * tests/fuzz/services_form.c - a file to be imported: whatever is in it is read within its bounds,
 * and what is taken for an entity is one that could be written.
 */
#include "modules/services/form.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/mini.h"
#include <string.h>

static struct gw_self *self_once(void)
{
	static struct gw_self *self;

	if (self == NULL)
		self = mini_test_self(mini_new("/nowhere", 0), NULL, 0, NULL);
	return self;
}

static void check_record(const struct form_record *record)
{
	bool core = false;

	FUZZ_CHECK(record->class != 0 && record->class != GW_CLASS_ORIGIN);
	for (uint32_t i = 0; i < record->n_cells; i++) {
		const struct form_cell *cell = &record->cells[i];

		FUZZ_CHECK(cell->at + cell->sub_n + cell->value_n <= record->n_bytes);
		FUZZ_CHECK(cell->field != 0 && cell->field != 0xffff && cell->sub_n <= GW_NAME_MAX);
		FUZZ_CHECK(cell->value_n <= (cell->claim ? GW_NAME_MAX : GW_VALUE_MAX));
		FUZZ_CHECK(cell->claim == (cell->field == GW_F_NAME || cell->field == GW_F_CERTFP));
		core |= cell->field == GW_F_CORE;
	}
	FUZZ_CHECK(core);
	for (uint32_t i = 0; i < record->n_refs; i++) {
		FUZZ_CHECK(record->refs[i].at + 16 <= record->n_bytes);
		FUZZ_CHECK(record->refs[i].name_at + record->refs[i].name_n <= record->n_bytes);
	}
}

static void read_item(struct gw_self *self, const struct form_tree *tree)
{
	const struct form_node *section = form_tree_section(tree);
	struct gw_error why = {0};
	struct form_record *record;

	for (size_t i = 0; i < form_n_classes; i++) {
		if (section->kind != FORM_LIST || section->key.n == 0 ||
		    section->key.n != strlen(form_classes[i].section) ||
		    memcmp(section->key.p, form_classes[i].section, section->key.n) != 0)
			continue;
		record = form_read(self, &form_classes[i], form_tree_item(tree), 1, &why);
		FUZZ_CHECK((record == NULL) == (why.text[0] != '\0'));
		if (record != NULL)
			check_record(record);
		form_record_free(self, &record);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_self *self = self_once();
	struct form_tree *tree = form_tree_new(self, (const char *)data, size);
	struct gw_error why = {0};
	enum form_step step;

	do {
		step = form_tree_next(tree, 7, &why);
		if (step == FORM_ITEM)
			read_item(self, tree);
	} while (step == FORM_ITEM || step == FORM_TURN);
	FUZZ_CHECK((step == FORM_WRONG) == (why.text[0] != '\0'));
	form_tree_free(&tree);
	return 0;
}
