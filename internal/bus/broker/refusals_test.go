package broker

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// What may not be said is refused with the reason, and nobody hears it.
func TestWhatMayNotBeSaidIsRefusedWithTheReason(t *testing.T) {
	const enum, told, undeclared, asked = 1, 1, 2, 4 // see lookup
	variant := func(enum, field int, size int) []byte {
		return wire.AppendVariant(nil, protowire.Number(enum), protowire.Number(field), make([]byte, size))
	}
	for _, c := range []struct {
		why string
		say func(*watched) *wire.Envelope
	}{
		{"no subsystem's enum has this variant", func(*watched) *wire.Envelope {
			return &wire.Envelope{Message: variant(9, told, 0)}
		}},
		{"and this is generation", func(w *watched) *wire.Envelope {
			return &wire.Envelope{Generation: w.asker.Generation + 1, Message: variant(enum, told, 0)}
		}},
		{"it isn't declared", func(*watched) *wire.Envelope {
			return &wire.Envelope{Message: variant(enum, undeclared, 0)}
		}},
		{"put large things in the blob store", func(w *watched) *wire.Envelope {
			return &wire.Envelope{Message: variant(enum, told, w.cfg.MaxMessage)}
		}},
		{"sent as what it is not", func(*watched) *wire.Envelope {
			return &wire.Envelope{Message: variant(enum, asked, 0)}
		}},
		{"without a deadline or an id", func(w *watched) *wire.Envelope {
			return &wire.Envelope{Kind: wire.Request, ID: wire.NewID(w.asker.Generation, 99),
				Message: variant(enum, asked, 0)}
		}},
		{"a request with this id is open", func(w *watched) *wire.Envelope {
			return &wire.Envelope{Kind: wire.Request, ID: w.ask(time.Minute), TimeoutMicros: 1e6,
				Message: variant(enum, asked, 0)}
		}},
		{"the credit of asker towards", func(w *watched) *wire.Envelope {
			for range w.cfg.Window.Messages {
				w.Receive(w.now, w.asker, &wire.Envelope{Message: variant(enum, told, 0)}, nil)
			}
			return &wire.Envelope{Message: variant(enum, told, 0)}
		}},
	} {
		w := newWatched(t)
		e := c.say(w)
		before := w.Count
		w.Receive(w.now, w.asker, e, nil)
		if w.Count.Messages != before.Messages || w.Count.Refused != before.Refused+1 {
			t.Errorf("%s: it is taken", c.why)
			continue
		}
		waiting := w.asker.outbox.primary
		f := waiting[len(waiting)-1].env
		if f.Kind != wire.Fail || f.ID != e.ID || !strings.Contains(f.Failure.Message, c.why) {
			t.Errorf("want %q, got %+v", c.why, f.Failure)
		}
	}
}
