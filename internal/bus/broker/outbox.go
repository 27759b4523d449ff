package broker

import "github.com/reevenet/reeve/internal/bus/wire"

// outbox is what waits for one instance besides messages: answers to what it asked, signals, presence. It is outside
// the credit; its bytes are those of the answers.
type outbox struct {
	primary []controlFrame
	bulk    []controlFrame // for the second stream
	bytes   int
	second  bool // there is a second stream
	split   bool // the bulk lane goes by it
}

type controlFrame struct {
	tag  wire.Tag
	body []byte
	env  *wire.Envelope
	from *wire.Memory // of env's reply, if it is held there
}

func (o *outbox) add(f controlFrame) {
	if f.env != nil {
		o.bytes += len(f.env.Reply)
		if f.env.Lane == wire.LaneBulk && o.split {
			o.bulk = append(o.bulk, f)
			return
		}
	}
	o.primary = append(o.primary, f)
}

// take fills a batch with what is ready for a stream, up to about limit bytes; it tells whether there is more.
func (o *outbox) take(stream int, generation uint64, batch *wire.Batch, limit int) (more bool) {
	frames := &o.primary
	if stream == Bulk {
		frames = &o.bulk
	}
	n := 0
	for ; n < len(*frames) && batch.Len() < limit; n++ {
		f := &(*frames)[n]
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
