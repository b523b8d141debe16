// SPDX-License-Identifier: GPL-2.0-only
/* stream: reads the observer's events, and notices when another observer has them, or none */
#include <errno.h>
#include <string.h>

#include "observer/stream.h"
#include "base/timefmt.h"

/**
 * stream_open() - read the events of the observer that is loaded, from now on
 * @stream: where no observer is read; set on success
 *
 * Return: 0, or a negative errno, which observer_why() has a sentence for.
 */
int stream_open(struct stream *stream)
{
	struct stream new = { .instance = observer_instance() };
	int r;

	r = observer_open(&new.observer);
	if (r)
		return r;
	r = observer_events_from_now(new.observer, &new.cursor);
	if (r)
		observer_close(new.observer);
	else
		*stream = new;
	return r;
}

/** stream_close() - read it no more */
void stream_close(struct stream *stream)
{
	observer_close(stream->observer);
	memset(stream, 0, sizeof(*stream));
}

/* Where it has the maps of the one before, it goes on where that was. */
static enum stream_change replace(struct stream *stream, struct observer *observer,
				  uint64_t instance)
{
	struct fw_totals totals;

	observer_close(stream->observer);
	stream->observer = observer;
	stream->instance = instance;
	stream->gone_since_ns = 0;
	if (!observer_totals(observer, &totals) && totals.next_event < stream->cursor.next) {
		stream->cursor = (struct observer_cursor) { 0 };
		stream->lost_told = 0;
	}
	return STREAM_REPLACED;
}

/**
 * stream_watch() - notice what became of the observer; to be called now and then
 * @stream: the stream; read another one, or none, afterwards
 * @now_ns: CLOCK_BOOTTIME
 * @error: set for STREAM_UNREADABLE, to what observer_why() has a sentence for
 *
 * Return: what it was; told once.
 */
enum stream_change stream_watch(struct stream *stream, uint64_t now_ns, int *error)
{
	uint64_t instance = observer_instance();
	struct observer *observer;
	int r = -ENOENT;

	if (!stream->observer)
		return instance && !stream_open(stream) ? STREAM_LOADED : STREAM_AS_BEFORE;
	if (instance == stream->instance) {
		stream->gone_since_ns = 0;
		return STREAM_AS_BEFORE;
	}
	if (instance)
		r = observer_open(&observer);
	if (!r)
		return replace(stream, observer, instance);
	if (!stream->gone_since_ns)
		stream->gone_since_ns = now_ns;
	if (now_ns - stream->gone_since_ns < STREAM_GONE_MS * NS_PER_MS)
		return STREAM_AS_BEFORE;
	stream_close(stream);
	*error = r;
	return instance ? STREAM_UNREADABLE : STREAM_GONE;
}

/** stream_next() - the next event. Return: false: there is none, yet or at all. */
bool stream_next(struct stream *stream, struct fw_event *event)
{
	return stream->observer &&
	       observer_next_event(stream->observer, &stream->cursor, event) == 1;
}

/** stream_lost() - how many events were lost since the last call */
uint64_t stream_lost(struct stream *stream)
{
	uint64_t lost = stream->cursor.lost - stream->lost_told;

	stream->lost_told = stream->cursor.lost;
	return lost;
}
