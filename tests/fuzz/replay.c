/*
 * tests/fuzz/replay.c - the main() of a fuzz target without a fuzzer: every file of
 * tests/fuzz/corpus/NAME, and every beginning and every copy with one byte changed of it. One TAP
 * line a file.
 */
#include "tests/fuzz/fuzz.h"
#include <dirent.h>
#include <string.h>

#define FILE_MAX 65536
#define ALL_CHANGES 600 /* bytes; of longer files only some are changed */

static void one(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);

	if (n > 0)
		memcpy(copy, data, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void around(uint8_t *data, size_t n)
{
	static const uint8_t others[] = {0, ' ', ':', '@', ';', '\n', 0x80, 0xc3, 0xff};
	size_t step = n > ALL_CHANGES ? n / ALL_CHANGES : 1;

	for (size_t i = 0; i <= n; i += step)
		one(data, i);
	for (size_t i = 0; i < n; i += step)
		for (size_t j = 0; j < sizeof(others); j++) {
			uint8_t was = data[i];

			data[i] = others[j];
			one(data, n);
			data[i] = was;
		}
}

static int replay(const char *folder, const char *name, int number)
{
	static uint8_t data[FILE_MAX];
	char path[4096];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (file == NULL)
		return -1;
	n = fread(data, 1, sizeof(data), file);
	fclose(file);
	one(data, n);
	around(data, n);
	printf("ok %d - %s\n", number, name);
	return 0;
}

int main(int argc, char **argv)
{
	const char *source = getenv("GODWIT_SRC"), *slash = strrchr(argv[0], '/');
	struct dirent **names;
	char folder[3072];
	int n, done = 0;

	(void)argc;
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", source != NULL ? source : ".",
	         slash != NULL ? slash + 1 : argv[0]);
	n = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' && replay(folder, names[i]->d_name, done + 1) == 0)
			done++;
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	printf("1..%d\n", done);
	if (done == 0)
		fprintf(stderr, "no corpus in %s\n", folder);
	return done == 0;
}
