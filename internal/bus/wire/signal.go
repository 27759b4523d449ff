package wire

import "google.golang.org/protobuf/encoding/protowire"

// Signal is the protocol's Signal. The bytes point into what it was read from.
type Signal struct {
	Sequence uint64
	Kind     Tag // field number of the kind; 0: none
	Hash     []byte
	Number   uint64
	Parent   []byte
}

// Kinds of signals, and the fields that they have in common.
const (
	SignalStartWork      Tag = 2
	SignalStopWork       Tag = 3
	SignalBlockFinalized Tag = 4
	SignalConclude       Tag = 5

	fSignalHash   protowire.Number = 1
	fSignalNumber protowire.Number = 2
	fSignalParent protowire.Number = 3
)

// ParseSignals decodes a SignalBatch and calls each for every signal, in order.
func ParseSignals(b []byte, each func(Signal)) error {
	c := cursor{rest: b}
	for c.next() {
		if c.n != 1 {
			continue
		}
		if c.s == nil {
			return malformed("a signal")
		}
		sig, err := parseSignal(c.s)
		if err != nil {
			return err
		}
		each(sig)
	}
	return c.err()
}

func parseSignal(b []byte) (sig Signal, err error) {
	c := cursor{rest: b}
	for c.next() {
		switch {
		case c.n == 1:
			sig.Sequence = c.v
		case c.n >= SignalStartWork && c.n <= SignalConclude:
			if c.s == nil {
				return sig, malformed("what a signal says")
			}
			sig.Kind = c.n
			if err := sig.parseKind(c.s); err != nil {
				return sig, err
			}
		}
	}
	return sig, c.err()
}

func (sig *Signal) parseKind(b []byte) error {
	c := cursor{rest: b}
	for c.next() {
		switch c.n {
		case fSignalHash:
			sig.Hash = c.s
		case fSignalNumber:
			sig.Number = c.v
		case fSignalParent:
			sig.Parent = c.s
		}
	}
	return c.err()
}
