package snowman

import (
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowball"
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
	// FirstLife: this node has never voted on the chain before, so there is nothing that it may have forgotten.
	FirstLife bool
	// VerifySignature replaces ed25519 in a simulation. Nil: the real thing.
	VerifySignature func(*block.Block, ed25519.PublicKey) bool
	// Unchecked takes parameters that no simulation has found safe. Only the simulation's own controls set it.
	Unchecked bool
}

// Anchor is the last accepted block, as the VM's host knows it.
type Anchor struct {
	ID     primitives.Hash
	Height uint64
	Time   uint64 // milliseconds since 1970; 0 for the genesis block
}

// Core is one chain's consensus on one node.
type Core struct {
	cfg Config
	now time.Time
	out []Action

	tree   *tree.Tree
	blocks map[primitives.Hash]*entry // undecided, and some that were found invalid
	memory memory
	root   Anchor // of the tree: decided, perhaps not yet durable
	stable Anchor // durable
	recent recent // ids of blocks decided lately
	queue  []*entry

	polls     *poll.Set
	table     *requests.Table
	requestID uint32
	repoll    pacing
	fetches   map[primitives.Hash]*fetch
	byRequest map[uint32]primitives.Hash // of the fetches

	peers     map[primitives.NodeID]*peer
	voters    []*peer // the connected ones among the validators, by their index; nil for the others and for this node
	known     known
	validator int // own index; -1 for a node without a vote
	frontier  time.Time
	catchUp   catchUp

	build     building
	slots     proposer.Slots
	preferred primitives.Hash // last told to the VM
	amnesia   amnesia
	lost      resends
	undecided time.Time // since when there has been something to decide above the root
}

// New makes a core that stands on the last accepted block.
func New(cfg Config, last Anchor, now time.Time) (*Core, error) {
	if err := cfg.Parameters.Validate(cfg.Validators.Units()); err != nil && !cfg.Unchecked {
		return nil, err
	}
	if cfg.VerifySignature == nil {
		cfg.VerifySignature = func(b *block.Block, key ed25519.PublicKey) bool { return b.Verify(cfg.Chain, key) }
	}
	t := tree.New(cfg.Parameters, last.ID, last.Height)
	c := &Core{
		cfg: cfg, now: now, tree: t, polls: poll.NewSet(t), table: requests.New(maxRequests),
		blocks: make(map[primitives.Hash]*entry), root: last, stable: last, requestID: cfg.FirstRequestID,
		fetches: make(map[primitives.Hash]*fetch), byRequest: make(map[uint32]primitives.Hash),
		peers: make(map[primitives.NodeID]*peer), voters: make([]*peer, cfg.Validators.Len()), validator: -1, preferred: last.ID, frontier: now,
	}
	c.recent.add(last.ID, last.Height)
	if i, ok := cfg.Validators.Index(cfg.Self); ok {
		c.validator = i
	}
	c.build.tipSince = now
	c.amnesia.begin(c)
	c.count()
	return c, nil
}

const maxRequests = 4096

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
		c.onInvalid(in)
	case Committed:
		c.onCommitted(in.ID)
	case PendingTxs:
		c.onPendingTxs()
	case Built:
		c.onBuilt(in.Block)
	case NotBuilt:
		c.onNotBuilt(in.Why)
	case CheckFrontier:
		c.frontier = now
	default:
		panic(fmt.Sprintf("snowman: an input of type %T", in)) // the caller's mistake, not a peer's: Input is closed
	}
	c.settle()
	return c.out
}

// Tick handles what is due.
func (c *Core) Tick(now time.Time) []Action {
	c.now, c.out = now, nil
	for _, k := range c.table.Expire(now) {
		c.fail(k, requests.TimedOut)
	}
	c.settle()
	return c.out
}

// settle does everything that may have become possible, whatever happened.
func (c *Core) settle() {
	c.repeat()
	c.remember()
	c.takePolls()
	c.prefer()
	c.followNetwork()
	c.poll()
	c.propose()
	c.checkFrontier()
}

// Next is when Tick is needed next.
func (c *Core) Next() time.Time {
	next := c.frontier
	for _, at := range []func() (time.Time, bool){c.table.Next, c.polls.Next, c.repoll.next, c.build.next, c.catchUp.next, c.amnesia.next, c.lost.next} {
		if t, ok := at(); ok && t.Before(next) {
			next = t
		}
	}
	return next
}

// Stop ends everything that is outstanding. The core isn't used any more.
func (c *Core) Stop() { c.table.Cancel() }

func (c *Core) emit(a Action) { c.out = append(c.out, a) }

func (c *Core) key(n primitives.NodeID, id uint32, answer requests.Answer) requests.Key {
	return requests.Key{Node: n, Chain: c.cfg.Chain.ID, ID: id, Answer: answer}
}

func (c *Core) nextRequestID() uint32 {
	c.requestID++
	return c.requestID
}
