/* All that the board can do: print and stop.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_TESTS_BARE_SYSTEM_H
#define SAMLET_TESTS_BARE_SYSTEM_H

#include <stddef.h>

/* The program; it ends in leave(). */
void program(void) __attribute__((noreturn));

void put(const void* bytes, size_t count);
void complain(const char* text); /* a line, elsewhere */
void leave(int status) __attribute__((noreturn));
size_t stack_left(void); /* bytes that were never used */

char* strstr(const char* text, const char* part);

#endif
