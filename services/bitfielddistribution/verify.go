package bitfielddistribution

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/bitfields"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// maxWaiting is how many bytes of a peer's messages may wait for their signatures to be verified, as many as the bridge
// itself takes of one. What is beyond is dropped, and costs nothing.
const maxWaiting = 4 << 20

// heard is a peer's bitfield whose signature has to be verified.
type heard struct {
	from        primitives.NodeID
	relayParent primitives.Hash
	bitfield    bitfields.Signed
	bytes       int
	job         *job
}

// verify has the signatures verified that wait for it, off the loop: all together, since each costs a third then. What
// comes meanwhile is the next lot.
func (d *distribution) verify() {
	if d.verifying || len(d.heard) == 0 {
		return
	}
	lot := d.heard
	d.heard, d.verifying = nil, true
	subsystem.Offload(d.sub, func() ([]bool, error) { return d.judged(lot), nil }, func(good []bool, _ error) {
		for i, h := range lot {
			d.settle(h, good[i])
		}
		d.verifying = false
		d.verify()
	})
}

// settle goes on with a bitfield of which it is known now whether its signature holds.
func (d *distribution) settle(h heard, good bool) {
	if d.of[h.from] -= h.bytes; d.of[h.from] <= 0 {
		delete(d.of, h.from)
	}
	h.job.verified = []verdict{{h.bitfield, good}}
	d.follow(d.core.Receive(h.from, h.relayParent, h.bitfield))
	h.job.verified = nil
}

// judged verifies a lot, what several peers have sent once.
func (d *distribution) judged(lot []heard) []bool {
	var claims []parachain.Claim
	places, place := map[[ed25519.SignatureSize]byte]int{}, make([]int, len(lot))
	for i, h := range lot {
		at, twice := places[h.bitfield.Signature]
		if !twice || !lot[at].bitfield.Equal(h.bitfield) || lot[at].relayParent != h.relayParent {
			places[h.bitfield.Signature], place[i] = i, len(claims)
			claims = append(claims, h.job.claim(h.bitfield))
			continue
		}
		place[i] = place[at]
	}
	good, all := d.verifier.Verify(claims), make([]bool, len(lot))
	for i, at := range place {
		all[i] = good[at]
	}
	return all
}
