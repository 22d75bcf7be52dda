/* The peers of parse_bench. Their headers clash with each other and with ours, so each has a file of its own. */
#pragma once

#include <stddef.h>

void bench_osip_init(void);
/** Parse one message to its typed fields and free it. @return something of what was seen; 0 when it is not parsed */
size_t bench_osip_parse(const char *p, size_t n);
size_t bench_sofia_parse(const char *p, size_t n);
