package driver

import "github.com/reevenet/reeve/internal/bus/wire"

// writer gathers the frames that leave into batches, one for each stream, and says with them how far the program has
// got. What it is given while there is no link is the giver's fault; what it holds when the link is lost is lost, and
// sent again by who keeps it.
type writer struct {
	link     Link          // nil while detached
	out      [2]wire.Batch // by stream: primary, bulk
	progress progress
}

// flushAt is how many bytes are gathered before they are written although there is more to do.
const flushAt = 48 << 10

// on is what goes by the stream of a lane: the bulk lane has one of its own.
func (w *writer) on(lane wire.Lane) *wire.Batch {
	if lane == wire.LaneBulk {
		return &w.out[1]
	}
	return &w.out[0]
}

// envelope adds an envelope.
func (w *writer) envelope(e *wire.Envelope) {
	b := w.on(e.Lane)
	b.Envelope(wire.TagFromEnvelope, e)
	w.fill(b)
}

// around adds an envelope whose payload of size bytes is encoded in its place.
func (w *writer) around(e *wire.Envelope, size int, payload func([]byte) ([]byte, error)) error {
	b := w.on(e.Lane)
	err := b.EnvelopeAround(wire.TagFromEnvelope, e, size, payload)
	w.fill(b)
	return err
}

// encoded adds an envelope that is encoded already.
func (w *writer) encoded(lane wire.Lane, envelope []byte) {
	b := w.on(lane)
	b.Frame(wire.TagFromEnvelope, envelope)
	w.fill(b)
}

func (w *writer) fill(b *wire.Batch) {
	if b.Len() >= flushAt {
		w.flush()
	}
}

// flush writes what was gathered, and how far the program has got.
func (w *writer) flush() {
	if w.link == nil {
		return
	}
	w.progress.report(&w.out[0])
	for i := range w.out {
		if !w.write(i) {
			return // the link's reader finds the same and says so through the inbox
		}
	}
}

func (w *writer) write(stream int) (up bool) {
	b := &w.out[stream]
	if b.Len() == 0 {
		return true
	}
	free, err := w.link.Write(b.Bytes, stream == 1)
	b.Bytes = free
	return err == nil
}

// attach begins with a link; the overseer counts what is finished from here on.
func (w *writer) attach(link Link) {
	w.link = link
	w.progress.restart()
}

// detach forgets a lost link and what was to leave by it.
func (w *writer) detach() {
	w.link = nil
	for i := range w.out {
		w.out[i].Reset()
	}
}
