/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said to people of the keys in boot/config_keys.h. */
#ifndef NESTOR_TOOLS_CONF_TEXT_H
#define NESTOR_TOOLS_CONF_TEXT_H

#include <stdio.h>

/* docs/config.md. */
void conf_text_reference(FILE *out);
/* nestor.conf(5). */
void conf_text_manual(FILE *out);
/* A nestor.conf with every key, its help and its value as comments: it sets nothing. */
void conf_text_sample(FILE *out);

#endif
