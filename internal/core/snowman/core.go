package snowman

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/snowman/history"
	"github.com/reevenet/reeve/internal/core/snowman/poll"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
	"github.com/reevenet/reeve/internal/core/validators"
)

// Config is what a core is made from.
type Config struct {
	Chain      block.Chain
	Self       primitives.NodeID
	Validators *validators.Set
	Parameters snowball.Parameters
	// Rand is the source of all chance: who is sampled, who is asked. Seed it differently on every node.
	Rand *rand.Rand
	// FirstRequestID is where request numbers begin, so that an answer to an earlier stage isn't taken for a new one.
	FirstRequestID uint32
	// Own is what this node has voted at the height OwnHeight, the last at which it voted at all, as the keystore knows
	// it.
	OwnHeight uint64
	Own       []finality.Signed
	// Certificate is that of the last accepted block; nil: it has none.
	Certificate *finality.Proof
	// Pace of a height's rounds. Zero: the default.
	Pace finality.Pace
	// VerifySignature and VerifyVote replace ed25519 in a simulation. Nil: the real thing.
	VerifySignature func(*block.Block, ed25519.PublicKey) bool
	VerifyVote      func(height uint64, v finality.Signed) bool
	// Unchecked takes parameters that no simulation has found safe. Only the simulation's own controls set it.
	Unchecked bool
	// Flaws are none but in the simulation's controls.
	Flaws finality.Flaws
}

// Anchor is the last accepted block, as the VM's host knows it.
type Anchor struct {
	ID     primitives.Hash
	Height uint64
	Time   uint64 // milliseconds since 1970; 0 for the genesis block
}

// turn is one Step or Tick: the time at which it happens, and what is to be done because of it, in order. The parts of
// a core share it.
type turn struct {
	now time.Time
	out []Action
}

func (t *turn) emit(a Action) { t.out = append(t.out, a) }

// Core is one chain's consensus on one node. Its parts keep the state; each knows those that it is made with and no
// other. What goes from one to another on its own account goes through the core: decisions, the preferred tip, and how
// requests end.
type Core struct {
	*turn
	chain    block.Chain
	self     primitives.NodeID
	asking   *asking
	roster   *roster
	tree     *tree.Tree
	pool     *pool
	accepted *accepted
	votes    *votes
	polling  *polling
	fetching *fetching
	building *building
	catchUp  *catchUp
	issuing  *issuing
	frontier *frontier
	deciding *certifying
	history  *history.History
	absences *history.Absences

	preferred primitives.Hash // as the VM knows it
	undecided time.Time       // since when there has been something to decide above the root
}

// New makes a core that stands on the last accepted block.
func New(cfg Config, last Anchor, now time.Time) (*Core, error) {
	if err := cfg.Parameters.Validate(cfg.Validators.Units()); err != nil && !cfg.Unchecked {
		return nil, err
	}
	if cfg.VerifySignature == nil {
		cfg.VerifySignature = func(b *block.Block, key ed25519.PublicKey) bool { return b.Verify(cfg.Chain, key) }
	}
	if cfg.VerifyVote == nil {
		cfg.VerifyVote = func(height uint64, v finality.Signed) bool {
			return finality.VerifyVote(cfg.Chain.NetworkID, cfg.Chain.ID, height, cfg.Validators, v)
		}
	}
	if cfg.Pace == (finality.Pace{}) {
		cfg.Pace = defaultPace
	}
	c := &Core{turn: &turn{now: now}, chain: cfg.Chain, self: cfg.Self, preferred: last.ID}
	c.assemble(&cfg, last)
	return c, nil
}

// assemble makes the parts, each with those that it uses.
func (c *Core) assemble(cfg *Config, last Anchor) {
	t, set, params := c.turn, cfg.Validators, cfg.Parameters
	c.tree, c.pool, c.accepted = tree.New(params, last.ID, last.Height), newPool(set.Len()), newAccepted(last)
	c.history, c.absences = history.New(set.Len()), history.NewAbsences(set.Len())
	c.asking, c.roster = newAsking(t, cfg.Chain.ID, cfg.FirstRequestID), newRoster(cfg, last.Height)
	c.votes = &votes{tree: c.tree, pool: c.pool, accepted: c.accepted}
	c.polling = &polling{
		turn: t, rand: cfg.Rand, params: params, asking: c.asking, roster: c.roster, votes: c.votes, tree: c.tree,
		open: poll.NewSet(c.tree), history: c.history,
	}
	c.frontier = &frontier{
		turn: t, rand: cfg.Rand, most: params.K, asking: c.asking, roster: c.roster, votes: c.votes, at: t.now,
	}
	c.fetching = newFetching(t, cfg.Rand, c.asking, c.roster)
	c.building = &building{
		turn: t, chain: cfg.Chain, set: set, params: params, tree: c.tree, pool: c.pool, accepted: c.accepted,
		roster: c.roster, tipSince: t.now,
	}
	c.catchUp = &catchUp{
		turn: t, chain: cfg.Chain, rand: cfg.Rand, sample: params.K, asking: c.asking, roster: c.roster,
		accepted: c.accepted,
		rest:     c,
	}
	inDoubt := make(doubts)
	c.building.doubts = inDoubt
	c.issuing = &issuing{
		turn: t, self: cfg.Self, set: set, signed: cfg.VerifySignature, tree: c.tree, pool: c.pool,
		places: newPlaces(params.MaxOutstandingItems, set.Len()), mutes: newMutes(t, set), accepted: c.accepted,
		seen: newProposals(t, cfg.Chain, c.accepted), history: c.history, doubts: inDoubt,
		fetching: c.fetching, building: c.building, catchUp: c.catchUp,
	}
	c.deciding = &certifying{
		turn: t, chain: cfg.Chain, set: set, pace: cfg.Pace, flaws: cfg.Flaws, genuine: cfg.VerifyVote,
		accepted: c.accepted, tree: c.tree,
		pool: c.pool, roster: c.roster, building: c.building, issuing: c.issuing,
		keeping: &keeping{turn: t, pool: c.pool},
		own:     ownVotes{height: cfg.OwnHeight, votes: cfg.Own}, history: c.history,
	}
	if cfg.Certificate != nil {
		c.deciding.compare(last.Height, cfg.Certificate)
	}
	c.building.certain = c.deciding.certain
	c.catchUp.certifies, c.catchUp.certified = c.deciding.certifies, c.deciding.onCertified
}

// Step handles one input.
func (c *Core) Step(now time.Time, in Input) []Action {
	c.now, c.out = now, nil
	switch in := in.(type) {
	case PeerConnected:
		c.onConnected(in.Node)
	case PeerDisconnected:
		c.onDisconnected(in.Node)
	case PushQuery:
		c.onPushQuery(in)
	case PullQuery:
		c.onPullQuery(in)
	case Chits:
		c.onChits(in)
	case Put:
		c.onPut(in)
	case Ancestors:
		c.onAncestors(in)
	case AcceptedFrontier:
		c.onAcceptedFrontier(in)
	case Accepted:
		c.onAccepted(in)
	case RequestFailed:
		c.onRequestFailed(in)
	case Verified:
		c.onVerified(in.ID)
	case Invalid:
		c.issuing.invalid(in.ID, in.Reason)
	case Unjudged:
		c.issuing.unjudged(in)
	case Committed:
		c.onCommitted(in.ID)
	case BlockKept:
		c.deciding.onKept(in.Number)
	case Restored:
		c.deciding.onRestored(in)
	case Votes:
		c.deciding.onVotes(in)
	case GetVotes:
		c.deciding.onGetVotes(in)
	case Proof:
		c.deciding.onProof(in)
	case Certified:
		c.onCertified(in)
	case VoteSigned:
		c.deciding.onSigned(in)
	case PendingTxs:
		c.building.pendingTxs()
	case Built:
		c.onBuilt(in.Block)
	case NotBuilt:
		c.building.notBuilt(in.Why)
	case CheckFrontier:
		c.frontier.soon()
	default:
		panic(fmt.Sprintf("snowman: an input of type %T", in)) // the caller's mistake, not a peer's: Input is closed
	}
	c.settle()
	return c.out
}

// Tick handles what is due.
func (c *Core) Tick(now time.Time) []Action {
	c.now, c.out = now, nil
	c.expire()
	c.issuing.open()
	c.deciding.expire()
	c.settle()
	return c.out
}

// settle does everything that may have become possible, whatever happened.
func (c *Core) settle() {
	c.asking.repeat()
	c.polling.take()
	c.prefer()
	c.catchUp.follow()
	c.decide()
	if !c.catchUp.active() {
		c.poll()
		c.building.propose()
	}
	c.frontier.check()
}

// Next is when Tick is needed next.
func (c *Core) Next() time.Time {
	next := c.frontier.at
	for _, at := range []func() (time.Time, bool){
		c.asking.table.Next, c.asking.next, c.polling.open.Next, c.polling.next, c.building.next,
		c.catchUp.next, c.deciding.next, c.issuing.future.next,
	} {
		if t, ok := at(); ok && t.Before(next) {
			next = t
		}
	}
	return next
}

// Stop ends everything that is outstanding. The core isn't used any more.
func (c *Core) Stop() { c.asking.table.Cancel() }
