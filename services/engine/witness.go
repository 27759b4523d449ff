package engine

import (
	"errors"

	"golang.org/x/time/rate"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// The causes of a halt that the core wants.
var (
	errContradiction = errors.New("validators with more than a third of the stake have signed contradicting votes")
	errUnfollowable  = errors.New("what a quorum has signed can't be followed here")
)

// What peers may make this node check, of others' faults.
const (
	costNoEvidence = 500 // of evidence that doesn't hold: whoever hands it on has checked it
	evidencePerS   = 20  // pieces of one validator, each with two signatures; of all other peers together
	evidenceAtOnce = 8   // of these in a row
)

// witness takes what proves that a validator has signed two things for one place, from the core or from a peer, has it
// kept, and tells the other validators. Nothing else follows from it. Each piece is checked here before it is kept or
// told, and told once: when it is new and durable.
type witness struct {
	sub     *subsystem.Sub
	send    *sender
	drops   *drops
	peers   *peers
	chain   block.Chain
	set     *validators.Set
	keeper  *keeper
	checked map[account]*rate.Limiter
}

// account is who a piece is counted for: a validator by its index, all other peers together, or this node.
type account int

const (
	strangers account = -1
	itself    account = -2
)

func (w *witness) accountOf(n primitives.NodeID) account {
	if i, validator := w.set.Index(n); validator {
		return account(i)
	}
	return strangers
}

// sawVotes takes a validator's two votes for one place.
func (w *witness) sawVotes(a snowman.Accuse) {
	key := w.set.At(a.First.Validator).Key
	w.saw(evidence.OfVotes(w.chain.NetworkID, w.chain.ID, a.Height, key, a.First, a.Second))
}

// sawBlocks takes a proposer's two blocks for one slot.
func (w *witness) sawBlocks(a snowman.AccuseBlocks) {
	w.saw(evidence.OfBlocks(w.set.At(int(a.First.Proposer)).Key, a.First, a.Second))
}

func (w *witness) saw(e *evidence.Evidence, err error) {
	if err == nil {
		err = w.add(e, w.peers.self, itself)
	}
	if err != nil {
		w.sub.Log.Error("what a validator has signed twice proves nothing", "err", err)
	}
}

// onEvidence takes a peer's word. What is known already costs nothing, and isn't told again.
func (w *witness) onEvidence(n primitives.NodeID, raw []byte) {
	e, err := evidence.Decode(raw)
	a := w.accountOf(n)
	switch {
	case err != nil:
		w.send.report(n, costUndecodable, err.Error())
	case w.keeper.knows(e):
	case !w.limit(a).AllowN(w.sub.Now(), 1):
		w.drops.add("evidence of a peer that has just brought much")
	default:
		if err := w.add(e, n, a); err != nil {
			w.send.report(n, costNoEvidence, err.Error())
		}
	}
}

func (w *witness) limit(a account) *rate.Limiter {
	if w.checked[a] == nil {
		w.checked[a] = rate.NewLimiter(evidencePerS, evidenceAtOnce)
	}
	return w.checked[a]
}

// add has a piece kept that holds. The error says why it doesn't.
func (w *witness) add(e *evidence.Evidence, from primitives.NodeID, a account) error {
	who, err := e.Check(w.chain.NetworkID, w.chain.ID, w.set)
	if err == nil && !w.keeper.add(&piece{Evidence: e, against: w.set.Node(who), from: from, account: a}) {
		w.drops.add("evidence for which there is no room")
	}
	return err
}

// kept tells of a piece that is new and durable: the log, and every validator but the one that it is against and the
// one that brought it.
func (w *witness) kept(p *piece) {
	what := "a validator has signed two things for one place"
	if p.against == w.peers.self {
		what = "this node's own key has signed two things for one place: it is in use elsewhere, too"
	}
	w.sub.Log.Warn(what, "validator", p.against, "place", p.Place(), "seen by", p.from, "evidence", p.ID())
	var to []primitives.NodeID
	for _, n := range w.peers.list() {
		if w.peers.connected[n] && n != p.from && n != p.against {
			to = append(to, n)
		}
	}
	if len(to) > 0 {
		w.send.toAll(to, &enginev1.Evidence{Evidence: p.Encode()})
	}
}
