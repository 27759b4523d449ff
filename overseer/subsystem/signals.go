package subsystem

import (
	"bytes"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// readSignals decodes one event's signals. Every subsystem is told every block, so it is done by hand.
func readSignals(batch []byte) ([]*overseerv1.Signal, error) {
	signals := make([]*overseerv1.Signal, 0, 2) // a leaf takes the place of its parent
	err := wire.ParseSignals(batch, func(s wire.Signal) { signals = append(signals, signal(s)) })
	return signals, err
}

// leaf is all of a signal about one, in one piece of memory.
type leaf struct {
	signal overseerv1.Signal
	start  overseerv1.Signal_StartWork
	stop   overseerv1.Signal_StopWork
	begun  overseerv1.StartWork
	ended  overseerv1.StopWork
}

// signal is one as handlers get it, in memory of its own.
func signal(s wire.Signal) *overseerv1.Signal {
	hash := bytes.Clone(s.Hash)
	switch s.Kind {
	case wire.SignalStartWork:
		l := &leaf{}
		l.begun.Hash, l.begun.Number, l.begun.Parent = hash, s.Number, bytes.Clone(s.Parent)
		l.start.StartWork = &l.begun
		l.signal.Sequence, l.signal.Kind = s.Sequence, &l.start
		return &l.signal
	case wire.SignalStopWork:
		l := &leaf{}
		l.ended.Hash = hash
		l.stop.StopWork = &l.ended
		l.signal.Sequence, l.signal.Kind = s.Sequence, &l.stop
		return &l.signal
	case wire.SignalBlockFinalized:
		return &overseerv1.Signal{Sequence: s.Sequence, Kind: &overseerv1.Signal_BlockFinalized{BlockFinalized: &overseerv1.BlockFinalized{Hash: hash, Number: s.Number}}}
	case wire.SignalConclude:
		return &overseerv1.Signal{Sequence: s.Sequence, Kind: &overseerv1.Signal_Conclude{Conclude: &overseerv1.Conclude{}}}
	}
	return &overseerv1.Signal{Sequence: s.Sequence}
}
