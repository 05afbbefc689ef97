/*
 * modules/client/message.h - a line of IRC taken apart. Pure: no state, no memory, no socket.
 */
#ifndef CLIENT_MESSAGE_H
#define CLIENT_MESSAGE_H

#include <godwit/client.h>

#define LABEL_MAX 64
#define CLIENT_TAGS_MAX 4094 /* bytes between "@" and the space */
#define CLIENT_LINE_MAX 510  /* without tags and CR LF */

enum message_status {
	MESSAGE_OK,
	MESSAGE_EMPTY,
	MESSAGE_LONG, /* tags or line: 417 */
	MESSAGE_NUL,
	MESSAGE_UTF8 /* not valid */
};

struct parsed {
	struct gw_message message;
	char label[LABEL_MAX + 1]; /* what message.label points to */
};

/**
 * Takes the line apart, in place. Unless the status is MESSAGE_OK only the command ("*" where it
 * cannot be told) and the label are filled: for the error.
 */
enum message_status message_parse(struct gw_line *line, struct parsed *out);

/** Whether `n` bytes are UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(const char *text, size_t n);

/** The length of what is left when a sequence that is cut off at the end goes. */
size_t utf8_trim(const char *text, size_t n);

#endif
