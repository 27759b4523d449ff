package bitfields

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
)

// model is a Distribution as one would explain it: it keeps lists of all that went over each link, and reads the answer
// to each question from these.
type model struct {
	begun, active []primitives.Hash
	past          []primitives.Hash
	kept          map[primitives.Hash][]Signed
	held          []event
	views         map[primitives.NodeID]view.View
	sent, got     []event
}

// event is a bitfield that went over the link to or from a peer; the zero peer is this node.
type event struct {
	peer primitives.NodeID
	rp   primitives.Hash
	s    Signed
}

func about(list []event, p primitives.NodeID, rp primitives.Hash, validator uint32) bool {
	return slices.ContainsFunc(list, func(e event) bool {
		return e.peer == p && e.rp == rp && e.s.Validator == validator
	})
}

func (m *model) forget(gone func(event) bool) {
	m.sent, m.got = slices.DeleteFunc(m.sent, gone), slices.DeleteFunc(m.got, gone)
	m.held = slices.DeleteFunc(m.held, gone)
}

// send notes what goes to a peer, if it lacks it.
func (m *model) send(p primitives.NodeID, rp primitives.Hash, s Signed) bool {
	lacks := slices.Contains(m.views[p], rp) && !about(m.sent, p, rp, s.Validator) && !about(m.got, p, rp, s.Validator)
	if lacks {
		m.sent = append(m.sent, event{p, rp, s})
	}
	return lacks
}

func (m *model) take(e event) (out Received) {
	out = Received{From: e.peer, RelayParent: e.rp, Bitfield: e.s}
	own := e.peer.IsZero()
	_, connected := m.views[e.peer]
	others := slices.IndexFunc(m.kept[e.rp], func(s Signed) bool { return s.Validator == e.s.Validator })
	same := others >= 0 && m.kept[e.rp][others].Equal(e.s)
	switch {
	case !own && !connected, slices.Contains(m.past, e.rp):
	case !slices.Contains(m.begun, e.rp):
		out.Conduct = OutOfView
	case !slices.Contains(m.active, e.rp):
		out.Note, m.held = Early, append(m.held, e)
	case e.s.Validator >= validators:
		out.Conduct = BadIndex
	case !own && about(m.got, e.peer, e.rp, e.s.Validator):
		out.Conduct = Duplicate
	default:
		m.got = append(m.got, e)
		switch {
		case same:
			out.Note, out.Conduct = Known, Valid
		case !own && !right(e.s):
			out.Conduct = BadSignature
		case others >= 0:
			out.Note, out.Conduct = Second, Valid
		default:
			out.Note, out.Conduct = Fresh, First
			m.kept[e.rp] = append(m.kept[e.rp], e.s)
			var to []primitives.NodeID
			for _, p := range everybody {
				if m.send(p, e.rp, e.s) {
					to = append(to, p)
				}
			}
			if len(to) > 0 {
				out.Sends = []Send{{to, e.rp, e.s}}
			}
		}
	}
	if own {
		out.Conduct = Conduct{}
	}
	return out
}

func (m *model) look(p primitives.NodeID, v view.View) (sends []Send) {
	if _, connected := m.views[p]; !connected {
		return nil
	}
	m.views[p] = v
	for _, rp := range v {
		for validator := range uint32(validators) {
			for _, s := range m.kept[rp] {
				if s.Validator == validator && m.send(p, rp, s) {
					sends = append(sends, Send{[]primitives.NodeID{p}, rp, s})
				}
			}
		}
	}
	return sends
}

var everybody = []primitives.NodeID{peerA, peerB, peerC}

func anyOf[T any](t *rapid.T, what string, list ...T) T { return rapid.SampledFrom(list).Draw(t, what) }

func anything(t *rapid.T) Signed {
	s := of(rapid.Uint32Range(0, validators).Draw(t, "validator"), rapid.Uint32Range(0, 1).Draw(t, "core"))
	s.Signature[0] = anyOf[byte](t, "signature", 1, 1, 'x')
	return s
}

func decidesLikeTheModel(t *rapid.T) {
	d := New(1)
	m := &model{kept: map[primitives.Hash][]Signed{}, views: map[primitives.NodeID]view.View{}}
	same := func(want, got any) {
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"receive": func(t *rapid.T) {
			for range rapid.IntRange(1, 8).Draw(t, "bitfields") {
				p, at, s := anyOf(t, "peer", everybody...), anyOf(t, "at", rp, rp, rp, other), anything(t)
				same(m.take(event{p, at, s}), d.Receive(p, at, s))
			}
		},
		"share": func(t *rapid.T) {
			at, s := anyOf(t, "at", rp, other), of(rapid.Uint32Range(0, validators).Draw(t, "validator"), 2)
			same(m.take(event{rp: at, s: s}), withoutConduct(d.Share(at, s)))
		},
		"begin": func(t *rapid.T) {
			at := anyOf(t, "at", rp, other)
			d.Begin(at)
			if !slices.Contains(m.begun, at) {
				m.begun = append(m.begun, at)
				m.past = slices.DeleteFunc(m.past, func(h primitives.Hash) bool { return h == at })
			}
		},
		"activate": func(t *rapid.T) {
			at := anyOf(t, "at", rp, other)
			var list []Received
			if slices.Contains(m.begun, at) && !slices.Contains(m.active, at) {
				m.active = append(m.active, at)
				held := m.held
				m.held = nil
				for _, e := range held {
					if e.rp == at {
						list = append(list, m.take(e))
					} else {
						m.held = append(m.held, e)
					}
				}
			}
			same(list, d.Activate(at, validators, right))
		},
		"end": func(t *rapid.T) {
			at := anyOf(t, "at", rp, other)
			d.End(at)
			is := func(h primitives.Hash) bool { return h == at }
			if slices.Contains(m.begun, at) {
				m.past = append(m.past, at)
			}
			m.begun, m.active = slices.DeleteFunc(m.begun, is), slices.DeleteFunc(m.active, is)
			delete(m.kept, at)
			m.forget(func(e event) bool { return e.rp == at })
		},
		"a peer's view": func(t *rapid.T) {
			p, v := anyOf(t, "peer", everybody...), anyOf(t, "view", view.View{}, view.View{rp}, view.View{other, rp})
			same(m.look(p, v), d.PeerView(p, v))
		},
		"connected": func(t *rapid.T) {
			p := anyOf(t, "peer", everybody...)
			d.Connected(p)
			if _, connected := m.views[p]; !connected {
				m.views[p] = view.View{}
			}
		},
		"disconnected": func(t *rapid.T) {
			p := anyOf(t, "peer", everybody...)
			d.Disconnected(p)
			delete(m.views, p)
			m.forget(func(e event) bool { return e.peer == p })
		},
		"": func(*rapid.T) {
			kept, waiting := d.Held()
			same([]int{len(m.kept[rp]) + len(m.kept[other]), len(m.held)}, []int{kept, waiting})
		},
	})
}

// withoutConduct is what the model says of this node's own: nobody is to blame.
func withoutConduct(r Received) Received {
	r.Conduct = Conduct{}
	return r
}

func TestADistributionDecidesLikeOneThatKeepsAllThatWasSaid(t *testing.T) {
	rapid.Check(t, decidesLikeTheModel)
}

func FuzzDistribution(f *testing.F) { f.Fuzz(rapid.MakeFuzz(decidesLikeTheModel)) }
