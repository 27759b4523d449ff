package subsystem

import (
	"bytes"

	"github.com/reevenet/reeve/internal/buswire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// readSignals decodes one event's signals. Every subsystem is told every block, so it is done by hand.
func readSignals(batch []byte) (signals []*overseerv1.Signal, err error) {
	err = buswire.ParseSignals(batch, func(s *buswire.Signal) { signals = append(signals, signal(s)) })
	return signals, err
}

// signal is one as handlers get it, in memory of its own.
func signal(s *buswire.Signal) *overseerv1.Signal {
	sig := &overseerv1.Signal{Sequence: s.Sequence}
	hash := bytes.Clone(s.Hash)
	switch s.Kind {
	case buswire.SignalStartWork:
		sig.Kind = &overseerv1.Signal_StartWork{StartWork: &overseerv1.StartWork{Hash: hash, Number: s.Number, Parent: bytes.Clone(s.Parent)}}
	case buswire.SignalStopWork:
		sig.Kind = &overseerv1.Signal_StopWork{StopWork: &overseerv1.StopWork{Hash: hash}}
	case buswire.SignalBlockFinalized:
		sig.Kind = &overseerv1.Signal_BlockFinalized{BlockFinalized: &overseerv1.BlockFinalized{Hash: hash, Number: s.Number}}
	case buswire.SignalConclude:
		sig.Kind = &overseerv1.Signal_Conclude{Conclude: &overseerv1.Conclude{}}
	}
	return sig
}
