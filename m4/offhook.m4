dnl OFFHOOK_LIBRARY(VARIABLE, pkg-config module, Debian package): needed, or configure ends with the package's name.
AC_DEFUN([OFFHOOK_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [], [AC_MSG_ERROR([$2 is missing; on Debian: apt-get install $3])])
])

dnl OFFHOOK_SANITIZER(option, -fsanitize= word): --enable-OPTION adds it to SANITIZE_CFLAGS.
AC_DEFUN([OFFHOOK_SANITIZER], [
  AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [build with -fsanitize=$2])])
  AS_IF([test "$enable_$1" = yes], [SANITIZE_CFLAGS="$SANITIZE_CFLAGS -fsanitize=$2 -fno-omit-frame-pointer"])
])
