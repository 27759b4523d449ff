package subsystem

import (
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// progress is how far a subsystem has worked, and how much of that the overseer hasn't heard. It is told with whatever else is
// written; alone only when it is much, when somebody waits for it, or after a while: a frame that says one thing costs both
// processes as much as a message.
type progress struct {
	done    wire.Processed
	unsaid  int  // messages
	bytes   int  // of them
	moved   bool // done has changed since it was told
	now     bool // it is told with the next flush
	waiting bool // a timer will see to it
	said    time.Time
	frame   []byte
}

// How many messages, and how many bytes of them, may be finished before the overseer hears of it although more are waiting; and
// how much time may pass, without and with other work.
const (
	processedEvery = 256
	processedBytes = 128 << 10
	processedIdle  = 10 * time.Millisecond
	processedAfter = 100 * time.Millisecond
)

// progressed notes that a message has been finished.
func (l *loop) progressed(e *wire.Envelope) {
	p := &l.progress
	p.moved = true
	p.unsaid++
	p.bytes += e.Size()
	// A pool's next work comes when this is told; one that was redelivered holds up the rest until it is known to be harmless;
	// and nobody should wait for credit because of this.
	p.now = p.now || l.spec.Class == Pool || e.Attempt > 0 || p.bytes >= min(processedBytes, l.window.Bytes/8) || p.unsaid >= l.window.Messages/8
}

// finished notes that a message has been handled, and flushes now and then.
func (l *loop) finished() {
	l.count.handled++
	if l.count.handled%processedEvery == 0 || l.handledAt.Sub(l.progress.said) > processedAfter {
		l.progress.now = true
		l.flush()
	}
}

// sayProgress adds the frame to what is written, if it is time.
func (l *loop) sayProgress() {
	p := &l.progress
	if !p.moved {
		return
	}
	if !p.now && l.out[0].Len() == 0 {
		l.sayLater()
		return
	}
	p.moved, p.now, p.unsaid, p.bytes, p.said = false, false, 0, 0, l.runtime.Now()
	p.frame = p.done.Append(p.frame[:0])
	l.out[0].Frame(wire.TagProcessed, p.frame)
}

func (l *loop) sayLater() {
	if l.progress.waiting {
		return
	}
	l.progress.waiting = true
	l.timers.add(l.runtime.Now().Add(processedIdle), func() { l.progress.waiting, l.progress.now = false, true })
	l.arm()
}
