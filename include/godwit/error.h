/*
 * godwit/error.h - why something failed, as a sentence.
 *
 * Functions return 0 or a negative errno value; where a person will read the reason they also fill
 * a struct gw_error of the caller's. The one who gives up shows or logs it, once.
 */
#ifndef GODWIT_ERROR_H
#define GODWIT_ERROR_H

#include <stdarg.h>
#include <stdio.h>

/** The caller's, zeroed before the call. */
struct gw_error {
	int code;       /* for the asker: a numeric of the chat protocol, else 0 */
	char text[252]; /* one sentence, UTF-8, never a secret; empty if nothing went wrong */
};

/** Fills `err` (which may be NULL) and returns `status`, so that one line can do both. */
__attribute__((format(printf, 3, 4))) static inline int gw_fail(struct gw_error *err, int status,
                                                                const char *format, ...)
{
	va_list args;

	if (err != NULL) {
		va_start(args, format);
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	return status;
}

#endif
