package knowledge

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
)

// sharing is what this node and a peer have told each other about a relay parent.
type sharing struct {
	sent, received flow
	known          map[primitives.Hash]struct{} // candidates of which one has told the other
	missed         bool                         // the peer has told of something Early, which wasn't noted
}

func newSharing() *sharing {
	return &sharing{sent: newFlow(), received: newFlow(), known: map[primitives.Hash]struct{}{}}
}

// early is what comes of a statement before the relay parent is active. The receiver is nil when the peer doesn't share
// it.
func (k *sharing) early() Received {
	if k == nil {
		return Received{}
	}
	k.missed = true
	return Received{Note: Early}
}

// mayFollow tells whether the candidate is known, or the statement makes it so.
func (k *sharing) mayFollow(s statements.Signed) bool {
	_, known := k.known[s.Candidate]
	return known || s.Verdict == signbytes.Seconded
}

// learn notes that both know the candidate; news: not both did.
func (k *sharing) learn(candidate primitives.Hash) (news bool) {
	before := len(k.known)
	k.known[candidate] = struct{}{}
	return len(k.known) > before
}

// send notes that a statement is sent; false: it mustn't be. News: the peer learns of the candidate by it.
func (k *sharing) send(s statements.Signed, validators int) (news, ok bool) {
	switch {
	case k.sent.has(s), k.received.has(s), !k.mayFollow(s), k.sent.third(s), k.sent.floods(s, validators):
		return false, false
	}
	k.sent.add(s)
	return k.learn(s.Candidate), true
}

// choose picks from a list what may be sent, and notes that it is.
func (k *sharing) choose(list []statements.Signed, validators int) (chosen []statements.Signed) {
	for _, s := range list {
		if _, ok := k.send(s, validators); ok {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// receive notes a statement from the peer, unless it has a cost. What was sent to the peer doesn't matter for that:
// both may have been under way. News: the peer shows by it that it knows the candidate.
func (k *sharing) receive(s statements.Signed, validators int) (news bool, cost Conduct) {
	switch {
	case k.received.has(s):
		return false, Duplicate
	case k.received.third(s):
		return false, ThirdCandidate
	case !k.mayFollow(s):
		return false, UnknownCandidate
	case k.received.floods(s, validators):
		return false, Flood
	}
	k.received.add(s)
	return k.learn(s.Candidate), Conduct{}
}
