package subsystem

import (
	"github.com/reevenet/reeve/overseer/subsystem/driver"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Program is the Spec as a machine runs it. Run does so; this is for those who bring the time and the connections
// themselves, as a test kit and a simulator do.
func (s Spec) Program() driver.Program { return &program{spec: s} }

// program makes a handler of what a machine calls, and for the handler a way out.
type program struct {
	spec    Spec
	out     *driver.Out
	handler Handler
	subs    map[string]*Sub // by chain
	spare   []Message       // for the next ones
	history history         // of what its status said
}

func (p *program) Declaration() driver.Declaration {
	return driver.Declaration{Name: p.spec.Name, Class: p.spec.Class, Sends: p.spec.Sends, Asks: p.spec.Asks}
}

func (p *program) Start(out *driver.Out) (err error) {
	p.out, p.subs = out, map[string]*Sub{}
	p.handler, err = p.spec.New(p.sub(out.Chain()))
	return err
}

// sub is the way out for what is about a chain.
func (p *program) sub(chain string) *Sub {
	s := p.subs[chain]
	if s == nil {
		s = &Sub{Log: p.out.Log(), program: p, out: p.out, chain: chain}
		if chain != p.out.Chain() {
			s.Log = s.Log.With("chain", chain)
		}
		p.subs[chain] = s
	}
	return s
}

// Signal is driver.Program.
func (p *program) Signal(sig *overseerv1.Signal) { p.handler.Signal(sig) }

// together is how many messages are allocated at once: a handler that keeps one keeps the others' memory.
const together = 16

func (p *program) Handle(in driver.Message) {
	if len(p.spare) == 0 {
		p.spare = make([]Message, together)
	}
	m := &p.spare[0]
	p.spare = p.spare[1:]
	m.Body, m.From, m.Chain, m.Attempt, m.request, m.program = in.Body, in.From, in.Chain, in.Attempt, in.Request, p
	p.handler.Handle(m)
}

// Presence is driver.Program.
func (p *program) Presence(of *overseerv1.Presence) {
	if w, ok := p.handler.(Watcher); ok {
		w.Presence(Presence{Subsystem: of.Subsystem, Chain: of.Chain, Present: of.Present})
	}
}

// Reattached is driver.Program.
func (p *program) Reattached() {
	if r, ok := p.handler.(Reattacher); ok {
		r.Reattached()
	}
}

// Close is driver.Program.
func (p *program) Close() {
	if c, ok := p.handler.(Closer); ok {
		c.Close()
	}
}
