/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * output: what a command prints, as text or as one JSON document. It is collected in memory and
 * written at the end, by a deadline: a reader that does not read cannot hold freezectl up while
 * something is frozen, and whether it could be written is known.
 */
#ifndef FREEZEGUARD_BASE_OUTPUT_H
#define FREEZEGUARD_BASE_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include <json-c/json.h>

#include "base/findings.h"
#include "base/timefmt.h"

/**
 * struct output - what has been collected
 * @json: a JSON document is wanted
 * @text: standard output's text; also there with @json, and not printed then
 * @doc: the document; NULL without @json
 * @n_findings: how many of the findings have been printed
 * @document_printed: the JSON document was
 * @lines: what is printed is JSON lines; the document becomes the last, if there are findings
 * @text_fd: where the text goes; standard output
 * @passed_on: the exit code if there are no findings: that of a command that was run
 */
struct output {
	bool json;
	FILE *text;
	struct json_object *doc;
	size_t n_findings;
	bool document_printed;
	bool lines;
	int text_fd;
	int passed_on;
	char *buffer;
	size_t size;
};

int output_exit_code(const struct output *out, const struct findings *findings);
int output_open(struct output *out, bool json, const char *command);
void output_close(struct output *out);
int output_print(struct output *out, const struct findings *findings, uint64_t deadline_ns);
const char *output_error(int r);
int output_print_line(struct output *out, struct json_object *line, uint64_t deadline_ns);

void output_finding(FILE *file, const struct finding *finding);
const char *output_clean(const char *text, char *buf, size_t size);

struct json_object *output_json_string(const char *text);
void output_json_add(struct json_object *object, const char *key, struct json_object *value);
void output_json_time(struct json_object *object, const char *what, uint64_t ns,
		      const struct clocks *clocks);

#endif
