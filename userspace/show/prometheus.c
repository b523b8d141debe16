// SPDX-License-Identifier: GPL-2.0-only
/* prometheus: the text format of Prometheus */
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/output.h"
#include "show/prometheus.h"
#include "base/timefmt.h"

/* Every second bucket of the observer is printed: each is four times as wide as the one before. */
#define BUCKET_STEP	2

/**
 * prometheus_family() - begin a metric; its samples have to follow without others between them
 * @file: where to
 * @name: its name
 * @type: counter, gauge or histogram
 * @help: one line of what it is
 */
void prometheus_family(FILE *file, const char *name, const char *type, const char *help)
{
	fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/** prometheus_number() - a metric that is one number: prometheus_family(), and @value without labels */
void prometheus_number(FILE *file, const char *name, const char *type, const char *help,
		       uint64_t value)
{
	prometheus_family(file, name, type, help);
	fprintf(file, "%s %llu\n", name, (unsigned long long)value);
}

/** prometheus_seconds() - a time as a number of seconds, to the nanosecond */
void prometheus_seconds(FILE *file, uint64_t ns)
{
	fprintf(file, "%llu.%09llu", (unsigned long long)(ns / NS_PER_S),
		(unsigned long long)(ns % NS_PER_S));
}

/* A label's value: valid UTF-8, with the three characters escaped that have to be. */
static void label(FILE *file, const char *name, const char *value)
{
	struct json_object *string = output_json_string(value);
	const char *c = string ? json_object_get_string(string) : "";

	fprintf(file, "%s=\"", name);
	for (; *c; c++) {
		if (*c == '\n')
			fputs("\\n", file);
		else if (*c == '"' || *c == '\\')
			fprintf(file, "\\%c", *c);
		else
			fputc(*c, file);
	}
	fputc('"', file);
	json_object_put(string);
}

/**
 * prometheus_labels() - the labels of a filesystem: device="8:1",fstype="ext4",source="/dev/sda1"
 * @labels: where to
 * @dev: its device number
 * @fstype: its type
 * @source: what is mounted; cut as the observer cuts it, whoever says it, so that series agree
 *
 * Return: 0 or -ENOMEM.
 */
int prometheus_labels(char labels[PROMETHEUS_LABELS_MAX], dev_t dev, const char *fstype,
		      const char *source)
{
	FILE *file = fmemopen(labels, PROMETHEUS_LABELS_MAX, "w");
	char type[FW_TYPE_LEN], from[FW_SOURCE_LEN];

	if (!file)
		return -ENOMEM;
	snprintf(type, sizeof(type), "%.*s", FW_TYPE_LEN - 1, fstype);
	snprintf(from, sizeof(from), "%.*s", FW_SOURCE_LEN - 1, source);
	fprintf(file, "device=\"%u:%u\",", major(dev), minor(dev));
	label(file, "fstype", type);
	fputc(',', file);
	label(file, "source", from);
	return fclose(file) ? -ENOMEM : 0;
}

/**
 * prometheus_histogram() - the samples of a histogram: cumulative buckets, the sum, the count
 * @file: where to
 * @name: of the metric
 * @labels: beside le, or ""
 * @stall: how writers waited
 */
void prometheus_histogram(FILE *file, const char *name, const char *labels,
			  const struct fw_stall *stall)
{
	const char *comma = *labels ? "," : "";
	const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < FW_WAIT_BUCKETS; i++) {
		n += stall->histogram[i];
		if (i % BUCKET_STEP != BUCKET_STEP - 1 || i == FW_WAIT_BUCKETS - 1)
			continue;
		fprintf(file, "%s_bucket{%s%sle=\"%.12g\"} %llu\n", name, labels, comma,
			(double)(2ULL << i) / 1e6, (unsigned long long)n);
	}
	/* Not stall->ended: it may have been read a moment apart, and these two must be the same. */
	fprintf(file, "%s_bucket{%s%sle=\"+Inf\"} %llu\n%s_sum%s%s%s ", name, labels, comma,
		(unsigned long long)n, name, open, labels, close);
	prometheus_seconds(file, stall->total_ns);
	fprintf(file, "\n%s_count%s%s%s %llu\n", name, open, labels, close, (unsigned long long)n);
}
