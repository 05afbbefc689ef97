/*
 * tests/net/next.h - makes a server call itself another version: tests/net/godwit-next.
 */
#undef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0-next"
