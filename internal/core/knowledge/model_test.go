package knowledge

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/core/view"
)

// model is a Distribution as one would explain it: it keeps lists of all that was said on each link, and reads the
// answer to each question from these.
type model struct {
	ours   view.View
	past   []primitives.Hash
	active map[primitives.Hash]said
	peers  map[primitives.NodeID]view.View
	left   map[link]bool // what has left a peer's view
	links  map[link]*talk
}

type link struct {
	peer primitives.NodeID
	rp   primitives.Hash
}

// talk is what went over a link about a relay parent.
type talk struct {
	sent, received said
	early          bool
}

type said []statements.Signed

func (l said) count(wanted func(statements.Signed) bool) (n int) {
	for _, s := range l {
		if wanted(s) {
			n++
		}
	}
	return n
}

func (l said) has(s statements.Signed) bool {
	return l.count(func(o statements.Signed) bool { return fingerprintOf(o) == fingerprintOf(s) }) > 0
}

func (l said) knows(candidate primitives.Hash) bool {
	return l.count(func(o statements.Signed) bool { return o.Candidate == candidate && o.Verdict == seconded }) > 0
}

func (l said) isThird(s statements.Signed) bool {
	of := map[primitives.Hash]bool{s.Candidate: true}
	for _, o := range l {
		if o.Verdict == seconded && o.Validator == s.Validator {
			of[o.Candidate] = true
		}
	}
	return s.Verdict == seconded && len(of) > 2
}

func (l said) floods(s statements.Signed) bool {
	return l.count(func(o statements.Signed) bool { return o.Candidate == s.Candidate }) >= 2*validators ||
		l.count(func(o statements.Signed) bool { return o.Validator == s.Validator }) >= 64
}

func (l said) secondedFirst() said {
	var list said
	for _, s := range l {
		if s.Verdict == seconded {
			list = append(list, s)
		}
	}
	for _, s := range l {
		if s.Verdict != seconded {
			list = append(list, s)
		}
	}
	return list
}

// tell sends what of a list a peer may be sent.
func (m *model) tell(p primitives.NodeID, rp primitives.Hash, list said) (sends []Send) {
	k := m.links[link{p, rp}]
	var chosen said
	for _, s := range list {
		known := k.sent.knows(s.Candidate) || k.received.knows(s.Candidate) || s.Verdict == seconded
		if known && !k.sent.has(s) && !k.received.has(s) && !k.sent.isThird(s) && !k.sent.floods(s) {
			k.sent, chosen = append(k.sent, s), append(chosen, s)
		}
	}
	if len(chosen) > 0 {
		sends = append(sends, Send{p, rp, chosen})
	}
	return sends
}

func (m *model) share(p primitives.NodeID) (sends []Send) {
	for at := range m.links {
		if at.peer == p && (!slices.Contains(m.ours, at.rp) || !slices.Contains(m.peers[p], at.rp)) {
			delete(m.links, at)
		}
	}
	for _, rp := range m.ours {
		if at := (link{p, rp}); slices.Contains(m.peers[p], rp) && m.links[at] == nil {
			m.links[at] = &talk{}
			// The order of candidates is that in which they became known, which a list of statements keeps.
			sends = append(sends, m.tell(p, rp, byCandidate(m.active[rp]))...)
		}
	}
	return sends
}

// byCandidate brings what is said about one candidate together, in the order in which they became known, but Seconded
// first.
func byCandidate(l said) said {
	var ids []primitives.Hash
	for _, s := range l {
		if !slices.Contains(ids, s.Candidate) {
			ids = append(ids, s.Candidate)
		}
	}
	var list said
	for _, id := range ids {
		list = append(list, l.about(id)...)
	}
	return list.secondedFirst()
}

func (l said) about(id primitives.Hash) said {
	var list said
	for _, s := range l {
		if s.Candidate == id {
			list = append(list, s)
		}
	}
	return list.secondedFirst()
}

func (m *model) note(rp primitives.Hash, s statements.Signed) Note {
	l := m.active[rp]
	switch {
	case slices.Contains(l, s):
		return Known
	case s.Verdict != seconded && !l.knows(s.Candidate), l.isThird(s),
		l.count(func(o statements.Signed) bool { return o.Validator == s.Validator }) >= 64,
		l.count(func(o statements.Signed) bool { return fingerprintOf(o) == fingerprintOf(s) }) >= 2:
		return NotUseful
	}
	m.active[rp] = append(l, s)
	return Fresh
}

func (m *model) circulate(rp primitives.Hash, s statements.Signed) (sends []Send) {
	for _, p := range everybody {
		k := m.links[link{p, rp}]
		if k == nil {
			continue
		}
		list := said{s}
		if !k.sent.knows(s.Candidate) && !k.received.knows(s.Candidate) {
			list = append(list, m.active[rp].about(s.Candidate)...)
		}
		if k.sent.has(s) || k.received.has(s) {
			continue
		}
		sends = append(sends, m.tell(p, rp, list)...)
	}
	return sends
}

func (m *model) receive(p primitives.NodeID, rp primitives.Hash, s statements.Signed) (out Received) {
	_, connected := m.peers[p]
	_, active := m.active[rp]
	k, knew := m.links[link{p, rp}], false
	if k != nil {
		knew = k.sent.knows(s.Candidate) || k.received.knows(s.Candidate)
	}
	switch {
	case !connected, !slices.Contains(m.ours, rp) && slices.Contains(m.past, rp):
		return Received{}
	case !slices.Contains(m.ours, rp):
		return Received{Conduct: OutOfView}
	case !active && k == nil:
		return Received{}
	case !active:
		k.early = true
		return Received{Note: Early}
	case s.Validator >= validators:
		return Received{Conduct: BadSignature}
	case k == nil && m.left[link{p, rp}]:
		return Received{}
	case k == nil:
		return Received{Conduct: OutOfItsView}
	case k.received.has(s):
		return Received{Conduct: Duplicate}
	case k.received.isThird(s):
		return Received{Conduct: ThirdCandidate}
	case !knew && s.Verdict != seconded && k.early:
		return Received{}
	case !knew && s.Verdict != seconded:
		return Received{Conduct: UnknownCandidate}
	case k.received.floods(s):
		return Received{Conduct: Flood}
	}
	k.received = append(k.received, s)
	if !knew {
		out.Sends = m.tell(p, rp, m.active[rp].about(s.Candidate))
	}
	switch out.Note = m.note(rp, s); out.Note {
	case Known:
		out.Conduct = Valid
	case Fresh:
		out.Conduct = First
		out.Sends = append(out.Sends, m.circulate(rp, s)...)
	}
	return out
}

var everybody = []primitives.NodeID{peerA, peerB, peerC}

func anyOf[T any](t *rapid.T, what string, list ...T) T { return rapid.SampledFrom(list).Draw(t, what) }

func anything(t *rapid.T) statements.Signed {
	s := says(
		rapid.Uint32Range(0, validators).Draw(t, "validator"), anyOf(t, "verdict", seconded, valid, invalid),
		rapid.ByteRange(1, 4).Draw(t, "candidate"),
	)
	s.Signature[0] = rapid.ByteRange(1, 3).Draw(t, "signature")
	return s
}

func anyView(t *rapid.T) view.View {
	return anyOf(t, "view", view.View{}, view.View{rp}, view.View{rp}, view.View{other}, view.View{rp, other})
}

func decidesLikeTheModel(t *rapid.T) {
	d := New(1)
	m := &model{
		active: map[primitives.Hash]said{}, peers: map[primitives.NodeID]view.View{}, left: map[link]bool{}, links: map[link]*talk{},
	}
	same := func(want, got any) {
		if diff := compare(want, got); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	}
	if rapid.Bool().Draw(t, "all set") {
		d.Activate(rp, validators)
		d.OurView(view.View{rp})
		m.active[rp], m.ours = said{}, view.View{rp}
		for _, p := range everybody {
			d.Connected(p)
			d.PeerView(p, view.View{rp})
			m.peers[p], m.links[link{p, rp}] = view.View{rp}, &talk{}
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"receive": func(t *rapid.T) {
			for range rapid.IntRange(1, 20).Draw(t, "statements") {
				receiveBoth(t, d, m, same)
			}
		},
		"share": func(t *rapid.T) {
			s, at := anything(t), anyOf(t, "at", rp, rp, other)
			note, sends := d.Share(at, s)
			should, list := NotUseful, []Send(nil)
			if _, active := m.active[at]; active && s.Validator < validators {
				if should = m.note(at, s); should == Fresh {
					list = m.circulate(at, s)
				}
			}
			same(should, note)
			same(list, sends)
		},
		"our view": func(t *rapid.T) {
			v := anyView(t)
			for _, h := range m.ours {
				if !slices.Contains(v, h) {
					m.past = append(m.past, h)
				}
			}
			m.ours = v
			var list []Send
			for _, p := range everybody {
				if _, connected := m.peers[p]; connected {
					list = append(list, m.share(p)...)
				}
			}
			same(list, d.OurView(v))
		},
		"a peer's view": func(t *rapid.T) {
			p, v := anyOf(t, "peer", everybody...), anyView(t)
			var list []Send
			if before, connected := m.peers[p]; connected {
				for _, h := range before {
					if !slices.Contains(v, h) {
						m.left[link{p, h}] = true
					}
				}
				m.peers[p] = v
				list = m.share(p)
			}
			same(list, d.PeerView(p, v))
		},
		"connected": func(t *rapid.T) {
			p := anyOf(t, "peer", everybody...)
			d.Connected(p)
			if _, connected := m.peers[p]; !connected {
				m.peers[p] = view.View{}
			}
		},
		"disconnected": func(t *rapid.T) {
			p := anyOf(t, "peer", everybody...)
			d.Disconnected(p)
			delete(m.peers, p)
			delete(m.left, link{p, rp})
			delete(m.left, link{p, other})
			m.share(p)
		},
		"activate": func(t *rapid.T) {
			at := anyOf(t, "at", rp, other)
			d.Activate(at, validators)
			if _, active := m.active[at]; !active {
				m.active[at] = said{}
			}
		},
		"deactivate": func(t *rapid.T) {
			at := anyOf(t, "at", rp, other)
			d.Deactivate(at)
			delete(m.active, at)
		},
		"": func(*rapid.T) { sameCounts(d, m, same) },
	})
}

func receiveBoth(t *rapid.T, d *Distribution, m *model, same func(want, got any)) {
	p, at, s := anyOf(t, "peer", everybody...), anyOf(t, "at", rp, rp, rp, other), anything(t)
	same(m.receive(p, at, s), d.Receive(p, at, s, right))
}

func sameCounts(d *Distribution, m *model, same func(want, got any)) {
	for _, p := range everybody {
		var c Counts
		for at, k := range m.links {
			if at.peer != p {
				continue
			}
			c.RelayParents++
			c.Statements += len(k.sent) + len(k.received)
			for id := range byte(5) {
				if id := (primitives.Hash{id}); k.sent.knows(id) || k.received.knows(id) {
					c.Candidates++
				}
			}
		}
		same(c, d.OfPeer(p))
	}
}

func TestADistributionDecidesLikeOneThatKeepsAllThatWasSaid(t *testing.T) {
	rapid.Check(t, decidesLikeTheModel)
}

func FuzzDistribution(f *testing.F) { f.Fuzz(rapid.MakeFuzz(decidesLikeTheModel)) }
