/* What a fuzz target asserts: a line that says what was wrong where, then the end that the fuzzer keeps the input of.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define check(right)                                                                                                   \
	do {                                                                                                           \
		if (!(right)) {                                                                                        \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #right);                            \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)
