package buswire

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
func ParseSignals(b []byte, each func(*Signal)) error {
	return fields(b, func(n protowire.Number, _ uint64, s []byte) error {
		if n != 1 {
			return nil
		}
		if s == nil {
			return malformed("a signal")
		}
		var sig Signal
		if err := sig.parse(s); err != nil {
			return err
		}
		each(&sig)
		return nil
	})
}

func (sig *Signal) parse(b []byte) error {
	return fields(b, func(n protowire.Number, v uint64, s []byte) error {
		switch {
		case n == 1:
			sig.Sequence = v
		case n >= SignalStartWork && n <= SignalConclude:
			if s == nil {
				return malformed("what a signal says")
			}
			sig.Kind = n
			return fields(s, sig.field)
		}
		return nil
	})
}

func (sig *Signal) field(n protowire.Number, v uint64, s []byte) error {
	switch n {
	case fSignalHash:
		sig.Hash = s
	case fSignalNumber:
		sig.Number = v
	case fSignalParent:
		sig.Parent = s
	}
	return nil
}
