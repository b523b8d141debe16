// SPDX-License-Identifier: GPL-2.0-only
/* process: who made, ended or froze something, as JSON; null if that isn't known */
#include <stdio.h>

#include "base/output.h"
#include "show/process.h"

/** show_process_json() - what the module knows of a process */
struct json_object *show_process_json(uint32_t pid, const char *comm)
{
	struct json_object *object;

	if (!pid)
		return NULL;
	object = json_object_new_object();
	output_json_add(object, "pid", json_object_new_int64(pid));
	output_json_add(object, "comm", output_json_string(comm));
	return object;
}

/** show_task_json() - what the observer knows of a thread */
struct json_object *show_task_json(const struct fw_process *by)
{
	char comm[FW_COMM_LEN + 1];
	struct json_object *object;

	if (!by->pid)
		return NULL;
	snprintf(comm, sizeof(comm), "%.*s", FW_COMM_LEN, by->comm);
	object = json_object_new_object();
	output_json_add(object, "pid", json_object_new_int64(by->pid));
	output_json_add(object, "tid", json_object_new_int64(by->thread));
	output_json_add(object, "comm", output_json_string(comm));
	output_json_add(object, "uid", json_object_new_int64(by->uid));
	output_json_add(object, "cgroup", by->cgroup ? json_object_new_uint64(by->cgroup) : NULL);
	return object;
}
