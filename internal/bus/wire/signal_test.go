package wire

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

func drawSignal(t *rapid.T) *overseerv1.Signal {
	hash := func(name string) []byte { return rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, name) }
	number := rapid.Uint64Min(1)
	sig := &overseerv1.Signal{Sequence: rapid.Uint64().Draw(t, "sequence")}
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 1:
		sig.Kind = &overseerv1.Signal_StartWork{StartWork: &overseerv1.StartWork{Hash: hash("hash"), Number: number.Draw(t, "number"), Parent: hash("parent")}}
	case 2:
		sig.Kind = &overseerv1.Signal_StopWork{StopWork: &overseerv1.StopWork{Hash: hash("hash")}}
	case 3:
		sig.Kind = &overseerv1.Signal_BlockFinalized{BlockFinalized: &overseerv1.BlockFinalized{Hash: hash("hash"), Number: number.Draw(t, "number")}}
	case 4:
		sig.Kind = &overseerv1.Signal_Conclude{Conclude: &overseerv1.Conclude{}}
	}
	return sig
}

// theirs is a signal of ours as the generated code has it.
func theirs(s Signal) *overseerv1.Signal {
	sig := &overseerv1.Signal{Sequence: s.Sequence}
	switch s.Kind {
	case SignalStartWork:
		sig.Kind = &overseerv1.Signal_StartWork{StartWork: &overseerv1.StartWork{Hash: s.Hash, Number: s.Number, Parent: s.Parent}}
	case SignalStopWork:
		sig.Kind = &overseerv1.Signal_StopWork{StopWork: &overseerv1.StopWork{Hash: s.Hash}}
	case SignalBlockFinalized:
		sig.Kind = &overseerv1.Signal_BlockFinalized{BlockFinalized: &overseerv1.BlockFinalized{Hash: s.Hash, Number: s.Number}}
	case SignalConclude:
		sig.Kind = &overseerv1.Signal_Conclude{Conclude: &overseerv1.Conclude{}}
	}
	return sig
}

func TestSignalsAreTheProtocols(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := &overseerv1.SignalBatch{}
		for range rapid.IntRange(0, 4).Draw(t, "signals") {
			sent.Signals = append(sent.Signals, drawSignal(t))
		}
		b, err := proto.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		read := &overseerv1.SignalBatch{}
		if err := ParseSignals(b, func(s Signal) { read.Signals = append(read.Signals, theirs(s)) }); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(sent, read) {
			t.Fatalf("%v was read as %v", sent, read)
		}
	})
}

func TestSignalsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, b := range [][]byte{{0x08, 1}, {0x0a, 2, 0x10, 1}, {0x0a, 9}} {
		if err := ParseSignals(b, func(Signal) {}); err == nil {
			t.Errorf("%x was read", b)
		}
	}
}
