# What module authors get; a test compares this list with the folder.
godwitincludedir = $(includedir)/godwit
godwitinclude_HEADERS =
