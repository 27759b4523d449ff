package engine

import (
	"strings"
	"testing"
	"time"

	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
)

// Somebody has put back an old record of what a key has signed, and nobody has noticed. The chain's own certificates
// show it: at once, where the node's record has them, and as it catches up, where that is an old one, too.
func TestACertificateWithAVoteThatTheKeystoreForgotEndsTheKeysVotes(t *testing.T) {
	for _, both := range []bool{false, true} {
		s := newFixture(t, 3).start() // a quorum is all of them
		s.nodes[1].offer("one")
		s.until(10*time.Second, s.allAt(1))
		n := s.nodes[0]
		n.votes = &keystorev1.QueryVotesResponse{}
		if both {
			n.accepted = nil
		}
		s.start()
		s.nodes[1].offer("two")
		s.until(10*time.Second, func() bool { return strings.Contains(n.Trouble("voting"), "reeve keys adopt --height 11") })
		s.pass(time.Second)
		if len(n.accepted) != 1 || len(n.votes.GetVotes()) > 0 {
			t.Errorf("%d blocks are accepted; it votes: %v", len(n.accepted), n.votes)
		}
		n.votes = &keystorev1.QueryVotesResponse{Height: 1} // somebody has adopted the record
		s.start()
		s.until(10*time.Second, s.allAt(2))
	}
}
