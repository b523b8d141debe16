/* SPDX-License-Identifier: GPL-2.0-only */
/* stream: the observer's events one after another, across observers that come, go and are replaced */
#ifndef FREEZEGUARD_OBSERVER_STREAM_H
#define FREEZEGUARD_OBSERVER_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "observer/read.h"

/* How long one may be away, or not whole, before it counts as gone: another may be replacing it. */
#define STREAM_GONE_MS	500

/**
 * struct stream - where it is read; zero it before use
 * @observer: the observer; NULL: there is none to read
 * @instance: which one
 * @cursor: the next event
 * @lost_told: how many lost events stream_lost() has told of
 * @gone_since_ns: since when it isn't there, or can't be read; 0: it is, and can
 */
struct stream {
	struct observer *observer;
	uint64_t instance;
	struct observer_cursor cursor;
	uint64_t lost_told;
	uint64_t gone_since_ns;
};

/**
 * enum stream_change - what became of the observer since it was looked for last
 * @STREAM_AS_BEFORE: nothing
 * @STREAM_LOADED: there is one; its events are read from now on
 * @STREAM_REPLACED: another is there; where it has taken the events over, none is left out
 * @STREAM_GONE: it was unloaded
 * @STREAM_UNREADABLE: another is there, which this program can't read
 */
enum stream_change {
	STREAM_AS_BEFORE,
	STREAM_LOADED,
	STREAM_REPLACED,
	STREAM_GONE,
	STREAM_UNREADABLE,
};

int stream_open(struct stream *stream);
void stream_close(struct stream *stream);
enum stream_change stream_watch(struct stream *stream, uint64_t now_ns, int *error);
bool stream_next(struct stream *stream, struct fw_event *event);
uint64_t stream_lost(struct stream *stream);

#endif
