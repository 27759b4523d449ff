package sandbox

import (
	"encoding/binary"

	"github.com/tetratelabs/wazero/api"
)

// Layout of what poll_oneoff reads and writes.
const (
	subscriptionSize = 48
	kindAt           = 8 // of a subscription; 0: a clock
	timeoutAt        = 24
	flagsAt          = 40 // 1: the timeout is a time
	eventSize        = 32
	errorAt          = 8
	eventKindAt      = 10
)

// poll waits for nothing: of the clocks that are waited for the clock goes on to the earliest, and that is what has
// happened. Without a clock all that is waited for is a file that there isn't.
func (w *world) poll(mem api.Memory, args []uint64) uint64 {
	n := uint32(args[2])
	if n == 0 || n > mostItems {
		return badValue
	}
	w.pay(uint64(n), fuelPerItem)
	in, ok := mem.Read(uint32(args[0]), n*subscriptionSize)
	if !ok {
		return badAddress
	}
	events := w.wait(in)
	return wrote(mem.Write(uint32(args[1]), events) &&
		mem.WriteUint32Le(uint32(args[3]), uint32(len(events)/eventSize)))
}

func (w *world) wait(subscriptions []byte) (events []byte) {
	var first []byte // the event of the earliest clock
	until := uint64(0)
	for s := subscriptions; len(s) > 0; s = s[subscriptionSize:] {
		event := make([]byte, eventSize)
		copy(event, s[:kindAt])
		event[eventKindAt] = s[kindAt]
		if s[kindAt] != 0 {
			event[errorAt] = badFile
			events = append(events, event...)
		} else if at := w.due(s); first == nil || at < until {
			first, until = event, at
		}
	}
	if first == nil {
		return events
	}
	w.now = max(w.now, until)
	return first
}

// due is when a clock that is waited for has reached what it should.
func (w *world) due(s []byte) uint64 {
	timeout := binary.LittleEndian.Uint64(s[timeoutAt:])
	if s[flagsAt]&1 != 0 {
		return timeout
	}
	return later(w.now, timeout)
}
