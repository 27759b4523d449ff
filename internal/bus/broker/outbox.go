package broker

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// outbox is what waits for one instance besides messages: answers to what it asked, and notices, which are all the
// rest: signals, presence, failures, questions of the overseer's. It is outside the credit, and bounded by its bytes:
// an asker that doesn't take its answers is refused them, one that doesn't take its notices is ended.
type outbox struct {
	primary []controlFrame
	bulk    []controlFrame // for the second stream
	bytes   int            // of the answers
	notices int            // bytes of the rest
	since   [2]time.Time   // by stream: something waits, and nothing was taken
	second  bool           // there is a second stream
	split   bool           // the bulk lane goes by it
}

type controlFrame struct {
	tag  wire.Tag
	body []byte
	env  *wire.Envelope
	from *wire.Memory // of env's reply, if it is held there
}

// maxNotices is how many bytes of notices may wait for one instance: as many as the ends of all that it may have asked
// come to.
const maxNotices = 16 << 20

// notice is what a frame counts beside its answer.
func (f *controlFrame) notice() int {
	n := wire.SizeOf(len(f.body))
	if f.env != nil && f.env.Failure != nil {
		n += len(f.env.Failure.Message)
	}
	return n
}

// full tells whether there is no room for a notice.
func (o *outbox) full() bool { return o.notices > maxNotices }

func (o *outbox) add(now time.Time, f controlFrame) {
	o.notices += f.notice()
	to, stream := &o.primary, Primary
	if f.env != nil {
		o.bytes += len(f.env.Reply)
		if f.env.Lane == wire.LaneBulk && o.split {
			to, stream = &o.bulk, Bulk
		}
	}
	if len(*to) == 0 {
		o.since[stream] = now
	}
	*to = append(*to, f)
}

// hang says that an instance doesn't take what waits for it; empty when all is well.
func (o *outbox) hang(now time.Time, patience time.Duration) string {
	if o.full() {
		return fmt.Sprintf("%d MiB of signals and other notices wait for it, and it doesn't read", o.notices>>20)
	}
	for stream, waiting := range [][]controlFrame{Primary: o.primary, Bulk: o.bulk} {
		if still := now.Sub(o.since[stream]); len(waiting) > 0 && still > patience {
			return fmt.Sprintf("it has read nothing of what waits for it for %v", still.Round(100*time.Millisecond))
		}
	}
	return ""
}

// excuse forgets how long things have waited so far.
func (o *outbox) excuse(now time.Time) { o.since = [2]time.Time{now, now} }

// take fills a batch with what is ready for a stream, up to about limit bytes; it tells whether there is more.
func (o *outbox) take(stream int, generation uint64, batch *wire.Batch, limit int) (more bool) {
	frames := &o.primary
	if stream == Bulk {
		frames = &o.bulk
	}
	n := 0
	for ; n < len(*frames) && batch.Len() < limit; n++ {
		f := &(*frames)[n]
		o.notices -= f.notice()
		if f.env == nil {
			batch.Frame(f.tag, f.body)
			continue
		}
		f.env.Generation = generation
		batch.Envelope(f.tag, f.env)
		o.bytes -= len(f.env.Reply)
		f.from.Release()
	}
	if n == len(*frames) {
		clear(*frames)
		*frames = (*frames)[:0]
		return false
	}
	*frames = (*frames)[n:]
	return true
}

// holdsBulk tells whether something of the bulk lane waits for the first stream.
func (o *outbox) holdsBulk() bool {
	for n := range o.primary {
		if e := o.primary[n].env; e != nil && e.Lane == wire.LaneBulk {
			return true
		}
	}
	return false
}

// BulkStream tells that the instance has its second stream now.
func (b *Broker) BulkStream(i *Instance) {
	i.outbox.second = true
	b.wake(i)
}

// split moves the bulk lane to the second stream at a moment at which nothing of it is under way on the first, so that
// its order stays. It tells whether it has done so now.
func (i *Instance) split() bool {
	if i.outbox.split || !i.outbox.second || i.flight.oneWay[wire.LaneBulk].len() > 0 || i.outbox.holdsBulk() {
		return false
	}
	for _, open := range []map[wire.ID]*request{i.serving, i.asked} {
		for _, r := range open {
			if r.item.variant.Lane == wire.LaneBulk && r.responder != nil {
				return false
			}
		}
	}
	i.outbox.split = true
	return true
}
