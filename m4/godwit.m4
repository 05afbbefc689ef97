# The checks of configure.ac. GW_NEED_* note the Debian package of what they do not find in
# $gw_missing; GW_TELL_MISSING then names them all at once.

# GW_NEED_PKG(VARIABLE, MODULE-SPEC, DEBIAN-PACKAGE)
AC_DEFUN([GW_NEED_PKG],
[AC_REQUIRE([PKG_PROG_PKG_CONFIG])dnl
PKG_CHECK_MODULES([$1], [$2], [], [gw_missing="$gw_missing $3"])])

# GW_NEED_LIB(VARIABLE, LIBRARY, FUNCTION, HEADER, DEBIAN-PACKAGE): for what has no .pc file
AC_DEFUN([GW_NEED_LIB],
[AC_ARG_VAR([$1][_LIBS], [linker flags for $2])
gw_found=yes
AC_CHECK_HEADER([$4], [], [gw_found=no])
AC_CHECK_LIB([$2], [$3], [: ${$1[]_LIBS="-l$2"}], [gw_found=no])
AS_IF([test $gw_found = no], [gw_missing="$gw_missing $5"])])

# GW_NEED_HEADER(HEADER, DEBIAN-PACKAGE)
AC_DEFUN([GW_NEED_HEADER],
[AC_CHECK_HEADER([$1], [], [gw_missing="$gw_missing $2"])])

AC_DEFUN([GW_TELL_MISSING],
[AS_IF([test -z "$PKG_CONFIG"], [gw_missing=" pkgconf$gw_missing"])
AS_IF([test -n "$gw_missing"], [AC_MSG_ERROR([these Debian packages are missing:$gw_missing
Install them with:

    apt-get install$gw_missing
])])])

AC_DEFUN([GW_SANITIZERS],
[AC_ARG_ENABLE([sanitizers],
  [AS_HELP_STRING([--enable-sanitizers], [build programs and modules with the address and
                  undefined-behaviour sanitizers])])
AS_IF([test "x$enable_sanitizers" = xyes],
  [SANITIZER_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
   gw_saved_CFLAGS=$CFLAGS
   CFLAGS="$CFLAGS $SANITIZER_FLAGS"
   AC_MSG_CHECKING([whether $CC links with the sanitizers])
   AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [AC_MSG_RESULT([yes])],
     [AC_MSG_RESULT([no])
      AC_MSG_ERROR([the sanitizers' libraries are missing; for clang: apt-get install libclang-rt-14-dev])])
   CFLAGS=$gw_saved_CFLAGS])
AC_SUBST([SANITIZER_FLAGS])
AM_CONDITIONAL([SANITIZERS], [test "x$enable_sanitizers" = xyes])])

AC_DEFUN([GW_WARNINGS],
[AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors])])
WARNING_FLAGS="-Wall -Wextra -Wshadow -Wstrict-prototypes"
AS_IF([test "x$enable_werror" = xyes], [WARNING_FLAGS="$WARNING_FLAGS -Werror"])
AC_SUBST([WARNING_FLAGS])])

# A module with an undefined symbol must fail to link, not kill the server at the first call.
# clang keeps its sanitizers' symbols in the program only, so there the flag cannot be used.
AC_DEFUN([GW_Z_DEFS],
[Z_DEFS="-Wl,-z,defs"
AS_IF([test "x$enable_sanitizers" = xyes],
  [AC_COMPILE_IFELSE([AC_LANG_PROGRAM([
#ifdef __clang__
#error clang
#endif
], [])], [], [Z_DEFS=])])
AC_SUBST([Z_DEFS])])

# Reads GW_ABI_MAJOR and GW_ABI_MINOR from the public header, so that they stand in one place.
AC_DEFUN([GW_ABI_VERSION],
[gw_abi_h=$srcdir/include/godwit/abi.h
AS_IF([test -r "$gw_abi_h"],
  [ABI_MAJOR=`$SED -n 's/^#define GW_ABI_MAJOR  *\([[0-9]]*\).*/\1/p' "$gw_abi_h"`
   ABI_MINOR=`$SED -n 's/^#define GW_ABI_MINOR  *\([[0-9]]*\).*/\1/p' "$gw_abi_h"`])
AS_IF([test -z "$ABI_MAJOR" || test -z "$ABI_MINOR"],
  [AC_MSG_WARN([no GW_ABI_MAJOR and GW_ABI_MINOR in include/godwit/abi.h])])
AC_SUBST([ABI_MAJOR])
AC_SUBST([ABI_MINOR])])
