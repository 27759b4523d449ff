package driver

import (
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// progress is how far a program has worked, and how much of that the overseer hasn't heard. It is reported with
// whatever else is written; alone only when it is much, when somebody waits for it, or after a while: a frame that says
// one thing costs both processes as much as a message.
type progress struct {
	timers *timers
	pool   bool // each message that is finished brings the next
	window wire.Window

	done       wire.Processed
	handled    uint64 // messages since the start of the process
	unreported int    // messages
	bytes      int    // of them
	moved      bool   // done has changed since it was reported
	now        bool   // it is reported with the next flush
	waiting    bool   // a timer will see to it
	reported   time.Time
	frame      []byte
}

// How many messages, and how many bytes of them, may be finished before the overseer hears of it although more are
// waiting; and how much time may pass, without and with other work.
const (
	reportEvery = 256
	reportBytes = 128 << 10
	reportIdle  = 10 * time.Millisecond
	reportAfter = 100 * time.Millisecond
)

// restart counts from nothing, as the overseer does for a new attachment.
func (p *progress) restart() { p.done, p.moved, p.now = wire.Processed{}, false, false }

// message notes that a message has been handled. A request that was answered meanwhile needs no report of its own.
func (p *progress) message(e *wire.Envelope, answered bool) {
	if e.Kind == wire.OneWay {
		p.done.Lanes[e.Lane]++
	} else if p.done.Requests++; answered {
		return
	}
	p.moved = true
	p.unreported++
	p.bytes += e.Size()
	// A pool's next work comes when this is reported; one that was redelivered holds up the rest until it is known to
	// be harmless; and nobody should wait for credit because of this.
	p.now = p.now || p.pool || e.Attempt > 0 || p.bytes >= min(reportBytes, p.window.Bytes/8) ||
		p.unreported >= p.window.Messages/8
}

// signals notes up to which signal all were handled.
func (p *progress) signals(sequence uint64) { p.done.SignalSeq, p.moved = sequence, true }

// due tells, after each message, whether it is time to report although more is waiting.
func (p *progress) due(now time.Time) bool {
	p.handled++
	due := p.handled%reportEvery == 0 || now.Sub(p.reported) > reportAfter
	p.now = p.now || due
	return due
}

// report adds the frame to what is written, if it is time.
func (p *progress) report(b *wire.Batch) {
	if !p.moved {
		return
	}
	if !p.now && b.Len() == 0 {
		p.later()
		return
	}
	p.moved, p.now, p.unreported, p.bytes, p.reported = false, false, 0, 0, p.timers.runtime.Now()
	p.frame = p.done.Append(p.frame[:0])
	b.Frame(wire.TagProcessed, p.frame)
}

func (p *progress) later() {
	if !p.waiting {
		p.waiting = true
		p.timers.after(reportIdle, func() { p.waiting, p.now = false, true })
	}
}
