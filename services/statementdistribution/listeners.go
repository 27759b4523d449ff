package statementdistribution

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// maxListeners is how many listen at a time; more are failed as overloaded.
const maxListeners = 1024

// audience are those who want to hear of each new statement.
type audience struct {
	listeners []listener
	most      int
}

type listener struct {
	m *subsystem.Message
	// relayParent is the only one that matters to it; zero: all do.
	relayParent primitives.Hash
}

func (d *distribution) onListener(m *subsystem.Message, r *sdv1.RegisterStatementListener) {
	var hash primitives.Hash
	if raw := r.GetRelayParent(); len(raw) > 0 {
		var err error
		if hash, err = primitives.HashFrom(raw); err != nil {
			m.Fail(subsystem.Failf(subsystem.Refused, "the relay parent: %v", err))
			return
		}
		if _, known := d.leaves.Get(raw); !known {
			m.End()
			return
		}
	}
	d.listen(m, hash)
}

func (a *audience) listen(m *subsystem.Message, relayParent primitives.Hash) {
	a.prune()
	if len(a.listeners) >= a.most {
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d listen already", len(a.listeners)))
		return
	}
	a.listeners = append(a.listeners, listener{m, relayParent})
	m.OnCancel(a.prune)
}

// prune forgets those who don't listen any more.
func (a *audience) prune() {
	a.listeners = slices.DeleteFunc(a.listeners, func(l listener) bool { return !l.m.Open() })
}

// tell tells all who want to hear of it of a statement that is new.
func (a *audience) tell(r *relayParent, one spoken) {
	for _, l := range a.listeners {
		if l.relayParent.IsZero() || l.relayParent == r.hash {
			l.m.Item(&sdv1.RegisterStatementListenerResponse{RelayParent: r.hash[:], Statement: one.message})
		}
	}
}

// leave ends the streams of those who listen for what is no leaf any more.
func (a *audience) leave(relayParent primitives.Hash) {
	for _, l := range a.listeners {
		if l.relayParent == relayParent {
			l.m.End()
		}
	}
	a.prune()
}
