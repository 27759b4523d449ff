package wire

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"
)

// drawAlike draws an envelope that differs from the last in one thing, or in none.
func drawAlike(t *rapid.T, last *Envelope) *Envelope {
	e := *last
	e.ID = NewID(e.ID.Origin(), rapid.Uint64().Draw(t, "counter"))
	other := drawEnvelope(t)
	switch rapid.IntRange(0, 14).Draw(t, "what") {
	case 0:
		e.Kind = other.Kind
	case 1:
		e.ID = other.ID
	case 2:
		e.From = other.From
	case 3:
		e.To, e.Lane = other.To, other.Lane
	case 4:
		e.SignalSeq = other.SignalSeq
	case 5:
		e.Causation = other.Causation
	case 6:
		e.Correlation = other.Correlation
	case 7:
		e.Attempt, e.Generation = other.Attempt, other.Generation
	case 8:
		e.RoutingKey = other.RoutingKey
	case 9:
		e.Reply = other.Reply
	}
	e.Message = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "message")
	return &e
}

// Whatever came before, an envelope is read as if it were the first.
func TestParserReadsWhatParseReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Parser
		last := drawEnvelope(t)
		for range rapid.IntRange(1, 20).Draw(t, "envelopes") {
			last = drawAlike(t, last)
			b := AppendEnvelope(nil, last)
			if rapid.IntRange(0, 9).Draw(t, "torn") == 0 && len(b) > 0 {
				b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= rapid.Byte().Draw(t, "with")
			}
			var fresh Envelope
			wantPlain, wantErr := fresh.Parse(b, Names{})
			plain, err := p.Parse(b, Names{})
			if plain != wantPlain && err == nil || (err == nil) != (wantErr == nil) {
				t.Fatalf("plain %t, %v; alone plain %t, %v", plain, err, wantPlain, wantErr)
			}
			if diff := cmp.Diff(fresh, p.Envelope, protocmp.Transform()); err == nil && diff != "" {
				t.Fatalf("read differently after others (-alone +after):\n%s", diff)
			}
		}
	})
}

func TestTemplateWritesTheEnvelope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnvelope(t)
		e.Reply, e.Failure = nil, nil
		e.ID = NewID(rapid.Uint64Min(1).Draw(t, "origin"), 0)
		var tpl Template
		tpl.Set(e)
		for range 3 {
			e.ID = NewID(e.ID.Origin(), rapid.Uint64().Draw(t, "counter"))
			e.Message = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "message")
			if e.Message == nil {
				e.Message = []byte{}
			}
			got := tpl.AppendTail(append(tpl.AppendHead(nil, e.ID.Counter(), len(e.Message)), e.Message...))
			if want := AppendEnvelope(nil, e); !bytes.Equal(got, want) || len(got) != tpl.Size(len(e.Message)) {
				t.Fatalf("%x, announced %d bytes, want %x", got, tpl.Size(len(e.Message)), want)
			}
		}
	})
}
